//! Groupings of tables, and what aggregates them.

use super::aggregation::folding;
use super::materialized::declare::Declaration;
use super::{IntoStore, KStream, KTable, Materialized};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, NodeId, Repartition};
use crate::operator::{self, Adjust};
use crate::record::{Change, Portable};
use std::sync::Arc;

/// The rows of a table in groups, about to be aggregated: a row that changes is taken out of its group before it comes in again. Kafka: `KGroupedTable`.
///
/// Changes travel through a repartition topic, in the bytes of Kafka's `ChangedSerializer`.
#[must_use = "a grouping does nothing until it is aggregated"]
#[derive(Clone)]
pub struct KGroupedTable<K, V> {
    /// Changes by group, before the repartition.
    changes: KStream<K, Change<V>>,
    /// Behind it, where all aggregations share one.
    shared: Option<KStream<K, Change<V>>>,
}

impl<K: Row, V: Row> KTable<K, V> {
    /// Groups rows by another key, under another value. A row whose group or value is null belongs to no group.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const HOMES: Topic<String, Option<String>> = Topic::new("homes"); // person, city
    /// const PEOPLE: Store<String, u64> = Store::new("people"); // city, how many
    ///
    /// let app = StreamsBuilder::new();
    /// let homes = app.table(HOMES, Store::new("homes"));
    /// let _people = homes.group_by(|person, city| (city, person.clone())).count(PEOPLE);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(HOMES, "ann", "Oslo").send(HOMES, "bob", "Oslo").send(HOMES, "ann", "Bergen");
    /// assert_eq!((driver.row(PEOPLE, "Oslo"), driver.row(PEOPLE, "Bergen")), (Some(1), Some(1)));
    /// ```
    pub fn group_by<K2: Nullable, V2: Nullable>(
        &self, f: impl Fn(&K, V) -> (K2, V2) + Portable,
    ) -> KGroupedTable<K2::Present, V2::Present> {
        let (f, table) = (Arc::new(f), self.node);
        let kind = Kind::Operator { operation: "group_by", changes_key: true };
        let node = self.app.operator::<K, Change<V>, _>(kind, &[self.node], move |wiring, id| {
            operator::table_group::<K, V, K2, V2>(f.clone(), wiring.is_versioned(table), wiring.outlet(id))
        });
        self.app.graph(|graph| graph.need_old_values(self.node));
        KGroupedTable { changes: KStream::at(&self.app, node, true), shared: None }
    }
}

impl<K: Row, V: Row> KGroupedTable<K, V> {
    /// Names the repartition topic, which all aggregations of this grouping then share; otherwise each has one that is called as its store. Kafka: `Grouped.as`.
    pub fn named(self, name: impl AsRef<str>) -> Self {
        let (shared, sink) = self.changes.through(Repartition::default());
        self.changes.app.name(sink, name.as_ref());
        KGroupedTable { shared: Some(shared), ..self }
    }

    /// How many rows each group has. A group that has lost its last one stays, at 0, as in Kafka. See [`group_by`](KTable::group_by) for an example.
    /// Kafka: `KGroupedTable#count`.
    pub fn count<S: IntoStore<Key = K, Value = u64>>(&self, store: S) -> KTable<K, u64> {
        let add = |_: &K, _, count: Option<u64>| Some(count.unwrap_or(0) + 1);
        self.adjust("count", store.into_store(), add, |_, _, count: u64| Some(count.wrapping_sub(1)))
    }

    /// The values of each group made into one: `add` puts a value to what there is, `subtract` takes one out; the first stands for itself.
    /// Kafka: `KGroupedTable#reduce`, `KTableReduce`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const STOCK: Topic<String, (String, i64)> = Topic::new("stock"); // product: warehouse, pieces
    /// const FILLED: Store<String, i64> = Store::new("filled"); // warehouse, pieces
    ///
    /// let app = StreamsBuilder::new();
    /// let by_warehouse = app.table_unstored(STOCK).group_by(|_, (warehouse, pieces)| (warehouse, pieces));
    /// let _filled = by_warehouse.reduce(FILLED, |_, sum, pieces| sum + pieces, |_, sum, pieces| sum - pieces);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(STOCK, "tea", ("north".to_owned(), 5)).send(STOCK, "salt", ("north".to_owned(), 2)).send(STOCK, "tea", ("south".to_owned(), 5));
    /// assert_eq!((driver.row(FILLED, "north"), driver.row(FILLED, "south")), (Some(2), Some(5)));
    /// ```
    pub fn reduce<S: IntoStore<Key = K, Value = V>>(
        &self, store: S, add: impl Fn(&K, V, V) -> V + Portable, subtract: impl Fn(&K, V, V) -> V + Portable,
    ) -> KTable<K, V> {
        let add = move |key: &K, value: V, held: Option<V>| match held {
            Some(held) => add(key, held, value).into_present(),
            None => Some(value),
        };
        self.adjust("reduce", store.into_store(), add, move |key, value, held: V| subtract(key, held, value).into_present())
    }

    /// The values of each group gathered in an aggregate that begins as `init()`: `add` puts a value in, `subtract` takes one out.
    /// With a `Store<K, Option<A>>` either may delete the row by leaving `None`; then it begins anew. Kafka: `KGroupedTable#aggregate`, `KTableAggregate`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ACCOUNTS: Topic<String, (String, i64)> = Topic::new("accounts"); // number: owner, balance
    /// const WEALTH: Store<String, i64> = Store::new("wealth"); // owner, all balances
    ///
    /// let app = StreamsBuilder::new();
    /// let accounts = app.table(ACCOUNTS, Store::new("accounts")).group_by(|_, (owner, balance)| (owner, balance));
    /// let _wealth = accounts.aggregate(WEALTH, || 0, |_, balance, sum| *sum += balance, |_, balance, sum| *sum -= balance);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(ACCOUNTS, "1", ("ann".to_owned(), 100)).send(ACCOUNTS, "2", ("ann".to_owned(), 7)).send(ACCOUNTS, "1", ("ann".to_owned(), 50));
    /// assert_eq!(driver.row(WEALTH, "ann"), Some(57));
    /// ```
    pub fn aggregate<S: IntoStore<Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable,
        subtract: impl Fn(&K, V, &mut A) + Portable,
    ) -> KTable<K, A::Present> {
        let subtract = move |key: &K, value: V, held: A::Present| {
            let mut aggregate = A::from_present(held);
            subtract(key, value, &mut aggregate);
            aggregate.into_present()
        };
        self.adjust("aggregate", store.into_store(), folding(init, add).0, subtract)
    }

    fn adjust<S: Nullable>(
        &self, operation: &'static str, store: Materialized<K, S>,
        add: impl Fn(&K, V, Option<S::Present>) -> Option<S::Present> + Portable,
        subtract: impl Fn(&K, V, S::Present) -> Option<S::Present> + Portable,
    ) -> KTable<K, S::Present> {
        let (app, name, adjust) = (&self.changes.app, store.name, Arc::new(Adjust { add, subtract }));
        let changes = self.partitioned(name);
        let kind = Kind::Operator { operation, changes_key: false };
        let node = app.operator::<K, Change<V>, _>(kind, &[changes], move |wiring, id| {
            let rows = wiring.key_value::<K, S::Present>(name);
            let next = wiring.table_outlet(id, &rows);
            operator::table_aggregate::<K, V, S::Present>(wiring.stage(id), adjust.clone(), rows, next)
        });
        app.declare_store::<K, S::Present>(Declaration::owned(node, operation, name, store.options));
        KTable::kept(app, node, name)
    }

    fn partitioned(&self, store: &'static str) -> NodeId {
        let through = || self.changes.through(Repartition { fallback: Some(store), ..Repartition::default() }).0;
        self.shared.as_ref().map_or_else(|| through().node, |shared| shared.node)
    }
}
