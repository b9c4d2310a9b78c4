//! Joins of streams with streams, tables and global tables, and of tables by key.

use super::streams::entering;
use super::{Builder, CaseKey, Made, StoreRole, Thing, unsupported};
use crate::conformance::case::{Join, JoinKind, JoinWindow, Node, Stored};
use crate::conformance::value::Value;
use headwater_streams::dsl::{GlobalKTable, JoinWindows, KStream, KTable, RightSide};
use headwater_streams::topic::Topic;

impl Builder<'_> {
    pub(super) fn join(&mut self, node: &Node, join: &Join) -> Made {
        match (self.thing(&join.left)?, self.thing(&join.right)?) {
            (Thing::Stream(left), Thing::Stream(right)) => {
                let (left, right) = (self.entered(node, (&join.left, "left"), left), self.entered(node, (&join.right, "right"), right));
                self.meet(node, &left, &right, join)
            }
            (Thing::WindowedStream(left), Thing::WindowedStream(right)) => {
                let (left, right) = (self.entered(node, (&join.left, "left"), left), self.entered(node, (&join.right, "right"), right));
                self.meet(node, &left, &right, join)
            }
            (Thing::Stream(left), Thing::Table(right)) => {
                let left = self.entered(node, (&join.left, "left"), left);
                self.look_up(node, &left, &right, join)
            }
            (Thing::Stream(left), Thing::Global(right)) => self.look_up_global(node, &left, right, join),
            (Thing::WindowedStream(left), Thing::Global(right)) => self.look_up_global(node, &left, right, join),
            (Thing::WindowedStream(left), Thing::WindowedTable(right)) => {
                let left = self.entered(node, (&join.left, "left"), left);
                self.look_up(node, &left, &right, join)
            }
            (Thing::Table(left), Thing::Table(right)) => Ok(Some(self.join_tables(node, &left, &right, join))),
            (Thing::WindowedTable(left), Thing::WindowedTable(right)) => Ok(Some(self.join_tables(node, &left, &right, join))),
            (left, _) => Err(left.has_no("join")),
        }
    }

    pub(super) fn global_table(&mut self, node: &Node, topic: &str, store: Option<&Stored>) -> Made {
        let store = self.store(node, store, StoreRole::Rows);
        Ok(Some(Thing::Global(self.app.global_table(Topic::<Value, Value>::of(topic), store))))
    }

    fn look_up_global<K: CaseKey>(
        &mut self, node: &Node, left: &KStream<K, Value>, right: GlobalKTable<Value, Value>, join: &Join,
    ) -> Made {
        let key = join.key.clone().ok_or_else(|| unsupported("a join with a global table without a key"))?;
        let by = right.by(move |k: &K, v: &Value| key.apply(&k.to_value(), v));
        self.look_up_in(node, left, &by, join)
    }

    fn meet<K: CaseKey>(&mut self, node: &Node, left: &KStream<K, Value>, right: &KStream<K, Value>, join: &Join) -> Made {
        let (joiner, label) = (join.joiner.clone(), self.label(node));
        if self.config.optimizes() && self.origin(&join.left) == self.origin(&join.right) {
            let name = join.store_name.as_ref().unwrap_or(&label);
            let (windows, pair) = (windows(join.window.as_ref()), move |key: &_, l, r| joiner.combine(&CaseKey::to_value(key), &l, &r));
            let joined = match join.kind {
                JoinKind::Inner => left.self_join(name, windows, pair),
                JoinKind::Left | JoinKind::Outer => left.left_self_join(name, windows, pair),
            };
            return Ok(Some(K::stream(joined.named(label))));
        }
        let within = right.within(windows(join.window.as_ref())).stored(join.store_name.as_ref().unwrap_or(&label));
        let joined = match join.kind {
            JoinKind::Inner => left.join(&within, move |key, left, right| joiner.combine(&key.to_value(), &left, &right)),
            JoinKind::Left => {
                left.left_join(&within, move |key, left, right| joiner.combine(&key.to_value(), &left, &right.unwrap_or_default()))
            }
            JoinKind::Outer => left.outer_join(&within, move |key, left, right| {
                joiner.combine(&key.to_value(), &left.unwrap_or_default(), &right.unwrap_or_default())
            }),
        };
        Ok(Some(K::stream(joined.named(label))))
    }

    /// A side of a join, as the repartition that it may need is called. In Kafka a join without a name enters by the repartition that was last made for a join
    /// of its stream, whoever it is called after.
    pub(super) fn entered<K: CaseKey>(&mut self, node: &Node, (id, side): (&str, &str), stream: KStream<K, Value>) -> KStream<K, Value> {
        let known = self.entered.get(id).filter(|_| node.name.is_none()).cloned().and_then(K::of_stream);
        known.unwrap_or_else(|| {
            let name = node.name.as_ref().map_or_else(|| format!("{id}-joined"), |name| format!("{name}-{side}"));
            let entered = entering(&stream, name);
            self.entered.insert(id.to_owned(), K::stream(entered.clone()));
            entered
        })
    }

    /// Where a stream comes from: nodes that read the same topics are one.
    fn origin<'i>(&'i self, id: &'i str) -> &'i str {
        self.topics_of.get(id).map_or(id, String::as_str)
    }

    fn look_up<K: CaseKey>(&mut self, node: &Node, left: &KStream<K, Value>, right: &KTable<K, Value>, join: &Join) -> Made {
        match join.grace_ms {
            Some(grace_ms) => self.look_up_in(node, left, &right.with_grace_ms(grace_ms).stored(self.label(node)), join),
            None => self.look_up_in(node, left, right, join),
        }
    }

    fn look_up_in<K: CaseKey>(
        &mut self, node: &Node, left: &KStream<K, Value>, right: &impl RightSide<K, Value, Key = K, Value = Value>, join: &Join,
    ) -> Made {
        let (joiner, label) = (join.joiner.clone(), self.label(node));
        let joined = match join.kind {
            JoinKind::Inner => left.join(right, move |key, left, right| joiner.combine(&key.to_value(), &left, &right)),
            JoinKind::Left => {
                left.left_join(right, move |key, left, right| joiner.combine(&key.to_value(), &left, &right.unwrap_or_default()))
            }
            JoinKind::Outer => return Err(unsupported("an outer join of a stream and a table")),
        };
        Ok(Some(K::stream(joined.named(label))))
    }
}

fn windows(window: Option<&JoinWindow>) -> JoinWindows {
    let JoinWindow { diff_ms, before_ms, after_ms, grace_ms } = window.cloned().unwrap_or_default();
    let windows = JoinWindows::of_ms(diff_ms.unwrap_or(0)).grace_ms(grace_ms.unwrap_or(0));
    let windows = before_ms.map_or(windows, |before| windows.before_ms(before));
    after_ms.map_or(windows, |after| windows.after_ms(after))
}
