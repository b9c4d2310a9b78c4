//! Windows, their aggregations, cogroups, suppress.

use super::thing::on_table;
use super::{Builder, CaseKey, Made, StoreRole, Thing, Unbuildable, unsupported};
use crate::conformance::case::{Aggregate, CogroupInput, Node, Stored, Suppress, Windowing};
use crate::conformance::functions::Combiner;
use crate::conformance::value::Value;
use headwater_streams::dsl::{
    Hopping, KGroupedStream, KTable, Session, SessionMaterialized, SessionStore, Sliding, Suppress as Suppression, Tumbling, Unlimited,
    WindowMaterialized, WindowStore,
};

/// The windows of a case, of one of the kinds.
enum Kind {
    Tumbling(Tumbling),
    Hopping(Hopping),
    Sliding(Sliding),
    Session(Session),
    Unlimited(Unlimited),
}

impl Kind {
    /// The windows, and the size of the fixed or sliding ones.
    fn of(windowing: &Windowing) -> Result<(Kind, i64), Unbuildable> {
        let Windowing { kind, size_ms, advance_ms, diff_ms, gap_ms, start_ms, grace_ms, .. } = windowing;
        let grace = grace_ms.unwrap_or(0);
        let missing = || unsupported(format!("a {kind} window without its size"));
        let size = || size_ms.ok_or_else(missing);
        Ok(match kind.as_str() {
            "tumbling" => (Kind::Tumbling(Tumbling::of_ms(size()?).grace_ms(grace)), size()?),
            "hopping" => (Kind::Hopping(Hopping::of_ms(size()?, advance_ms.ok_or_else(missing)?).grace_ms(grace)), size()?),
            "sliding" => (Kind::Sliding(Sliding::of_ms(diff_ms.ok_or_else(missing)?).grace_ms(grace)), diff_ms.ok_or_else(missing)?),
            "session" => (Kind::Session(Session::of_ms(gap_ms.ok_or_else(missing)?).grace_ms(grace)), 0),
            "unlimited" => (Kind::Unlimited(Unlimited::new().start_ms(start_ms.unwrap_or(0))), i64::MAX),
            other => return Err(unsupported(format!("unsupported window {other}"))),
        })
    }
}

impl Builder<'_> {
    pub(super) fn window(&mut self, windowing: &Windowing) -> Made {
        let (kind, size) = Kind::of(windowing)?;
        let thing = match self.thing(&windowing.from)? {
            Thing::Grouped(grouped) => window_stream(&grouped, kind, size),
            Thing::Cogrouped(cogroup) => match kind {
                Kind::Tumbling(windows) => Thing::TimeCogroup(cogroup.windowed_by(windows), size),
                Kind::Hopping(windows) => Thing::TimeCogroup(cogroup.windowed_by(windows), size),
                Kind::Unlimited(windows) => Thing::TimeCogroup(cogroup.windowed_by(windows), size),
                Kind::Sliding(windows) => Thing::SlidingCogroup(cogroup.windowed_by(windows), size),
                Kind::Session(windows) => Thing::SessionCogroup(cogroup.windowed_by(windows)),
            },
            other => return Err(other.has_no("window")),
        };
        Ok(Some(match (windowing.emit.as_deref(), thing) {
            (None, thing) => thing,
            (Some("on_close"), Thing::TimeWindowed(windowed, size)) => Thing::TimeWindowed(windowed.emit_on_close(), size),
            (Some("on_close"), Thing::SlidingWindowed(windowed, size)) => Thing::SlidingWindowed(windowed.emit_on_close(), size),
            (Some("on_close"), Thing::SessionWindowed(windowed)) => Thing::SessionWindowed(windowed.emit_on_close()),
            (Some(emit), _) => return Err(unsupported(format!("unsupported emit {emit}"))),
        }))
    }

    pub(super) fn cogroup(&mut self, inputs: &[CogroupInput]) -> Made {
        let mut cogroup = None;
        for CogroupInput { from, adder } in inputs {
            let Thing::Grouped(grouped) = self.thing(from)? else { return Err(self.thing(from)?.has_no("cogroup")) };
            let adder = adder.clone();
            let add = move |key: &Value, value: Value, held: &mut Value| *held = adder.combine(key, held, &value);
            cogroup = Some(match cogroup {
                None => grouped.cogroup(add),
                Some(cogroup) => headwater_streams::dsl::CogroupedKStream::with(cogroup, &grouped, add),
            });
        }
        cogroup.map(|cogroup| Some(Thing::Cogrouped(cogroup))).ok_or_else(|| unsupported("a cogroup of nothing"))
    }

    pub(super) fn count_windows(&mut self, node: &Node, from: Thing, store: Option<&Stored>) -> Made {
        let add = |_: &Value, _: Value, count: &mut Value| *count = Value::Long(count.number() + 1);
        Ok(Some(Thing::WindowedTable(match from {
            Thing::TimeWindowed(windowed, size) => windowed.aggregate(self.window_store(node, store, size), || Value::Long(0), add),
            Thing::SlidingWindowed(windowed, size) => windowed.aggregate(self.window_store(node, store, size), || Value::Long(0), add),
            Thing::SessionWindowed(windowed) => {
                let merge = |_: &Value, one: Value, other: Value| Value::Long(one.number() + other.number());
                windowed.aggregate(self.session_store(node, store), || Value::Long(0), add, merge)
            }
            other => return Err(other.has_no("count")),
        })))
    }

    pub(super) fn reduce_windows(
        &mut self, node: &Node, from: Thing, adder: &Combiner, _subtractor: Option<&Combiner>, store: Option<&Stored>,
    ) -> Made {
        let adder = adder.clone();
        let reduce = move |_: &Value, held: Value, value: Value| adder.combine(&Value::Null, &held, &value);
        Ok(Some(Thing::WindowedTable(match from {
            Thing::TimeWindowed(windowed, size) => windowed.reduce(self.window_store(node, store, size), reduce),
            Thing::SlidingWindowed(windowed, size) => windowed.reduce(self.window_store(node, store, size), reduce),
            Thing::SessionWindowed(windowed) => windowed.reduce(self.session_store(node, store), reduce),
            other => return Err(other.has_no("reduce")),
        })))
    }

    pub(super) fn aggregate_windows(&mut self, node: &Node, from: Thing, aggregate: &Aggregate) -> Made {
        let (value, store) = (aggregate.init.clone(), aggregate.store.as_ref());
        let init = move || value.clone();
        let adder = aggregate.adder.clone().unwrap_or(Combiner::Null);
        let add = move |key: &Value, value: Value, held: &mut Value| *held = adder.combine(key, held, &value);
        let merger = aggregate.merger.clone().unwrap_or(Combiner::Null);
        let merge = move |key: &Value, one: Value, other: Value| merger.combine(key, &one, &other);
        Ok(Some(match from {
            Thing::TimeWindowed(windowed, size) => {
                Thing::WindowedTable(windowed.aggregate(self.window_store(node, store, size), init, add))
            }
            Thing::SlidingWindowed(windowed, size) => {
                Thing::WindowedTable(windowed.aggregate(self.window_store(node, store, size), init, add))
            }
            Thing::SessionWindowed(windowed) => Thing::WindowedTable(windowed.aggregate(self.session_store(node, store), init, add, merge)),
            Thing::Cogrouped(cogroup) => Thing::Table(cogroup.aggregate(self.store(node, store, StoreRole::Rows), init)),
            Thing::TimeCogroup(cogroup, size) => Thing::WindowedTable(cogroup.aggregate(self.window_store(node, store, size), init)),
            Thing::SlidingCogroup(cogroup, size) => Thing::WindowedTable(cogroup.aggregate(self.window_store(node, store, size), init)),
            Thing::SessionCogroup(cogroup) => Thing::WindowedTable(cogroup.aggregate(self.session_store(node, store), init, merge)),
            other => return Err(other.has_no("aggregate")),
        }))
    }

    pub(super) fn suppress(&mut self, node: &Node, suppress: &Suppress) -> Made {
        let (from, label) = (self.thing(&suppress.from)?, self.label(node));
        match (suppress.until.as_str(), from) {
            ("window_closes", Thing::WindowedTable(table)) => {
                let until = Suppression::until_window_closes();
                let max_records = suppress.buffer.as_ref().and_then(|buffer| buffer.max_records);
                let until = max_records.map_or(until, |max| until.max_records(max));
                Ok(Some(Thing::WindowedTable(table.suppress(until).named(label))))
            }
            ("time_limit", from) => Ok(Some(on_table!(from, "suppress", table => suppress_for(table, suppress, label)))),
            ("window_closes", Thing::Table(_)) => Err(Unbuildable::Untypable("invalid_topology")),
            (_, other) => Err(other.has_no("suppress")),
        }
    }

    fn window_store(&mut self, node: &Node, stored: Option<&Stored>, size_ms: i64) -> WindowMaterialized<Value, Value> {
        let store = WindowStore::<Value, Value>::of(self.store_name(node, stored, StoreRole::Windows { size_ms }));
        let store = if self.is_cached(stored) { store.cached(super::CACHE_BYTES) } else { store.uncached() };
        let store = stored.and_then(|stored| stored.retention_ms).map_or(store, |retention| store.retention_ms(retention));
        if is_logged(stored) { store } else { store.unlogged().may_lose_one_interval() }
    }

    fn session_store(&mut self, node: &Node, stored: Option<&Stored>) -> SessionMaterialized<Value, Value> {
        let store = SessionStore::<Value, Value>::of(self.store_name(node, stored, StoreRole::Sessions));
        let store = if self.is_cached(stored) { store.cached(super::CACHE_BYTES) } else { store.uncached() };
        let store = stored.and_then(|stored| stored.retention_ms).map_or(store, |retention| store.retention_ms(retention));
        if is_logged(stored) { store } else { store.unlogged().may_lose_one_interval() }
    }

    fn store_name(&mut self, node: &Node, stored: Option<&Stored>, role: StoreRole) -> String {
        let named = stored.and_then(|stored| stored.name.clone());
        self.stores.extend(named.iter().map(|name| (name.clone(), role)));
        named.unwrap_or_else(|| format!("{}-store", self.label(node)))
    }
}

fn is_logged(stored: Option<&Stored>) -> bool {
    stored.is_none_or(|stored| stored.logging != Some(false))
}

fn window_stream(grouped: &KGroupedStream<Value, Value>, kind: Kind, size: i64) -> Thing {
    match kind {
        Kind::Tumbling(windows) => Thing::TimeWindowed(grouped.windowed_by(windows), size),
        Kind::Hopping(windows) => Thing::TimeWindowed(grouped.windowed_by(windows), size),
        Kind::Unlimited(windows) => Thing::TimeWindowed(grouped.windowed_by(windows), size),
        Kind::Sliding(windows) => Thing::SlidingWindowed(grouped.windowed_by(windows), size),
        Kind::Session(windows) => Thing::SessionWindowed(grouped.windowed_by(windows)),
    }
}

fn suppress_for<K: CaseKey>(table: KTable<K, Value>, suppress: &Suppress, label: String) -> Thing {
    let until = Suppression::until_time_limit_ms(suppress.wait_ms.unwrap_or(0));
    let buffer = suppress.buffer.as_ref();
    let until = buffer.and_then(|buffer| buffer.max_records).map_or(until, |max| until.max_records(max));
    let shuts_down = buffer.is_some_and(|buffer| buffer.full.as_deref() == Some("shut_down"));
    K::table(table.suppress(if shuts_down { until.shut_down_when_full() } else { until }).named(label))
}
