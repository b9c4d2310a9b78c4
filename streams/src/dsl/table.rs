//! Tables: rows by key, each the last word about it.

use super::materialized::declare::Declaration;
use super::{KStream, Materialized, StreamsBuilder};
use crate::format::{Format, Nullable, Row};
use crate::graph::{Kind, NodeId, Wiring};
use crate::operator::{self, Getter};
use crate::record::{Change, Item, Portable, Windowed};
use crate::topic::IntoSink;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// How a task asks a table for a row.
pub(super) type View<K, V> = Arc<dyn Fn(&mut Wiring<'_>) -> Getter<K, V> + Send + Sync>;

/// A table. `K` and `V` are what a row holds; absence is the table's business, so neither is ever null. Kafka: `KTable`.
#[must_use = "a table goes nowhere until `to`, `to_stream` or a join"]
pub struct KTable<K, V> {
    pub(super) app: StreamsBuilder,
    pub(super) node: NodeId,
    pub(super) view: View<K, V>,
    /// The store that the view reads.
    pub(super) store: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        KTable { app: self.app.clone(), node: self.node, view: self.view.clone(), store: self.store, types: PhantomData }
    }
}

impl<K: Row, V: Row> KTable<K, V> {
    /// A table over a store of rows by key.
    pub(super) fn stored(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (rows, format, bytes) = (wiring.key_value::<K, V>(store), K::Format::default(), RefCell::new(Vec::new()));
            let getter = move |key: &K| {
                let mut bytes = bytes.borrow_mut();
                bytes.clear();
                format.encode(key, &mut bytes).map_err(|error| rows.key_error(error))?;
                Ok(rows.get(&bytes, || key.clone())?.map(|(row, _)| row))
            };
            Rc::new(getter) as Getter<K, V>
        });
        KTable { app: app.clone(), node, view, store, types: PhantomData }
    }

    /// A table of rows as they come: what makes them is `parent`, null deletes.
    pub(super) fn of_rows(
        app: &StreamsBuilder, operation: &'static str, parent: NodeId, store: Materialized<K, V>, changelog: Option<&'static str>,
    ) -> Self {
        let Materialized { name, options, .. } = store;
        let kind = Kind::Operator { operation, changes_key: false };
        let node = app.operator::<K, Option<V>, _>(kind, &[parent], move |wiring, id| {
            let rows = wiring.key_value::<K, V>(name);
            let next = wiring.table_outlet(id, &rows);
            operator::table_source(wiring.stage(id), rows, next)
        });
        app.declare_store::<K, V>(Declaration::owned(node, operation, name, options).restored_from(changelog));
        KTable::stored(app, node, name)
    }

    /// Names the operator that made this table in errors, dead letters and `describe()`.
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.app.name(self.node, name.as_ref());
        self
    }

    /// Keeps the rows that pass; a row that no longer passes is deleted downstream.
    pub fn filter(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        self.filtered("filter", passes)
    }

    /// Keeps the rows that do not pass.
    pub fn filter_not(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        self.filtered("filter_not", move |key, row| !passes(key, row))
    }

    fn filtered(&self, operation: &'static str, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        let passes = Arc::new(passes);
        let filter = passes.clone();
        let table = self.then(
            operation,
            move |wiring, id| operator::table_filter(filter.clone(), wiring.outlet(id)),
            move |key, row: V| Some(row).filter(|row| passes(key, row)),
        );
        // Without the row as it was, a filter could not tell a row that leaves from one that never came.
        self.app.graph(|graph| graph.need_old_values(self.node));
        table
    }

    /// Another value for each row; an `Option` deletes the row where it is `None`.
    pub fn map_values<V2: Nullable>(&self, f: impl Fn(&K, V) -> V2 + Portable) -> KTable<K, V2::Present> {
        let f = Arc::new(move |key: &K, row: V| f(key, row).into_present());
        let map = f.clone();
        self.then("map_values", move |wiring, id| operator::table_map_values(map.clone(), wiring.outlet(id)), move |key, row| f(key, row))
    }

    /// One more operator on changes, and the same for rows that somebody asks for.
    fn then<V2: Row, O: operator::Operator<K, Change<V>> + 'static>(
        &self, operation: &'static str, make: impl Fn(&mut Wiring<'_>, NodeId) -> O + Portable,
        look: impl Fn(&K, V) -> Option<V2> + Portable,
    ) -> KTable<K, V2> {
        let node = self.app.operator::<K, Change<V>, _>(Kind::TableOperator { operation }, &[self.node], make);
        let (parent, look) = (self.view.clone(), Arc::new(look));
        let view = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (row_of, look) = (parent(wiring), look.clone());
            Rc::new(move |key: &K| Ok(row_of(key)?.and_then(|row| look(key, row)))) as Getter<K, V2>
        });
        KTable { app: self.app.clone(), node, view, store: self.store, types: PhantomData }
    }

    /// Every change of a row as an event, deletions as nulls.
    pub fn to_stream(&self) -> KStream<K, V::OrNull>
    where
        V::OrNull: Item,
    {
        self.as_stream("to_stream", |wiring, id| operator::to_stream::<K, V>(wiring.outlet(id)))
    }

    /// Every change of a row as an event, deletions left out.
    pub fn updates(&self) -> KStream<K, V> {
        self.as_stream("updates", |wiring, id| operator::updates::<K, V>(wiring.outlet(id)))
    }

    fn as_stream<V2: Item, O: operator::Operator<K, Change<V>> + 'static>(
        &self, operation: &'static str, make: impl Fn(&mut Wiring<'_>, NodeId) -> O + Portable,
    ) -> KStream<K, V2> {
        let kind = Kind::Operator { operation, changes_key: false };
        KStream::at(&self.app, self.app.operator::<K, Change<V>, _>(kind, &[self.node], make), false)
    }

    /// Writes every change to a topic, deletions as tombstones: a `Topic<K, V>` and a `Topic<K, Option<V>>` are both right.
    pub fn to<S: IntoSink<Key = K>>(&self, sink: S)
    where
        S::Value: Nullable<Present = V>,
    {
        let sink = Arc::new(sink.into_sink());
        let (topic, name) = (sink.topic, sink.name.clone());
        let node = self.app.operator::<K, Change<V>, _>(Kind::Sink { topic }, &[self.node], move |wiring, id| {
            let output = wiring.output(sink.topic);
            operator::table_sink(wiring.stage(id), sink.clone(), output)
        });
        self.app.name_if_any(node, name);
    }
}

impl<K: Row, V: Row> KTable<Windowed<K>, V> {
    /// A table over a window store.
    pub(super) fn stored_windows(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (rows, format, bytes) = (wiring.window::<K, V>(store), K::Format::default(), RefCell::new(Vec::new()));
            let getter = move |windowed: &Windowed<K>| {
                let mut bytes = bytes.borrow_mut();
                bytes.clear();
                format.encode(&windowed.key, &mut bytes).map_err(|error| rows.key_error(error))?;
                bytes.extend_from_slice(&windowed.start.to_be_bytes());
                Ok(rows.get(&bytes, || windowed.clone())?.map(|(row, _)| row))
            };
            Rc::new(getter) as Getter<Windowed<K>, V>
        });
        KTable { app: app.clone(), node, view, store, types: PhantomData }
    }
}
