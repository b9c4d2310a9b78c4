//! Groupings, and what aggregates them without windows.

use super::thing::on_stream;
use super::{Builder, CaseKey, Made, StoreRole, Thing};
use crate::conformance::case::{Aggregate, Node, Stored};
use crate::conformance::functions::{Combiner, Mapper};
use crate::conformance::value::Value;
use headwater_streams::dsl::{KGroupedStream, KStream};

impl Builder<'_> {
    pub(super) fn group_by_key(&mut self, node: &Node, from: &str) -> Made {
        fn group<K: CaseKey>(stream: KStream<K, Value>, node: &Node) -> Thing {
            K::grouped(called(stream.group_by_key(), node))
        }
        Ok(Some(on_stream!(self.thing(from)?, "group_by_key", stream => group(stream, node))))
    }

    pub(super) fn group_by(&mut self, node: &Node, from: &str, key: &Mapper, value: Option<&Mapper>) -> Made {
        match self.thing(from)? {
            table @ (Thing::Table(_) | Thing::WindowedTable(_)) => self.group_table_by(node, table, key, value),
            from => {
                let key = key.clone();
                let grouped = on_stream!(from, "group_by", stream => stream.group_by(move |k, v| key.apply(&k.to_value(), v)));
                Ok(Some(Thing::Grouped(called(grouped, node))))
            }
        }
    }

    pub(super) fn count(&mut self, node: &Node, from: &str, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            Thing::Grouped(grouped) => Ok(Some(self.count_stream(node, grouped, store))),
            Thing::WindowedGrouped(grouped) => Ok(Some(self.count_stream(node, grouped, store))),
            Thing::GroupedTable(grouped) => Ok(Some(self.count_rows(node, &grouped, store))),
            from => self.count_windows(node, from, store),
        }
    }

    pub(super) fn reduce(
        &mut self, node: &Node, from: &str, adder: &Combiner, subtractor: Option<&Combiner>, store: Option<&Stored>,
    ) -> Made {
        match self.thing(from)? {
            Thing::Grouped(grouped) => Ok(Some(self.reduce_stream(node, grouped, adder.clone(), store))),
            Thing::WindowedGrouped(grouped) => Ok(Some(self.reduce_stream(node, grouped, adder.clone(), store))),
            Thing::GroupedTable(grouped) => {
                let by = (adder.clone(), subtractor.cloned().ok_or_else(|| super::unsupported("a reduce without subtractor"))?);
                Ok(Some(self.reduce_rows(node, &grouped, by, store)))
            }
            from => self.reduce_windows(node, from, adder, subtractor, store),
        }
    }

    pub(super) fn aggregate(&mut self, node: &Node, aggregate: &Aggregate) -> Made {
        let adder = aggregate.adder.clone();
        match (self.thing(&aggregate.from)?, adder) {
            (Thing::Grouped(grouped), Some(adder)) => Ok(Some(self.aggregate_stream(node, grouped, aggregate, adder))),
            (Thing::WindowedGrouped(grouped), Some(adder)) => Ok(Some(self.aggregate_stream(node, grouped, aggregate, adder))),
            (Thing::GroupedTable(grouped), Some(adder)) => {
                let subtractor = aggregate.subtractor.clone().ok_or_else(|| super::unsupported("an aggregate without subtractor"))?;
                Ok(Some(self.aggregate_rows(node, &grouped, aggregate, (adder, subtractor))))
            }
            (from, _) => self.aggregate_windows(node, from, aggregate),
        }
    }

    /// A count is a long of the cases, so it is made as an aggregation.
    fn count_stream<K: CaseKey>(&mut self, node: &Node, grouped: KGroupedStream<K, Value>, store: Option<&Stored>) -> Thing {
        let store = self.store(node, store, StoreRole::Rows);
        let add = |_: &K, _: Value, count: &mut Value| *count = Value::Long(count.number() + 1);
        K::table(grouped.aggregate(store, || Value::Long(0), add))
    }

    fn reduce_stream<K: CaseKey>(
        &mut self, node: &Node, grouped: KGroupedStream<K, Value>, adder: Combiner, store: Option<&Stored>,
    ) -> Thing {
        let store = self.store(node, store, StoreRole::Rows);
        K::table(grouped.reduce(store, move |_, held, value| adder.combine(&Value::Null, &held, &value)))
    }

    fn aggregate_stream<K: CaseKey>(
        &mut self, node: &Node, grouped: KGroupedStream<K, Value>, aggregate: &Aggregate, adder: Combiner,
    ) -> Thing {
        let (store, init) = (self.store(node, aggregate.store.as_ref(), StoreRole::Rows), aggregate.init.clone());
        let add = move |key: &K, value: Value, held: &mut Value| *held = adder.combine(&key.to_value(), held, &value);
        K::table(grouped.aggregate(store, move || init.clone(), add))
    }
}

/// Only a name that the case gives names the repartition; otherwise it is called as its store, and two for one store are a mistake, as in Kafka.
fn called<K: CaseKey>(grouped: KGroupedStream<K, Value>, node: &Node) -> KGroupedStream<K, Value> {
    match &node.name {
        Some(name) => grouped.named(name),
        None => grouped,
    }
}
