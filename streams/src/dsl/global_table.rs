//! Tables that every instance has as a whole, and joins with them.

use super::join::{RightSide, joined};
use super::materialized::declare::{self, Declaration};
use super::{IntoStore, KStream, StreamsBuilder};
use crate::format::{Format, Nullable, Row};
use crate::graph::{GlobalRow, GlobalTable, Kind, StoreKind, TopologyError};
use crate::operator::{self, Arrival, GlobalJoin, Unmatched};
use crate::record::{Item, Portable};
use crate::task::Unreadable;
use crate::topic::{IntoSource, Source};
use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

/// A table that every instance reads as a whole, so that streams are joined with it by any key, wherever their records stand. Kafka: `GlobalKTable`.
#[must_use = "a global table is there to be joined"]
pub struct GlobalKTable<K, V> {
    store: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for GlobalKTable<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for GlobalKTable<K, V> {}

/// The right side of a join with a global table, made by [`GlobalKTable::by`].
#[must_use = "it is the right side of a join"]
pub struct By<K, V, F> {
    table: GlobalKTable<K, V>,
    key: Arc<F>,
}

impl<K, V, F> Clone for By<K, V, F> {
    fn clone(&self) -> Self {
        By { table: self.table, key: self.key.clone() }
    }
}

impl StreamsBuilder {
    /// Reads a topic as a table that every instance has as a whole. It holds the rows in memory (some three times their bytes, outside the memory budget of the
    /// state); they are read anew at each start, before anything is processed (a million in some three seconds), and kept up to date afterwards, also by
    /// partitions that the topic gets meanwhile. The topic should be compacted: what its retention has deleted is missing after the next start. Nothing is repartitioned for a join with it, and such joins are not in step with the table's time: a record meets the
    /// row that this instance knows at that moment. Topics that are written by the same application fit best as tables of their own. Kafka: `StreamsBuilder#globalTable`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const SHOPS: Topic<u64, String> = Topic::new("shops"); // number, city
    /// const ORDERS: Topic<String, u64> = Topic::new("orders"); // customer, shop
    /// const SOLD_IN: Topic<String, String> = Topic::new("sold-in");
    ///
    /// let app = StreamsBuilder::new();
    /// let shops = app.global_table(SHOPS, Store::new("shops"));
    /// app.stream(ORDERS).join(&shops.by(|_: &String, shop: &u64| *shop), |_, _, city| city).to(SOLD_IN);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(SHOPS, 7, "Oslo").send(ORDERS, "ann", 7).send(ORDERS, "bob", 8); // nobody knows shop 8
    /// assert_eq!(driver.all(SOLD_IN).len(), 1);
    /// assert_eq!(driver.latest(SOLD_IN, "ann").as_deref(), Some("Oslo"));
    /// ```
    pub fn global_table<S: IntoSource, M: IntoStore<Value: Row>>(&self, source: S, store: M) -> GlobalKTable<M::Key, M::Value>
    where
        S::Key: Nullable<Present = M::Key>,
        S::Value: Nullable<Present = M::Value>,
    {
        let (source, store) = (Arc::new(source.into_source()), store.into_store());
        let name = store.name;
        self.graph(|graph| {
            let declaration = Declaration::global(name, store.options);
            let used = declare::store_use::<M::Key, M::Value>(&declaration);
            graph.stores.declare(used).unwrap_or_else(|mistake| graph.mistakes.push(mistake));
            let tables = source.topics.iter().map(|topic| GlobalTable { topic, store: name, read: read(source.clone()) });
            graph.globals.extend(tables);
        });
        GlobalKTable { store: name, types: PhantomData }
    }
}

/// A record of the topic as the store has it: in the formats of the types, whatever the topic's are.
fn read<K: Nullable, V: Nullable>(source: Arc<Source<K, V>>) -> crate::graph::ReadGlobal {
    Arc::new(move |record, clocks| {
        let Arrival::Record(key, value, timestamp) = operator::read_table(source.clone())(record, clocks)? else { return Ok(None) };
        let mut row = GlobalRow { key: Vec::new(), value: None, timestamp };
        K::Format::default().encode(&key, &mut row.key).map_err(Unreadable::from)?;
        if let Some(value) = value {
            let mut bytes = Vec::new();
            V::Format::default().encode(&value, &mut bytes).map_err(Unreadable::from)?;
            row.value = Some(bytes);
        }
        Ok(Some(row))
    })
}

impl<K: Row, V: Row> GlobalKTable<K, V> {
    /// This table as the right side of a join: the function makes the key to look for out of key and value of a record. Its parameters need their types.
    /// No key (`None`) finds nobody.
    pub fn by<F: Portable>(&self, key: F) -> By<K, V, F> {
        By { table: *self, key: Arc::new(key) }
    }

    /// It is a mistake if this builder has no such table: then another one has made it.
    fn check_builder(&self, app: &StreamsBuilder, operation: &'static str) {
        let types = TypeId::of::<(K, V)>();
        let is_known =
            app.graph(|graph| graph.stores.get(self.store).is_some_and(|used| used.kind == StoreKind::Global && used.types == types));
        if !is_known {
            app.mistake(TopologyError::TwoBuilders { operation });
        }
    }
}

impl<K: Nullable, V: Nullable, G: Nullable, R: Row, F> RightSide<K, V> for By<G::Present, R, F> where F: Fn(&K, &V::Present) -> G + Portable {}

impl<K: Nullable, V: Nullable, G: Nullable, R: Row, F> joined::JoinedWith<K, V> for By<G::Present, R, F>
where
    F: Fn(&K, &V::Present) -> G + Portable,
{
    type Key = K;
    type Value = R;

    fn inner<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, R) -> Out + Portable) -> KStream<K, Out> {
        let f = move |key: &K, left, right: Option<R>| f(key, left, right.expect("an inner join has both sides"));
        self.look_up::<K, V, G, Out>(left, "join", Unmatched::Ends, f)
    }

    fn left<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable) -> KStream<K, Out> {
        self.look_up::<K, V, G, Out>(left, "left_join", Unmatched::GoesOn, f)
    }
}

impl<P: Row, R: Row, F: Portable> By<P, R, F> {
    /// The key stays, and with it what is known of its partition.
    fn look_up<K: Nullable, V: Nullable, G: Nullable<Present = P>, Out: Item>(
        &self, left: &KStream<K, V>, operation: &'static str, unmatched: Unmatched, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable,
    ) -> KStream<K, Out>
    where
        F: Fn(&K, &V::Present) -> G,
    {
        self.table.check_builder(&left.app, operation);
        let (app, by, store, f) = (&left.app, self.key.clone(), self.table.store, Arc::new(f));
        let node = app.operator::<K, V, _>(Kind::Operator { operation, changes_key: false }, &[left.node], move |wiring, id| GlobalJoin::<
            K,
            G,
            R,
            _,
            _,
            _,
        > {
            stage: wiring.stage(id),
            store,
            rows: wiring.global(store),
            by: by.clone(),
            unmatched,
            join: f.clone(),
            keys: G::Format::default(),
            values: R::Format::default(),
            bytes: Vec::new(),
            next: wiring.outlet(id),
        });
        app.graph(|graph| graph.nodes[node].takes_null_keys = unmatched == Unmatched::GoesOn);
        KStream::at(app, node, left.rekeyed)
    }
}
