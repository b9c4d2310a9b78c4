//! Tables: sources, filters, maps, groupings of tables, joins of tables.

use super::streams::{called, entering, named, timed};
use super::thing::on_table;
use super::{Builder, CaseKey, Made, StoreRole, Thing, unsupported};
use crate::conformance::case::{Aggregate, Join, JoinKind, Node, Stored};
use crate::conformance::functions::{Combiner, Mapper, Predicate};
use crate::conformance::value::Value;
use headwater_streams::dsl::{KGroupedTable, KStream, KTable};
use headwater_streams::topic::Topic;

impl Builder<'_> {
    pub(super) fn table(&mut self, node: &Node, topic: &str, timestamps: Option<&str>, store: Option<&Stored>) -> Made {
        let source = named(timed(Topic::<Value, Value>::of(topic).source(), timestamps)?, node);
        let table = match store.filter(|store| store.name.is_some()) {
            Some(stored) => {
                let store = self.store(node, Some(stored), StoreRole::Rows);
                self.app.table(source, store)
            }
            None => self.app.table_unstored(source).named(format!("{}-table", self.label(node))),
        };
        Ok(Some(Thing::Table(table)))
    }

    pub(super) fn filter(&mut self, node: &Node, from: &str, p: &Predicate, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            Thing::Table(table) => Ok(Some(self.filter_table(node, &table, p.clone(), store))),
            Thing::WindowedTable(table) => Ok(Some(self.filter_table(node, &table, p.clone(), store))),
            from => self.filter_stream(node, from, p.clone()),
        }
    }

    pub(super) fn filter_not(&mut self, node: &Node, from: &str, p: &Predicate, store: Option<&Stored>) -> Made {
        self.filter(node, from, &Predicate::Not { p: Box::new(p.clone()) }, store)
    }

    pub(super) fn map_values(&mut self, node: &Node, from: &str, f: &Mapper, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            Thing::Table(table) => Ok(Some(self.map_table_values(node, &table, f.clone(), store))),
            Thing::WindowedTable(table) => Ok(Some(self.map_table_values(node, &table, f.clone(), store))),
            from => self.map_stream_values(node, from, f.clone()),
        }
    }

    pub(super) fn transform_values(&mut self, node: &Node, from: &str, f: &Mapper, store: Option<&Stored>) -> Made {
        Ok(Some(on_table!(self.thing(from)?, "transform_values", table => self.transform_table_values(node, &table, f.clone(), store))))
    }

    pub(super) fn to_table(&mut self, node: &Node, from: &str, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            Thing::Stream(stream) => Ok(Some(self.table_of(node, &stream, store))),
            Thing::WindowedStream(stream) => Ok(Some(self.table_of(node, &stream, store))),
            other => Err(other.has_no("to_table")),
        }
    }

    pub(super) fn to_stream(&mut self, node: &Node, from: &str, key: Option<&Mapper>) -> Made {
        fn events<K: CaseKey>(table: KTable<K, Value>, key: Option<Mapper>, node: &Node) -> Thing {
            match key {
                None => K::stream(table.to_stream()),
                Some(key) => Thing::Stream(called(table.to_stream().select_key(move |k, v| key.apply(&k.to_value(), v)), node)),
            }
        }
        let key = key.cloned();
        Ok(Some(on_table!(self.thing(from)?, "to_stream", table => events(table, key, node))))
    }

    /// Only a name that the case gives names the repartition: otherwise each aggregation has its own.
    pub(super) fn group_table_by(&mut self, node: &Node, from: Thing, key: &Mapper, value: Option<&Mapper>) -> Made {
        fn group<K: CaseKey>(table: &KTable<K, Value>, key: Mapper, value: Option<Mapper>) -> KGroupedTable<Value, Value> {
            table.group_by(move |k, v| {
                let (k, group) = (k.to_value(), key.apply(&k.to_value(), &v));
                (group, value.as_ref().map_or_else(|| v.clone(), |value| value.apply(&k, &v)))
            })
        }
        let (key, value) = (key.clone(), value.cloned());
        let grouped = on_table!(from, "group_by", table => group(&table, key, value));
        Ok(Some(Thing::GroupedTable(match &node.name {
            Some(name) => grouped.named(name),
            None => grouped,
        })))
    }

    /// A count is a long of the cases, so it is made as an aggregation.
    pub(super) fn count_rows(&mut self, node: &Node, grouped: &KGroupedTable<Value, Value>, store: Option<&Stored>) -> Thing {
        let store = self.store(node, store, StoreRole::Rows);
        let add = |_: &Value, _: Value, count: &mut Value| *count = Value::Long(count.number().wrapping_add(1));
        let subtract = |_: &Value, _: Value, count: &mut Value| *count = Value::Long(count.number().wrapping_sub(1));
        Thing::Table(grouped.aggregate(store, || Value::Long(0), add, subtract))
    }

    pub(super) fn reduce_rows(
        &mut self, node: &Node, grouped: &KGroupedTable<Value, Value>, (adder, subtractor): (Combiner, Combiner), store: Option<&Stored>,
    ) -> Thing {
        let store = self.store(node, store, StoreRole::Rows);
        let add = move |_: &Value, held: Value, value: Value| adder.combine(&Value::Null, &held, &value);
        Thing::Table(grouped.reduce(store, add, move |_, held, value| subtractor.combine(&Value::Null, &held, &value)))
    }

    pub(super) fn aggregate_rows(
        &mut self, node: &Node, grouped: &KGroupedTable<Value, Value>, aggregate: &Aggregate, (adder, subtractor): (Combiner, Combiner),
    ) -> Thing {
        let (store, init) = (self.store(node, aggregate.store.as_ref(), StoreRole::Rows), aggregate.init.clone());
        let add = move |key: &Value, value: Value, held: &mut Value| *held = adder.combine(key, held, &value);
        let subtract = move |key: &Value, value: Value, held: &mut Value| *held = subtractor.combine(key, held, &value);
        Thing::Table(grouped.aggregate(store, move || init.clone(), add, subtract))
    }

    /// A join whose store has no name is stored all the same: Kafka makes a name for it.
    pub(super) fn join_tables<K: CaseKey>(&mut self, node: &Node, left: &KTable<K, Value>, right: &KTable<K, Value>, join: &Join) -> Thing {
        let (joiner, none) = (join.joiner.clone(), Value::Null);
        let table = match join.kind {
            JoinKind::Inner => left.join(right, move |_, left, right| joiner.combine(&none, &left, &right)),
            JoinKind::Left => left.left_join(right, move |_, left, right| joiner.combine(&none, &left, &right.unwrap_or_default())),
            JoinKind::Outer => {
                left.outer_join(right, move |_, left, right| joiner.combine(&none, &left.unwrap_or_default(), &right.unwrap_or_default()))
            }
        };
        K::table(match &join.store {
            Some(stored) => table.stored(self.store(node, Some(stored), StoreRole::Rows)),
            None => table,
        })
    }

    pub(super) fn fk_join(
        &mut self, node: &Node, (left, right): (&str, &str), kind: JoinKind, (fk, joiner): (&Mapper, &Combiner), store: Option<&Stored>,
    ) -> Made {
        let Thing::Table(right) = self.thing(right)? else {
            return Err(unsupported("a foreign-key join with something else than a table"));
        };
        let left = self.thing(left)?;
        let by = (kind, fk.clone(), joiner.clone());
        Ok(Some(on_table!(left, "fk_join", left => self.fk_join_tables(node, &left, &right, by, store))))
    }

    fn fk_join_tables<K: CaseKey>(
        &mut self, node: &Node, left: &KTable<K, Value>, right: &KTable<Value, Value>, by: (JoinKind, Mapper, Combiner),
        store: Option<&Stored>,
    ) -> Thing {
        let (kind, fk, joiner) = by;
        let foreign_key = move |k: &K, v: &Value| fk.apply(&k.to_value(), v);
        let table = match kind {
            JoinKind::Left => {
                left.left_join_by(right, foreign_key, move |_, left, right| joiner.combine(&Value::Null, &left, &right.unwrap_or_default()))
            }
            JoinKind::Inner | JoinKind::Outer => {
                left.join_by(right, foreign_key, move |_, left, right| joiner.combine(&Value::Null, &left, &right))
            }
        };
        let table = table.named(format!("{}-join", self.label(node)));
        K::table(self.stored_if_named(node, table, store))
    }

    fn filter_table<K: CaseKey>(&mut self, node: &Node, table: &KTable<K, Value>, p: Predicate, store: Option<&Stored>) -> Thing {
        let table = table.filter(move |k, v| p.test(&k.to_value(), v));
        K::table(self.stored_if_named(node, table, store))
    }

    fn map_table_values<K: CaseKey>(&mut self, node: &Node, table: &KTable<K, Value>, f: Mapper, store: Option<&Stored>) -> Thing {
        let table = table.map_values(move |k, v| f.apply(&k.to_value(), &v));
        K::table(self.stored_if_named(node, table, store))
    }

    fn transform_table_values<K: CaseKey>(&mut self, node: &Node, table: &KTable<K, Value>, f: Mapper, store: Option<&Stored>) -> Thing {
        let table = table.transform_values(move |k, v| f.apply(&k.to_value(), &v.unwrap_or_default()));
        K::table(self.stored_if_named(node, table, store))
    }

    fn table_of<K: CaseKey>(&mut self, node: &Node, stream: &KStream<K, Value>, store: Option<&Stored>) -> Thing {
        K::table(match store.filter(|store| store.name.is_some()) {
            Some(stored) => stream.to_table(self.store(node, Some(stored), StoreRole::Rows)),
            None => entering(stream, format!("{}-rows", self.label(node))).to_table_unstored().named(format!("{}-table", self.label(node))),
        })
    }

    /// In Kafka a `Materialized` without a name only brings formats.
    fn stored_if_named<K: CaseKey>(&mut self, node: &Node, table: KTable<K, Value>, store: Option<&Stored>) -> KTable<K, Value> {
        match store.filter(|store| store.name.is_some()) {
            Some(stored) => table.stored(self.store(node, Some(stored), StoreRole::Rows)),
            None => table,
        }
    }
}
