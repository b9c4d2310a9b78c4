//! Groupings, and what aggregates them without windows.

use super::aggregation::{self, Place, folding};
use super::{IntoStore, KStream, KTable, Materialized, StreamsBuilder, Windowing};
use crate::format::{Nullable, Row};
use crate::graph::{Merge, NodeId, Repartition};
use crate::operator::Initial;
use crate::record::Portable;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Records by key, about to be aggregated. Kafka: `KGroupedStream`.
#[must_use = "a grouping does nothing until it is aggregated"]
pub struct KGroupedStream<K, V> {
    pub(super) app: StreamsBuilder,
    way: Rc<RefCell<dyn Way<K, V>>>,
}

impl<K, V> Clone for KGroupedStream<K, V> {
    fn clone(&self) -> Self {
        KGroupedStream { app: self.app.clone(), way: self.way.clone() }
    }
}

/// The way from a stream into its aggregations. Its nodes are built with the first of them, as in Kafka, so that what was built in between gets a record first.
trait Way<K, V> {
    fn name(&mut self, name: &str);
    /// Where an aggregation over this store begins.
    fn enter(&mut self, store: &'static str) -> KStream<K, V>;
}

struct WayOf<K, V> {
    stream: KStream<K, V>,
    name: Option<String>,
    /// Behind the repartition, if the grouping needs one, with its sink side.
    partitioned: Option<(KStream<K, V>, Option<NodeId>)>,
}

impl<K: Nullable, V: Nullable> Way<K::Present, V> for WayOf<K, V> {
    fn name(&mut self, name: &str) {
        match &self.partitioned {
            None => self.name = Some(name.to_owned()),
            Some((stream, repartition)) => repartition.iter().for_each(|node| stream.app.name(*node, name)),
        }
    }

    fn enter(&mut self, store: &'static str) -> KStream<K::Present, V> {
        let stream = match &self.partitioned {
            Some((stream, _)) => stream.clone(),
            None => {
                let fallback = Some(store);
                let (stream, repartition) = self.stream.partitioned(Repartition { fallback, ..Repartition::default() });
                repartition.iter().for_each(|node| stream.app.name_if_any(*node, self.name.take()));
                self.partitioned.insert((stream, repartition)).0.clone()
            }
        };
        stream.present_key()
    }
}

impl<K: Row, V: Nullable> KGroupedStream<K, V> {
    pub(super) fn of<N: Nullable<Present = K>>(stream: &KStream<N, V>) -> Self {
        let way = WayOf { stream: stream.clone(), name: None, partitioned: None };
        KGroupedStream { app: stream.app.clone(), way: Rc::new(RefCell::new(way)) }
    }

    /// Names the repartition topic, if the grouping needs one; otherwise it is called as the first store that it feeds. Kafka: `Grouped.as`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// let _words = app.stream(IN).group_by(|_, word| word.clone()).named("by-word").count(Store::new("words"));
    /// assert!(app.build().unwrap().describe_as("app").to_string().contains("app-by-word-repartition"));
    /// ```
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.way.borrow_mut().name(name.as_ref());
        self
    }

    /// Where an aggregation over this store begins: records that have a key, in the partition of that key.
    pub(super) fn enter(&self, store: &'static str) -> KStream<K, V> {
        self.way.borrow_mut().enter(store)
    }

    /// How many records each key has. Null values are not counted.
    /// Kafka: `KGroupedStream#count`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: Store<String, u64> = Store::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let _counts = app.stream(IN).group_by_key().count(TOTALS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, "tea"), Some(2));
    /// ```
    pub fn count<S: IntoStore<Key = K, Value = u64>>(&self, store: S) -> KTable<K, u64> {
        let fold = |_: &K, _: V::Present, count: Option<u64>| Some(count.unwrap_or(0) + 1);
        self.fold("count", store.into_store(), fold, Arc::new(|| Some(0)), None)
    }

    /// The values of each key made into one; the first stands for itself. Null values are left out.
    /// Kafka: `KGroupedStream#reduce`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: Store<String, u64> = Store::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let _highest = app.stream(IN).group_by_key().reduce(TOTALS, |_, highest, cents| highest.max(cents));
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, "tea"), Some(4));
    /// ```
    pub fn reduce<S: IntoStore<Key = K, Value = V::Present>>(
        &self, store: S, f: impl Fn(&K, V::Present, V::Present) -> V::Present + Portable,
    ) -> KTable<K, V::Present> {
        let fold = move |key: &K, value: V::Present, held: Option<V::Present>| match held {
            Some(held) => f(key, held, value).into_present(),
            None => Some(value),
        };
        self.fold("reduce", store.into_store(), fold, Arc::new(|| None), None)
    }

    /// The values of each key gathered in an aggregate that begins as `init()`. Null values are left out.
    /// With a `Store<K, Option<A>>` the function may delete the row by leaving `None`.
    /// Kafka: `KGroupedStream#aggregate`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: Store<String, u64> = Store::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let _totals = app.stream(IN).group_by_key().aggregate(TOTALS, || 0, |_, cents, total| *total += cents);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, "tea"), Some(7));
    /// ```
    pub fn aggregate<S: IntoStore<Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V::Present, &mut A) + Portable,
    ) -> KTable<K, A::Present> {
        let (fold, initial) = folding(init, add);
        self.fold("aggregate", store.into_store(), fold, initial, None)
    }

    /// The same with an associative function that makes one aggregate of two, so that a plan may aggregate in parts.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: Store<String, u64> = Store::new("totals");
    /// let app = StreamsBuilder::new();
    /// let add = |_: &String, n: u64, total: &mut u64| *total += n;
    /// let _totals = app.stream(IN).group_by_key().aggregate_merging(TOTALS, || 0, add, |_, one, other| one + other);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, "tea"), Some(7));
    /// ```
    pub fn aggregate_merging<S: IntoStore<Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V::Present, &mut A) + Portable,
        merge: impl Fn(&K, A, A) -> A + Portable,
    ) -> KTable<K, A::Present> {
        let (fold, initial) = folding(init, add);
        self.fold("aggregate", store.into_store(), fold, initial, Some(Merge(Arc::new(merge))))
    }

    fn fold<A: Nullable>(
        &self, operation: &'static str, store: Materialized<K, A>,
        fold: impl Fn(&K, V::Present, Option<A::Present>) -> Option<A::Present> + Portable, initial: Initial<A::Present>,
        merge: Option<Merge>,
    ) -> KTable<K, A::Present> {
        let node = aggregation::over_keys(self, Place::only(operation, store.name, store.options), Arc::new(fold), initial);
        self.app.graph(|graph| graph.nodes[node].merge = merge);
        KTable::kept(&self.app, node, store.name)
    }

    /// Aggregates window by window: [`Tumbling`](super::Tumbling), [`Hopping`](super::Hopping), [`Sliding`](super::Sliding),
    /// [`Session`](super::Session), [`Unlimited`](super::Unlimited).
    pub fn windowed_by<W: Windowing>(&self, windows: W) -> W::Stream<K, V> {
        windows.of_stream(self.clone())
    }
}
