//! Streams of events, and what can be done with them without state.

use super::{KGroupedStream, KTable, Repartitioned, StreamsBuilder};
use crate::dsl::IntoStore;
use crate::format::Nullable;
use crate::graph::{Kind, NodeId, Repartition, Wiring};
use crate::operator::{self, Operator, Routed};
use crate::record::{Item, Portable};
use crate::task::Coordinates;
use crate::topic::{IntoSink, Partitioner, Topic};
use std::any::TypeId;
use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::Arc;

/// A stream of events. Kafka: `KStream`.
#[must_use = "a stream goes nowhere until `to`, `for_each` or a store"]
pub struct KStream<K, V> {
    pub(super) app: StreamsBuilder,
    pub(super) node: NodeId,
    /// The key may have changed since records were last sent to the partitions of their keys.
    pub(super) rekeyed: bool,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KStream<K, V> {
    fn clone(&self) -> Self {
        Self { app: self.app.clone(), ..*self }
    }
}

impl<K: Item, V: Item> KStream<K, V> {
    pub(super) fn at(app: &StreamsBuilder, node: NodeId, rekeyed: bool) -> Self {
        Self { app: app.clone(), node, rekeyed, types: PhantomData }
    }

    /// The stream as the other side of an operation of this builder: itself, or, where it is of another one, something that stands in for it.
    pub(super) fn seen_by(&self, app: &StreamsBuilder, operation: &'static str) -> Self {
        if app.builds_with(&self.app, operation) { self.clone() } else { Self::at(app, app.stand_in(), false) }
    }

    /// One more operator that keeps the key.
    pub(super) fn then<K2: Item, V2: Item, O: Operator<K, V> + 'static>(
        &self, operation: &'static str, make: impl Fn(&mut Wiring<'_>, NodeId) -> O + Portable,
    ) -> KStream<K2, V2> {
        let kind = Kind::Operator { operation, changes_key: false };
        KStream::at(&self.app, self.app.operator(kind, &[self.node], make), self.rekeyed)
    }

    /// One more operator that may change the key.
    pub(super) fn then_rekeyed<K2: Item, V2: Item, O: Operator<K, V> + 'static>(
        &self, operation: &'static str, make: impl Fn(&mut Wiring<'_>, NodeId) -> O + Portable,
    ) -> KStream<K2, V2> {
        let kind = Kind::Operator { operation, changes_key: true };
        KStream::at(&self.app, self.app.operator(kind, &[self.node], make), true)
    }

    /// Names the operator that made this stream: in errors, dead letters and `describe()`, and for the repartition topic that a change of key causes.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).filter(|_, word| !word.is_empty()).named("words").for_each(|_, _| ());
    /// assert!(app.build().unwrap().describe().to_string().contains("filter \"words\""));
    /// ```
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.app.name(self.node, name.as_ref());
        self
    }

    /// Keeps the records that pass.
    /// Kafka: `KStream#filter`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).filter(|_, cents| *cents >= 100).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 50).send(IN, "cake", 250);
    /// assert_eq!((driver.latest(OUT, "tea"), driver.latest(OUT, "cake")), (None, Some(250)));
    /// ```
    pub fn filter(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        let passes = Arc::new(passes);
        self.then("filter", move |wiring, id| operator::filter(passes.clone(), wiring.outlet(id)))
    }

    /// Keeps the records that do not pass.
    /// Kafka: `KStream#filterNot`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).filter_not(|_, cents| *cents >= 100).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 50).send(IN, "cake", 250);
    /// assert_eq!((driver.latest(OUT, "tea"), driver.latest(OUT, "cake")), (Some(50), None));
    /// ```
    pub fn filter_not(&self, passes: impl Fn(&K, &V) -> bool + Portable) -> Self {
        let passes = Arc::new(move |key: &K, value: &V| !passes(key, value));
        self.then("filter_not", move |wiring, id| operator::filter(passes.clone(), wiring.outlet(id)))
    }

    /// Another key and another value.
    /// What is grouped or joined behind it goes through a repartition topic first. Kafka: `KStream#map`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).map(|product, cents| (product.to_uppercase(), cents / 100)).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 300);
    /// assert_eq!(driver.latest(OUT, "TEA"), Some(3));
    /// ```
    pub fn map<K2: Item, V2: Item>(&self, f: impl Fn(K, V) -> (K2, V2) + Portable) -> KStream<K2, V2> {
        let f = Arc::new(f);
        self.then_rekeyed("map", move |wiring, id| operator::map(f.clone(), wiring.outlet(id)))
    }

    /// Another value under the same key.
    /// Kafka: `KStream#mapValues`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).map_values(|_, cents| cents * 2).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 300);
    /// assert_eq!(driver.latest(OUT, "tea"), Some(600));
    /// ```
    pub fn map_values<V2: Item>(&self, f: impl Fn(&K, V) -> V2 + Portable) -> KStream<K, V2> {
        let f = Arc::new(f);
        self.then("map_values", move |wiring, id| operator::map_values(f.clone(), wiring.outlet(id)))
    }

    /// Another value under the same key, or a failure, which goes the way of [`OnFailure`](crate::runtime::OnFailure): as a dead letter it carries
    /// the name of this operator and the error's text.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, String> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).try_map_values(|_, text| text.parse::<u64>()).named("parse").to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", "7").send(IN, "cake", "seven");
    /// assert_eq!(driver.latest(OUT, "tea"), Some(7));
    /// assert_eq!(driver.dead_letters()[0].reason, "invalid digit found in string");
    /// ```
    pub fn try_map_values<V2: Item, E: Display + 'static>(&self, f: impl Fn(&K, V) -> Result<V2, E> + Portable) -> KStream<K, V2> {
        let f = Arc::new(f);
        self.then("try_map_values", move |wiring, id| operator::try_map_values(wiring.stage(id), f.clone(), wiring.outlet(id)))
    }

    /// Any number of records for each one.
    /// Kafka: `KStream#flatMap`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).flat_map(|product, cents| [(format!("{product}/net"), cents * 80 / 100), (format!("{product}/tax"), cents * 20 / 100)]).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 100);
    /// assert_eq!((driver.latest(OUT, "tea/net"), driver.latest(OUT, "tea/tax")), (Some(80), Some(20)));
    /// ```
    pub fn flat_map<K2: Item, V2: Item, I: IntoIterator<Item = (K2, V2)> + 'static>(
        &self, f: impl Fn(K, V) -> I + Portable,
    ) -> KStream<K2, V2> {
        let f = Arc::new(f);
        self.then_rekeyed("flat_map", move |wiring, id| operator::flat_map(f.clone(), wiring.outlet(id)))
    }

    /// Any number of values for each one, under the same key.
    /// Kafka: `KStream#flatMapValues`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, String> = Topic::new("in");
    /// const OUT: Topic<String, String> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).flat_map_values(|_, line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "a", "to be");
    /// assert_eq!(driver.all(OUT).len(), 2);
    /// ```
    pub fn flat_map_values<V2: Item, I: IntoIterator<Item = V2> + 'static>(&self, f: impl Fn(&K, V) -> I + Portable) -> KStream<K, V2> {
        let f = Arc::new(f);
        self.then("flat_map_values", move |wiring, id| operator::flat_map_values(f.clone(), wiring.outlet(id)))
    }

    /// Another key for the same value.
    /// What is grouped or joined behind it goes through a repartition topic first. Kafka: `KStream#selectKey`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, String> = Topic::new("in");
    /// const OUT: Topic<String, String> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).select_key(|_, city| city.clone()).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "ann", "Oslo");
    /// assert_eq!(driver.latest(OUT, "Oslo").as_deref(), Some("Oslo"));
    /// ```
    pub fn select_key<K2: Item>(&self, f: impl Fn(&K, &V) -> K2 + Portable) -> KStream<K2, V> {
        let f = Arc::new(f);
        self.then_rekeyed("select_key", move |wiring, id| operator::select_key(f.clone(), wiring.outlet(id)))
    }

    /// Looks at each record and passes it on. What the function does outside happens at least once, even under exactly-once.
    /// Kafka: `KStream#peek`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).peek(|product, cents| println!("{product}: {cents}")).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3);
    /// assert_eq!(driver.latest(OUT, "tea"), Some(3));
    /// ```
    pub fn peek(&self, f: impl Fn(&K, &V) + Portable) -> Self {
        let f = Arc::new(f);
        self.then("peek", move |wiring, id| operator::peek(f.clone(), wiring.outlet(id)))
    }

    /// Looks at each record, and that is all. Kafka: `foreach`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static SEEN: AtomicU64 = AtomicU64::new(0);
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).for_each(|_, n| drop(SEEN.fetch_add(*n, Ordering::Relaxed)));
    ///
    /// TestDriver::new(app.build().unwrap()).send(IN, 1, 3).send(IN, 2, 4);
    /// assert_eq!(SEEN.load(Ordering::Relaxed), 7);
    /// ```
    pub fn for_each(&self, f: impl Fn(&K, &V) + Portable) {
        let f = Arc::new(f);
        let kind = Kind::Operator { operation: "for_each", changes_key: false };
        self.app.operator(kind, &[self.node], move |_, _| operator::for_each(f.clone()));
    }

    /// Puts beside each value where its record was read: topic, partition and offset. Kafka: `ProcessorContext.recordMetadata` (KIP-478).
    ///
    /// It is the record that *this* sub-topology has read: behind a repartition it is that of the repartition topic, so take it before and
    /// carry it along. A record that a table's cache forwards at a commit was read nowhere: it fails, and goes the way of
    /// [`OnFailure`](crate::runtime::OnFailure).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const SEEN: Topic<String, String> = Topic::new("seen");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(PRICES).with_coordinates().map_values(|_, (at, price)| format!("{price} from {}-{}@{}", at.topic, at.partition, at.offset)).to(SEEN);
    ///
    /// # use headwater_streams::testing::TestDriver;
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "a", 7).send(PRICES, "b", 8);
    /// assert_eq!(driver.latest(SEEN, "b").as_deref(), Some("8 from prices-0@1"));
    /// ```
    pub fn with_coordinates(&self) -> KStream<K, (Coordinates, V)> {
        self.then("with_coordinates", |wiring, id| operator::with_coordinates(wiring.stage(id), wiring.outlet(id)))
    }

    /// The records of both streams, in no order between them. A stream merged with itself is that stream: its records come once.
    /// Kafka: `KStream#merge`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const SHOP: Topic<String, u64> = Topic::new("shop");
    /// const WEB: Topic<String, u64> = Topic::new("web");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(SHOP).merge(&app.stream(WEB)).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(SHOP, "tea", 1).send(WEB, "tea", 2);
    /// assert_eq!(driver.all(OUT).len(), 2);
    /// ```
    pub fn merge(&self, other: &Self) -> Self {
        let kind = Kind::Operator { operation: "merge", changes_key: false };
        let other = other.seen_by(&self.app, "merge");
        let both = [self.node, other.node];
        let parents = if self.node == other.node { &both[..1] } else { &both[..] };
        let node = self.app.operator::<K, V, _>(kind, parents, |wiring, id| operator::pass::<K, V>(wiring.outlet(id)));
        Self::at(&self.app, node, self.rekeyed || other.rekeyed)
    }
}

impl<K: Item, V: Item> KStream<K, V> {
    /// Writes to a topic: a [`Topic`], one with options, or one that each record chooses, [`Sink::chosen_by`](crate::topic::Sink::chosen_by).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// const OUT: Topic<u64, u64> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).map_values(|_, n| n * 2).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, 1, 21);
    /// assert_eq!(driver.latest(OUT, 1_u64), Some(42));
    /// ```
    pub fn to<S: IntoSink<Key = K, Value = V>>(&self, sink: S)
    where
        K: Nullable,
        V: Nullable,
    {
        let sink = Arc::new(sink.into_sink());
        let name = sink.name.clone();
        let node = self.app.node(sink.kind(), &[self.node], move |wiring: &mut Wiring<'_>, id: NodeId| match sink.plain_topic() {
            Some(topic) => {
                let output = wiring.output(topic);
                wiring.put(id, operator::sink(wiring.stage(id), sink.clone(), output));
            }
            None => {
                let routed = wiring.routed(id, &sink);
                wiring.put(id, operator::routed_sink(wiring.stage(id), sink.clone(), routed));
            }
        });
        self.app.name_if_any(node, name);
    }
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Writes to a topic and reads it back, so that what follows is a sub-topology of its own in which records stand in the partitions of their keys.
    /// Records without a key end here, as in Kafka.
    /// Kafka: `KStream#repartition` (KIP-221).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, String> = Topic::new("in");
    /// const OUT: Topic<String, String> = Topic::new("out");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).select_key(|_, city| city.clone()).repartition(Repartitioned::named("by-city").partitions(4)).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "ann", "Oslo");
    /// assert_eq!(driver.latest(OUT, "Oslo").as_deref(), Some("Oslo"));
    /// ```
    pub fn repartition(&self, options: Repartitioned<K, V>) -> Self {
        let Repartitioned { name, partitions, partitioner } = options;
        let (stream, sink) = Self::through_topic_of(
            &self.app,
            &[self.node],
            Repartition { partitions, is_explicit: true, has_partitioner: partitioner.is_some(), ..Repartition::default() },
            partitioner,
        );
        self.app.name(sink, &name);
        stream
    }

    /// Writes to a topic and goes on with what was written.
    pub fn through_topic(&self, topic: Topic<K, V>) -> Self {
        self.to(topic);
        self.app.stream(topic)
    }

    /// Records of one key stand in one partition: through a repartition topic if the key has changed.
    pub(super) fn partitioned(&self, repartition: Repartition) -> (Self, Option<NodeId>) {
        if !self.rekeyed {
            return (self.clone(), None);
        }
        let (stream, sink) = self.through(repartition);
        (stream, Some(sink))
    }

    pub(super) fn through(&self, repartition: Repartition) -> (Self, NodeId) {
        Self::through_topic_of(&self.app, &[self.node], repartition, None)
    }

    /// An internal topic that the nodes `from` write together, and what is read from it.
    pub(super) fn through_topic_of(
        app: &StreamsBuilder, from: &[NodeId], repartition: Repartition, partitioner: Option<Partitioner<K, V>>,
    ) -> (Self, NodeId) {
        let kind = Kind::Repartition(repartition);
        let sink = app.node(kind, from, move |wiring: &mut Wiring<'_>, id: NodeId| {
            let (topic, output, keeps_null_keys) =
                (wiring.repartition_topic(id), wiring.repartition_output(id), wiring.keeps_null_keys(id));
            let stage = wiring.stage(id);
            match &partitioner {
                None => wiring.put(id, operator::repartition::<K, V>(stage, output, keeps_null_keys)),
                Some(partitioner) => {
                    let routed = Routed::<K, V>::to_topic(stage.clone(), topic, output, partitioner.clone());
                    wiring.put(id, operator::routed_repartition(stage, routed, keeps_null_keys));
                }
            }
        });
        (Self::read_back(app, sink), sink)
    }

    /// What an internal topic holds, in a sub-topology of its own.
    pub(super) fn read_back(app: &StreamsBuilder, sink: NodeId) -> Self {
        let node = app.node(Kind::RepartitionSource { sink }, &[], |wiring, id| {
            let source = Arc::new(Topic::<K, V>::new("").source());
            let reading =
                operator::Reading::<K, V, _>::new(wiring.stage(id), source.stamps(), operator::read_stream(source), wiring.outlet(id));
            wiring.put_source(id, reading);
        });
        Self::at(app, node, false)
    }

    /// Groups by the key. A record whose key is null belongs to no group and is dropped; null values stay until the aggregation decides.
    /// Kafka: `KStream#groupByKey`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: Store<String, u64> = Store::new("totals");
    /// let app = StreamsBuilder::new();
    /// let _totals = app.stream(IN).group_by_key().reduce(TOTALS, |_, sum, n| sum + n);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.row(TOTALS, "tea"), Some(7));
    /// ```
    pub fn group_by_key(&self) -> KGroupedStream<K::Present, V> {
        KGroupedStream::of(self)
    }

    /// Groups by another key. Records go through a repartition topic, which is called as the grouping, or else as the store that it feeds.
    /// Kafka: `KStream#groupBy`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ORDERS: Topic<u64, String> = Topic::new("orders"); // number, city
    /// const COUNTS: Topic<String, u64> = Topic::new("counts");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(ORDERS).group_by(|_, city| city.clone()).named("by-city").count(Store::new("per-city")).to(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(ORDERS, 1, "Oslo").send(ORDERS, 2, "Oslo");
    /// assert_eq!(driver.latest(COUNTS, "Oslo"), Some(2));
    /// ```
    pub fn group_by<K2: Nullable>(&self, f: impl Fn(&K, &V) -> K2 + Portable) -> KGroupedStream<K2::Present, V> {
        self.select_key(f).group_by_key()
    }

    /// Drops records whose key is null, and says so in the type.
    pub fn present_key(&self) -> KStream<K::Present, V> {
        // A type without a null needs no operator: both types are the same then.
        if K::null().is_none() && TypeId::of::<K>() == TypeId::of::<K::Present>() {
            return KStream::at(&self.app, self.node, self.rekeyed);
        }
        self.then("present_key", |wiring, id| operator::present_key::<K, V>(wiring.outlet(id)))
    }

    /// Makes a table: each record is the new state of its row, null deletes. A record without a key is dropped.
    /// Kafka: `KStream#toTable` (KIP-523).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const MOVES: Topic<String, Option<String>> = Topic::new("moves"); // customer, city
    /// const CITIES: Store<String, String> = Store::new("cities");
    ///
    /// let app = StreamsBuilder::new();
    /// let _cities = app.stream(MOVES).to_table(CITIES);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(MOVES, "ann", "Oslo".to_owned()).send(MOVES, "bob", "Rome".to_owned()).send(MOVES, "bob", None);
    /// assert_eq!((driver.row(CITIES, "ann").as_deref(), driver.row(CITIES, "bob")), (Some("Oslo"), None));
    /// ```
    pub fn to_table<S: IntoStore<Key = K::Present, Value = V::Present>>(&self, store: S) -> KTable<K::Present, V::Present> {
        let store = store.into_store();
        self.table_called(Some(store.name)).stored_from(store, None)
    }

    /// Makes a table that keeps no rows unless something downstream needs them; then it must be [`named`](KTable::named), which is what its store is called.
    /// Kafka: `KStream#toTable` without a `Materialized` (KIP-523).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, Option<String>> = Topic::new("in");
    /// const OUT: Topic<u64, String> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).to_table_unstored().filter(|_, name| name.len() > 3).to(OUT);
    /// assert!(app.build().unwrap().sub_topologies()[0].stores.is_empty());
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, 1, Some("Anna".to_owned()));
    /// assert_eq!(driver.latest(OUT, 1_u64).as_deref(), Some("Anna"));
    /// ```
    pub fn to_table_unstored(&self) -> KTable<K::Present, V::Present> {
        self.table_called(None)
    }

    fn table_called(&self, fallback: Option<&'static str>) -> KTable<K::Present, V::Present> {
        let (stream, _) = self.partitioned(Repartition { fallback, ..Repartition::default() });
        let rows = stream.present_key().map_values(|_, value| value.into_present());
        KTable::of_rows(&self.app, "to_table", rows.node, None)
    }
}

impl<K: Item, V: Item, E: Item> KStream<K, Result<V, E>> {
    /// Failures take their own road: the values of `Ok`, and the errors. To name them, `.named` each of the two streams.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// const NUMBERS: Topic<u64, u64> = Topic::new("numbers");
    /// const WRONG: Topic<u64, String> = Topic::new("wrong");
    /// let app = StreamsBuilder::new();
    /// let (numbers, wrong) = app.stream(IN).map_values(|_, text| text.parse::<u64>().map_err(|error| error.to_string())).ok_err();
    /// numbers.to(NUMBERS);
    /// wrong.to(WRONG);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, 1, "42").send(IN, 2, "two");
    /// assert_eq!(driver.latest(NUMBERS, 1_u64), Some(42));
    /// assert_eq!(driver.latest(WRONG, 2_u64).as_deref(), Some("invalid digit found in string"));
    /// ```
    pub fn ok_err(&self) -> (KStream<K, V>, KStream<K, E>) {
        let parts: KStream<K, Result<V, E>> = self.then("ok_err", |wiring, id| {
            let [ok, err] = wiring.children(id) else { unreachable!("ok_err has two children") };
            operator::ok_err::<K, V, E>(wiring.operator(*ok), wiring.operator(*err))
        });
        (parts.part("ok"), parts.part("err"))
    }

    /// One of the two: a child that the parent knows by its place.
    fn part<T: Item>(&self, operation: &'static str) -> KStream<K, T> {
        let kind = Kind::Operator { operation, changes_key: false };
        let node = self.app.operator::<K, T, _>(kind, &[self.node], |wiring, id| operator::pass::<K, T>(wiring.outlet(id)));
        KStream::at(&self.app, node, self.rekeyed)
    }
}
