//! Windows, their aggregations, suppress.

use super::{Builder, Made, StoreRole, Thing, unsupported};
use crate::conformance::case::{Aggregate, Node, Stored, Suppress, Windowing};
use crate::conformance::functions::Combiner;
use crate::conformance::value::Value;
use headwater_streams::dsl::{Hopping, Tumbling, WindowMaterialized, WindowStore};
use std::time::Duration;

impl Builder<'_> {
    pub(super) fn window(&mut self, windowing: &Windowing) -> Made {
        let Windowing { kind, size_ms, advance_ms, grace_ms, emit, .. } = windowing;
        let grace = grace_ms.unwrap_or(0);
        let grouped = match self.thing(&windowing.from)? {
            Thing::Grouped(grouped) => grouped,
            other => return Err(other.has_no("window")),
        };
        if emit.is_some() {
            return Err(unsupported("unsupported emit"));
        }
        match (kind.as_str(), size_ms, advance_ms) {
            ("tumbling", Some(size), _) => {
                Ok(Some(Thing::TimeWindowed(grouped.windowed_by(Tumbling::of_ms(*size).grace_ms(grace)), *size)))
            }
            ("hopping", Some(size), Some(advance)) => {
                let windows = Hopping::of_ms(*size, *advance).grace_ms(grace);
                Ok(Some(Thing::TimeWindowed(grouped.windowed_by(windows), *size)))
            }
            _ => Err(unsupported(format!("unsupported window {kind}"))),
        }
    }

    pub(super) fn count_windows(&mut self, node: &Node, from: Thing, store: Option<&Stored>) -> Made {
        let Thing::TimeWindowed(windowed, size_ms) = from else { return Err(from.has_no("count")) };
        let store = self.window_store(node, store, size_ms)?;
        let add = |_: &Value, _: Value, count: &mut Value| *count = Value::Long(count.number() + 1);
        Ok(Some(Thing::WindowedTable(windowed.aggregate(store, || Value::Long(0), add))))
    }

    pub(super) fn reduce_windows(
        &mut self, node: &Node, from: Thing, adder: &Combiner, _subtractor: Option<&Combiner>, store: Option<&Stored>,
    ) -> Made {
        let Thing::TimeWindowed(windowed, size_ms) = from else { return Err(from.has_no("reduce")) };
        let (store, adder) = (self.window_store(node, store, size_ms)?, adder.clone());
        let reduce = move |_: &Value, held: Value, value: Value| adder.combine(&Value::Null, &held, &value);
        Ok(Some(Thing::WindowedTable(windowed.reduce(store, reduce))))
    }

    pub(super) fn aggregate_windows(&mut self, node: &Node, from: Thing, aggregate: &Aggregate) -> Made {
        let (Thing::TimeWindowed(windowed, size_ms), Some(adder)) = (from.clone(), aggregate.adder.clone()) else {
            return Err(from.has_no("aggregate"));
        };
        let (store, init) = (self.window_store(node, aggregate.store.as_ref(), size_ms)?, aggregate.init.clone());
        let add = move |key: &Value, value: Value, held: &mut Value| *held = adder.combine(key, held, &value);
        Ok(Some(Thing::WindowedTable(windowed.aggregate(store, move || init.clone(), add))))
    }

    pub(super) fn suppress(&mut self, _: &Node, _: &Suppress) -> Made {
        Err(unsupported("unsupported op suppress"))
    }

    fn window_store(
        &mut self, node: &Node, stored: Option<&Stored>, size_ms: i64,
    ) -> Result<WindowMaterialized<Value, Value>, super::Unbuildable> {
        let named = stored.and_then(|stored| stored.name.clone());
        self.stores.extend(named.iter().map(|name| (name.clone(), StoreRole::Windows { size_ms })));
        let name = named.unwrap_or_else(|| format!("{}-store", self.label(node)));
        let store = WindowStore::<Value, Value>::of(name);
        let store = if self.is_cached(stored) { store.cached(super::CACHE_BYTES) } else { store.uncached() };
        let store = match stored.and_then(|stored| stored.retention_ms) {
            None => store,
            Some(retention) => {
                store.retention(Duration::from_millis(u64::try_from(retention).map_err(|_| unsupported("negative retention"))?))
            }
        };
        let logged = stored.is_none_or(|stored| stored.logging != Some(false));
        Ok(if logged { store } else { store.unlogged().may_lose_one_interval() })
    }
}
