//! Tables: rows by key, each the last word about it.

use super::materialized::declare::{self, Declaration};
use super::process::processing;
use super::{IntoStore, KStream, Materialized, Stores, StreamsBuilder};
use crate::format::{Format, Nullable, Row};
use crate::graph::{Kind, NodeId, RowsOf, StoreOptions, Wiring};
use crate::operator::{self, AsOf, Getter, Nothing, Passing, RowMap};
use crate::record::{Change, Item, Portable, Windowed};
use crate::task::Failure;
use crate::task::store::{KeyEnd, KeyValueRows, SpanRows};
use crate::topic::IntoSink;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// How a task asks a table for a row.
pub(super) type View<K, V> = Arc<dyn Fn(&mut Wiring<'_>) -> Getter<K, V> + Send + Sync>;

/// A table. `K` and `V` are what a row holds; absence is the table's business, so neither is ever null. Kafka: `KTable`.
///
/// What is computed from another table (`filter`, `map_values`, a join) keeps no rows of its own: whoever asks for one has it computed, unless
/// [`stored`](KTable::stored) keeps them.
#[must_use = "a table goes nowhere until `to`, `to_stream` or a join"]
pub struct KTable<K, V> {
    pub(super) app: StreamsBuilder,
    pub(super) node: NodeId,
    pub(super) view: View<K, V>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        KTable { app: self.app.clone(), node: self.node, view: self.view.clone(), types: PhantomData }
    }
}

impl<K: Row, V: Row> KTable<K, V> {
    /// A table whose node has a store of rows by key.
    pub(super) fn kept(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        app.graph(|graph| graph.store_rows(node, store));
        KTable::asked(app, node)
    }

    /// The table of a node, which asks a store that others fill.
    pub(super) fn asking(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| getter_of(wiring.key_value::<K, V>(store)));
        KTable { app: app.clone(), node, view, types: PhantomData }
    }

    /// A table that asks its node's own store, which it has or gets as soon as somebody asks.
    pub(super) fn asked(app: &StreamsBuilder, node: NodeId) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| {
            getter_of(wiring.own_rows::<K, V>(node).expect("a table that is asked for rows has a store, or build() refuses"))
        });
        KTable { app: app.clone(), node, view, types: PhantomData }
    }

    /// A table that asks its node's own store if it has one, and otherwise computes its rows.
    pub(super) fn computed(app: &StreamsBuilder, node: NodeId, compute: View<K, V>) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| match wiring.own_rows::<K, V>(node) {
            Some(rows) => getter_of(rows),
            None => compute(wiring),
        });
        KTable { app: app.clone(), node, view, types: PhantomData }
    }

    /// A table of rows as they come from `parent`, null deletes. It keeps none until somebody needs them.
    pub(super) fn of_rows(app: &StreamsBuilder, operation: &'static str, parent: NodeId, changelog: Option<&'static str>) -> Self {
        let kind = Kind::Operator { operation, changes_key: false };
        let node = app.node(kind, &[parent], |wiring, id| match wiring.own_rows::<K, V>(id) {
            Some(rows) => {
                let next = wiring.table_outlet(id, &rows);
                let source = operator::table_source(wiring.stage(id), rows, next);
                wiring.put::<K, Option<V>>(id, source);
            }
            None => {
                let passing = operator::passing_table::<K, V>(wiring.outlet(id));
                wiring.put(id, passing);
            }
        });
        app.graph(|graph| {
            let declaration = Declaration::owned(node, operation, "", StoreOptions::default()).restored_from(changelog);
            let used = declare::store_use::<K, V>(&declaration);
            graph.nodes[node].rows = RowsOf::Passing(Box::new(used));
        });
        KTable::asked(app, node)
    }

    /// Names the operator that made this table in errors, dead letters and `describe()`.
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.app.name(self.node, name.as_ref());
        self
    }

    /// Keeps the rows of this table in a store of its own. Kafka: the `Materialized` of each table operation.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const DEAR: Store<String, u64> = Store::new("dear");
    ///
    /// let app = StreamsBuilder::new();
    /// let _dear = app.table_unstored(PRICES).filter(|_, price| *price > 100).stored(DEAR);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 3).send(PRICES, "gold", 3_000);
    /// assert_eq!((driver.row(DEAR, "tea"), driver.row(DEAR, "gold")), (None, Some(3_000)));
    /// ```
    pub fn stored<S: IntoStore<Key = K, Value = V>>(self, store: S) -> Self {
        self.stored_from(store.into_store(), None)
    }

    /// The same, with a topic that stands in for the changelog.
    pub(super) fn stored_from(self, store: Materialized<K, V>, changelog: Option<&'static str>) -> Self {
        let Materialized { name, options, .. } = store;
        let operation = self.app.graph(|graph| {
            graph.store_rows(self.node, name);
            graph.nodes[self.node].kind.operation()
        });
        self.app.declare_store::<K, V>(Declaration::owned(self.node, operation, name, options).restored_from(changelog));
        self
    }

    /// Keeps the rows that pass; a row that no longer passes is deleted downstream.
    ///
    /// Where a store upstream knows what a row was before, a row that neither passed nor passes is nobody's business; otherwise it goes on as a deletion.
    /// Kafka: `KTableFilter`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.table(PRICES, Store::new("prices")).filter(|_, price| *price > 100).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 300).send(PRICES, "tea", 90);
    /// assert_eq!(driver.latest(OUT, "tea"), None, "it left, which its readers are told");
    /// assert_eq!(driver.all(OUT).len(), 2);
    /// ```
    pub fn filter(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        self.filtered("filter", passes)
    }

    /// Keeps the rows that do not pass.
    /// Kafka: `KTable#filterNot`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.table(PRICES, Store::new("prices")).filter_not(|_, price| *price > 100).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 90);
    /// assert_eq!(driver.latest(OUT, "tea"), Some(90));
    /// ```
    pub fn filter_not(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        self.filtered("filter_not", move |key, row| !passes(key, row))
    }

    fn filtered(&self, operation: &'static str, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        let table = self.then(operation, Nothing::Ends, move |key: &K, row: Option<V>| row.filter(|row| passes(key, row)));
        self.app.graph(|graph| graph.nodes[table.node].sends_old_values = graph.ask_old_values(self.node));
        table
    }

    /// Another value for each row; an `Option` deletes the row where it is `None`. Kafka: `KTableMapValues`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.table(PRICES, Store::new("prices")).map_values(|_, price| price * 2).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 90);
    /// assert_eq!(driver.latest(OUT, "tea"), Some(180));
    /// ```
    pub fn map_values<V2: Nullable>(&self, f: impl Fn(&K, V) -> V2 + Portable) -> KTable<K, V2::Present> {
        self.then("map_values", Nothing::GoesOn, move |key: &K, row: Option<V>| row.and_then(|row| f(key, row).into_present()))
    }

    /// Another value for each row, where deletions are asked about as well: the function may answer them with a row. Kafka: `KTable#transformValues` (KIP-149).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const SHELVES: Topic<String, Option<u64>> = Topic::new("shelves");
    /// const LABELS: Topic<String, String> = Topic::new("labels");
    ///
    /// let app = StreamsBuilder::new();
    /// let shelves = app.table(SHELVES, Store::new("shelves"));
    /// shelves.transform_values(|_, count| count.map_or("sold out".to_owned(), |n| n.to_string())).to(LABELS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(SHELVES, "tea", 3).send(SHELVES, "tea", None);
    /// assert_eq!(driver.latest(LABELS, "tea").as_deref(), Some("sold out"));
    /// ```
    pub fn transform_values<V2: Nullable>(&self, f: impl Fn(&K, Option<V>) -> V2 + Portable) -> KTable<K, V2::Present> {
        self.then("transform_values", Nothing::GoesOn, move |key: &K, row: Option<V>| f(key, row).into_present())
    }

    /// The same with stores at hand and with failures, which go the way of [`OnFailure`](crate::runtime::OnFailure).
    ///
    /// What comes of it is kept where somebody downstream asks for rows or for what they were before, since the function cannot be asked twice:
    /// say [`stored`](KTable::stored) then, or [`named`](KTable::named). Kafka: `KTable#transformValues` with state stores.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, Option<u64>> = Topic::new("prices");
    /// const HIGHEST: Store<String, u64> = Store::new("highest");
    /// const PEAKS: Topic<String, u64> = Topic::new("peaks");
    ///
    /// let app = StreamsBuilder::new();
    /// let peaks = app.table_unstored(PRICES).transform_values_with(HIGHEST, |product, price, highest| {
    ///     let peak = price.max(highest.get(product)?);
    ///     highest.set(product, peak.as_ref())?;
    ///     Ok(peak)
    /// });
    /// peaks.to(PEAKS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 5).send(PRICES, "tea", 3).send(PRICES, "tea", None);
    /// assert_eq!(driver.latest(PEAKS, "tea"), Some(5));
    /// ```
    pub fn transform_values_with<S: Stores, V2: Nullable>(
        &self, stores: S, f: impl Fn(&K, Option<V>, &mut S::Handles) -> Result<V2, Failure> + Portable,
    ) -> KTable<K, V2::Present> {
        let (f, opened) = (Arc::new(f), stores.clone());
        let kind = Kind::Operator { operation: "transform", changes_key: false };
        let node = self.app.operator::<K, Change<V>, _>(kind, &[self.node], move |wiring, id| {
            let f = f.clone();
            let call = move |key: &K, row: Option<V>, handles: &mut S::Handles| f(key, row, handles);
            operator::table_transform::<K, V, S::Handles, V2>(processing(&opened, wiring, id), call, wiring.outlet(id))
        });
        self.app.graph(|graph| stores.declare(graph, node));
        KTable::of_rows(&self.app, "transform_values", node, None)
    }

    /// One more operator on changes, and the same for rows that somebody asks for.
    fn then<V2: Row>(&self, operation: &'static str, nothing: Nothing, f: impl RowMap<K, V, V2> + Portable) -> KTable<K, V2> {
        let f = Arc::new(f);
        let (map, table) = (f.clone(), self.node);
        let kind = Kind::Operator { operation, changes_key: false };
        let node = self.app.node(kind, &[self.node], move |wiring, id| {
            let old_values = wiring.sends_old_values(id);
            // A filter of a versioned table passes everything on, so that whoever keeps versions sees the row leave at each time (KIP-914).
            let nothing = if old_values && !wiring.is_versioned(table) { nothing } else { Nothing::GoesOn };
            match wiring.own_rows::<K, V2>(id) {
                Some(rows) => {
                    let next = wiring.table_outlet(id, &rows);
                    let map = operator::stored_table_map(wiring.stage(id), map.clone(), nothing, rows, next);
                    wiring.put::<K, Change<V>>(id, map);
                }
                None => {
                    let map = operator::table_map(map.clone(), Passing { old_values, nothing }, wiring.outlet(id));
                    wiring.put::<K, Change<V>>(id, map);
                }
            }
        });
        self.app.graph(|graph| graph.nodes[node].rows = RowsOf::Derived);
        let parent = self.view.clone();
        let compute = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (row_of, f) = (parent(wiring), f.clone());
            let getter = move |key: &K, as_of: AsOf| {
                let (row, timestamp) = row_of(key, as_of)?.map_or((None, crate::record::NO_TIMESTAMP), |(row, time)| (Some(row), time));
                Ok(f(key, row).map(|row| (row, timestamp)))
            };
            Rc::new(getter) as Getter<K, V2>
        });
        KTable::computed(&self.app, node, compute)
    }

    /// Every change of a row as an event, deletions as nulls.
    /// Kafka: `KTable#toStream`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, Option<u64>> = Topic::new("prices");
    /// const CHANGES: Topic<String, Option<u64>> = Topic::new("changes");
    ///
    /// let app = StreamsBuilder::new();
    /// app.table(PRICES, Store::new("prices")).to_stream().to(CHANGES);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 3).send(PRICES, "tea", None);
    /// assert_eq!(driver.all(CHANGES).len(), 2);
    /// ```
    pub fn to_stream(&self) -> KStream<K, V::OrNull>
    where
        V::OrNull: Item,
    {
        self.as_stream("to_stream", |wiring, id| operator::to_stream::<K, V>(wiring.outlet(id)))
    }

    /// Every change of a row as an event, deletions left out.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const PRICES: Topic<String, Option<u64>> = Topic::new("prices");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.table(PRICES, Store::new("prices")).updates().to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 3).send(PRICES, "tea", None);
    /// assert_eq!(driver.all(OUT).len(), 1);
    /// ```
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
        let name = sink.name.clone();
        let node = self.app.node(sink.kind(), &[self.node], move |wiring: &mut Wiring<'_>, id: NodeId| match sink.plain_topic() {
            Some(topic) => {
                let output = wiring.output(topic);
                wiring.put(id, operator::table_sink(wiring.stage(id), sink.clone(), output));
            }
            None => {
                let routed = wiring.routed(id, &sink);
                wiring.put(id, operator::routed_table_sink(wiring.stage(id), sink.clone(), routed));
            }
        });
        self.app.name_if_any(node, name);
    }
}

/// Asks a store of rows by key.
fn getter_of<K: Row, V: Row>(rows: Rc<KeyValueRows<K, V>>) -> Getter<K, V> {
    let (format, bytes) = (K::Format::default(), RefCell::new(Vec::new()));
    Rc::new(move |key: &K, as_of: AsOf| {
        let mut bytes = bytes.borrow_mut();
        bytes.clear();
        format.encode(key, &mut bytes).map_err(|error| rows.key_error(error))?;
        match as_of {
            AsOf::Now => rows.get(&bytes, || key.clone()),
            AsOf::Time(time) => rows.get_as_of(&bytes, || key.clone(), time),
        }
    })
}

impl<K: Row, V: Row> KTable<Windowed<K>, V> {
    /// A table over a session store.
    pub(super) fn kept_sessions(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        app.graph(|graph| graph.store_rows(node, store));
        KTable::asking_sessions(app, node, store)
    }

    /// The table of a node, which asks a session store.
    pub(super) fn asking_sessions(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        KTable::asking_rows(app, node, move |wiring| wiring.session::<K, V>(store))
    }

    /// A table over a window store.
    pub(super) fn kept_windows(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        app.graph(|graph| graph.store_rows(node, store));
        KTable::asking_windows(app, node, store)
    }

    /// The table of a node, which asks a window store.
    pub(super) fn asking_windows(app: &StreamsBuilder, node: NodeId, store: &'static str) -> Self {
        KTable::asking_rows(app, node, move |wiring| wiring.window::<K, V>(store))
    }

    fn asking_rows<S: KeyEnd>(
        app: &StreamsBuilder, node: NodeId, rows: impl Fn(&mut Wiring<'_>) -> Rc<SpanRows<K, V, S>> + Send + Sync + 'static,
    ) -> Self {
        let view = Arc::new(move |wiring: &mut Wiring<'_>| {
            let (rows, format, bytes) = (rows(wiring), K::Format::default(), RefCell::new(Vec::new()));
            let getter = move |windowed: &Windowed<K>, _: AsOf| {
                let mut bytes = bytes.borrow_mut();
                bytes.clear();
                format.encode(&windowed.key, &mut bytes).map_err(|error| rows.key_error(error))?;
                S::within(windowed.start, windowed.end).extend(&mut bytes);
                rows.get(&bytes, || windowed.clone())
            };
            Rc::new(getter) as Getter<Windowed<K>, V>
        });
        KTable { app: app.clone(), node, view, types: PhantomData }
    }
}
