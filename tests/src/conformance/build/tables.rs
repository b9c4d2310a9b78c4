//! Tables: sources, filters, maps, groupings of tables, foreign-key joins.

use super::streams::{named, timed};
use super::thing::on_table;
use super::{Builder, CaseKey, Made, StoreRole, Thing, unsupported};
use crate::conformance::case::{JoinKind, Node, Stored};
use crate::conformance::functions::{Combiner, Mapper, Predicate};
use crate::conformance::value::Value;
use headwater_streams::dsl::{KStream, KTable};
use headwater_streams::topic::Topic;

impl Builder<'_> {
    pub(super) fn table(&mut self, node: &Node, topic: &str, timestamps: Option<&str>, store: Option<&Stored>) -> Made {
        let source = named(timed(Topic::<Value, Value>::of(topic).source(), timestamps)?, node);
        let store = self.store(node, store, StoreRole::Rows);
        Ok(Some(Thing::Table(self.app.table(source, store))))
    }

    pub(super) fn filter(&mut self, node: &Node, from: &str, p: &Predicate, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            table @ (Thing::Table(_) | Thing::WindowedTable(_)) => self.filter_table(node, table, p.clone(), store),
            from => self.filter_stream(node, from, p.clone()),
        }
    }

    pub(super) fn filter_not(&mut self, node: &Node, from: &str, p: &Predicate, store: Option<&Stored>) -> Made {
        self.filter(node, from, &Predicate::Not { p: Box::new(p.clone()) }, store)
    }

    pub(super) fn map_values(&mut self, node: &Node, from: &str, f: &Mapper, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            table @ (Thing::Table(_) | Thing::WindowedTable(_)) => self.map_table_values(node, table, f.clone(), store),
            from => self.map_stream_values(node, from, f.clone()),
        }
    }

    pub(super) fn to_table(&mut self, node: &Node, from: &str, store: Option<&Stored>) -> Made {
        match self.thing(from)? {
            Thing::Stream(stream) => Ok(Some(self.table_of(node, stream, store))),
            Thing::WindowedStream(stream) => Ok(Some(self.table_of(node, stream, store))),
            other => Err(other.has_no("to_table")),
        }
    }

    pub(super) fn to_stream(&mut self, node: &Node, from: &str, key: Option<&Mapper>) -> Made {
        let label = self.label(node);
        fn events<K: CaseKey>(table: KTable<K, Value>, key: Option<Mapper>, label: String) -> Thing {
            match key {
                None => K::stream(table.to_stream()),
                Some(key) => Thing::Stream(table.to_stream().select_key(move |k, v| key.apply(&k.to_value(), v)).named(label)),
            }
        }
        let key = key.cloned();
        Ok(Some(on_table!(self.thing(from)?, "to_stream", table => events(table, key, label))))
    }

    pub(super) fn group_table_by(&mut self, _: &Node, from: Thing, _: &Mapper, _: Option<&Mapper>) -> Made {
        Err(from.has_no("group_by"))
    }

    pub(super) fn fk_join(&mut self, _: &Node, _: (&str, &str), _: JoinKind, _: (&Mapper, &Combiner), _: Option<&Stored>) -> Made {
        Err(unsupported("unsupported op fk_join"))
    }

    fn filter_table(&mut self, _: &Node, from: Thing, p: Predicate, store: Option<&Stored>) -> Made {
        refuse_store(store, "filter")?;
        fn filter<K: CaseKey>(table: KTable<K, Value>, p: Predicate) -> Thing {
            K::table(table.filter(move |k, v| p.test(&k.to_value(), v)))
        }
        Ok(Some(on_table!(from, "filter", table => filter(table, p))))
    }

    fn map_table_values(&mut self, _: &Node, from: Thing, f: Mapper, store: Option<&Stored>) -> Made {
        refuse_store(store, "map_values")?;
        fn map<K: CaseKey>(table: KTable<K, Value>, f: Mapper) -> Thing {
            K::table(table.map_values(move |k, v| f.apply(&k.to_value(), &v)))
        }
        Ok(Some(on_table!(from, "map_values", table => map(table, f))))
    }

    fn table_of<K: CaseKey>(&mut self, node: &Node, stream: KStream<K, Value>, store: Option<&Stored>) -> Thing {
        let store = self.store(node, store, StoreRole::Rows);
        K::table(stream.to_table(store))
    }
}

fn refuse_store(store: Option<&Stored>, op: &str) -> Result<(), super::Unbuildable> {
    match store {
        None => Ok(()),
        Some(_) => Err(unsupported(format!("unsupported store of a {op}"))),
    }
}
