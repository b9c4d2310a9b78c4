//! Joins of two streams.

use super::join::{RightSide, joined};
use super::join_windows::Within;
use super::materialized::declare::Declaration;
use super::{KStream, StreamsBuilder};
use crate::format::{Format, Nullable, Row};
use crate::graph::{ChangelogLayout, Kind, NodeId, Repartition, StoreKind, StoreOptions, StoreUse, TopologyError};
use crate::operator::{self, Leftovers, Pair, Reach, Side, Single, StreamJoin, Waiting};
use crate::record::{Item, Portable};
use crate::topic::intern;
use std::any::TypeId;
use std::sync::Arc;

/// What a join makes of both sides, one of which may be missing.
type Joiner<K, L, R, Out> = Arc<dyn Fn(&K, Option<L>, Option<R>) -> Out + Send + Sync>;

/// Which sides go on alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Neither,
    Left,
    Both,
}

impl<K: Nullable, V: Nullable, K2: Nullable<Present = K::Present>, V2: Nullable> RightSide<K, V> for Within<K2, V2> {}

impl<K: Nullable, V: Nullable, K2: Nullable<Present = K::Present>, V2: Nullable> joined::JoinedWith<K, V> for Within<K2, V2> {
    type Key = K::Present;
    type Value = V2::Present;

    fn inner<Out: Item>(
        &self, left: &KStream<K, V>, f: impl Fn(&K::Present, V::Present, V2::Present) -> Out + Portable,
    ) -> KStream<K::Present, Out> {
        let plan = Plan::new(left, self, "join", Keeps::Neither);
        let (left, right) = (plan.partitioned(left, Side::Left).present_key(), plan.right(&self.stream).present_key());
        let both = "an inner join has both sides";
        plan.join(&left, &right, Arc::new(move |key, left: Option<_>, right: Option<_>| f(key, left.expect(both), right.expect(both))))
    }

    fn left<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, Option<V2::Present>) -> Out + Portable) -> KStream<K, Out> {
        let plan = Plan::new(left, self, "left_join", Keeps::Left);
        let left = plan.partitioned(left, Side::Left);
        let right = plan.right(&self.stream).keyed_like::<K>();
        let f = move |key: &K, left: Option<_>, right| f(key, left.expect("a left join has a left side"), right);
        plan.join(&left, &right, Arc::new(f))
    }
}

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Joins two streams; a record of either side that meets nobody within the windows goes on alone when they have closed, one without a key at once.
    ///
    /// As in Kafka, it is the next record that is not out of order that sends the lonely ones on. Kafka: `KStream.outerJoin`.
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const ASKED: Topic<String, u64> = Topic::new("asked");
    /// const ANSWERED: Topic<String, u64> = Topic::new("answered");
    /// const BOTH: Topic<String, String> = Topic::new("both");
    ///
    /// let app = StreamsBuilder::new();
    /// let answered = app.stream(ANSWERED).within(JoinWindows::of_ms(10)).stored("answers");
    /// app.stream(ASKED).outer_join(&answered, |_, asked, answered| format!("{asked:?} {answered:?}")).to(BOTH);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(ASKED, "a", 1).at(5).send(ANSWERED, "a", 2);
    /// assert_eq!(driver.latest(BOTH, "a").as_deref(), Some("Some(1) Some(2)"));
    /// driver.at(20).send(ANSWERED, "b", 3);
    /// assert_eq!(driver.latest(BOTH, "b"), None); // it may still be asked
    /// driver.at(40).send(ASKED, "z", 0).send(ANSWERED, "z", 0).send(ANSWERED, "z", 0);
    /// assert_eq!(driver.latest(BOTH, "b").as_deref(), Some("None Some(3)"));
    /// ```
    pub fn outer_join<V2: Nullable, Out: Item>(
        &self, right: &Within<K, V2>, f: impl Fn(&K, Option<V::Present>, Option<V2::Present>) -> Out + Portable,
    ) -> KStream<K, Out> {
        let plan = Plan::new(self, right, "outer_join", Keeps::Both);
        let (left, right) = (plan.partitioned(self, Side::Left), plan.right(&right.stream));
        plan.join(&left, &right, Arc::new(f))
    }

    /// The same stream with the other side's type of keys, null or not. Where that is its own there is no node, which a stream joined with itself would
    /// otherwise reach before the left side; the join drops null keys as well.
    fn keyed_like<K2: Nullable<Present = K::Present>>(&self) -> KStream<K2, V> {
        match TypeId::of::<K>() == TypeId::of::<K2>() {
            true => KStream::at(&self.app, self.node, self.rekeyed),
            false => self.present_key().keyed_as(),
        }
    }

    /// The same stream whose keys are of a type that may have a null.
    fn keyed_as<K2: Nullable<Present = K>>(&self) -> KStream<K2, V>
    where
        K: Row,
    {
        if TypeId::of::<K>() == TypeId::of::<K2>() {
            return KStream::at(&self.app, self.node, self.rekeyed);
        }
        let f = Arc::new(|key, value| (K2::from_present(key), value));
        self.then("keyed_as", move |wiring, id| operator::map(f.clone(), wiring.outlet(id)))
    }
}

/// A join on its way into the graph.
struct Plan {
    app: StreamsBuilder,
    operation: &'static str,
    name: &'static str,
    keeps: Keeps,
    reach: Reach,
    in_memory: Option<bool>,
}

/// The names of a join's stores.
#[derive(Clone, Copy)]
struct Stores {
    this: &'static str,
    other: &'static str,
    leftovers: Option<&'static str>,
}

impl Plan {
    fn new<K, V, K2, V2>(left: &KStream<K, V>, right: &Within<K2, V2>, operation: &'static str, keeps: Keeps) -> Self {
        let app = left.app.clone();
        let name = right.name.unwrap_or_else(|| {
            app.mistake(TopologyError::UnnamedJoin { operation });
            intern(&format!("unnamed-{}", right.stream.node))
        });
        app.graph(|graph| graph.mistakes.extend(right.windows.mistakes(name)));
        Plan { app, operation, name, keeps, reach: right.windows.reach(), in_memory: right.in_memory }
    }

    fn right<K: Nullable, V: Nullable>(&self, stream: &KStream<K, V>) -> KStream<K, V> {
        self.partitioned(&stream.seen_by(&self.app, self.operation), Side::Right)
    }

    /// Records of one key stand in one partition.
    fn partitioned<K: Nullable, V: Nullable>(&self, stream: &KStream<K, V>, side: Side) -> KStream<K, V> {
        let fallback = match side {
            Side::Left => "left",
            Side::Right => "right",
        };
        let fallback = Some(intern(&format!("{}-{fallback}", self.name)));
        stream.partitioned(Repartition { fallback, ..Repartition::default() }).0
    }

    fn keeps_side(&self, side: Side) -> bool {
        self.keeps == Keeps::Both || self.keeps == Keeps::Left && side == Side::Left
    }

    /// Kafka: `KStreamImplJoin`, `OuterStreamJoinStoreFactory`.
    fn stores(&self) -> Stores {
        let name = |suffix| intern(&format!("{}-{suffix}-join-store", self.name));
        match self.keeps {
            Keeps::Neither => Stores { this: name("this"), other: name("other"), leftovers: None },
            Keeps::Left => Stores { this: name("this"), other: name("outer-other"), leftovers: Some(name("left-shared")) },
            Keeps::Both => Stores { this: name("outer-this"), other: name("outer-other"), leftovers: Some(name("outer-shared")) },
        }
    }

    fn join<K: Nullable, L: Nullable, R: Nullable, Out: Item>(
        &self, left: &KStream<K, L>, right: &KStream<K, R>, f: Joiner<K, L::Present, R::Present, Out>,
    ) -> KStream<K, Out> {
        let (stores, single) = (self.stores(), self.single(&f));
        let pair = f.clone();
        let pair = move |key: &K, left, right| pair(key, Some(left), right);
        let of_left = self.side::<K, L, R::Present, Out>(left, Side::Left, stores, single.clone(), Arc::new(pair));
        let pair = move |key: &K, right, left| f(key, left, Some(right));
        let of_right = self.side::<K, R, L::Present, Out>(right, Side::Right, stores, single, Arc::new(pair));
        self.declare::<K::Present, L::Present, R::Present>(of_left, of_right, stores);
        self.app.graph(|graph| {
            graph.nodes[of_left].copartitioned = vec![left.node, right.node];
            [of_left, of_right].into_iter().for_each(|side| graph.nodes[side].takes_null_keys = self.keeps != Keeps::Neither);
        });
        let kind = Kind::Operator { operation: "joined", changes_key: false };
        let both = self.app.operator::<K, Out, _>(kind, &[of_left, of_right], |wiring, id| operator::pass::<K, Out>(wiring.outlet(id)));
        KStream::at(&self.app, both, false)
    }

    /// Bytes of a record that stayed alone, as both sides' formats read them.
    fn single<K: Nullable, L: Row, R: Row, Out: Item>(&self, f: &Joiner<K, L, R, Out>) -> Single<K, Out> {
        let f = f.clone();
        let (keys, lefts, rights) = (<K::Present as Nullable>::Format::default(), L::Format::default(), R::Format::default());
        Arc::new(move |side, key, value| {
            let key = K::from_present(keys.decode(key)?);
            let value = match side {
                Side::Left => f(&key, Some(lefts.decode(value)?), None),
                Side::Right => f(&key, None, Some(rights.decode(value)?)),
            };
            Ok((key, value))
        })
    }

    /// One side: it keeps its own events and looks for partners among those of the other.
    fn side<K: Nullable, V: Nullable, O: Row, Out: Item>(
        &self, stream: &KStream<K, V>, side: Side, stores: Stores, single: Single<K, Out>, pair: Pair<K, V::Present, O, Out>,
    ) -> NodeId {
        let (name, keeps) = (self.name, self.keeps_side(side));
        let (this, other, reach) = match side {
            Side::Left => (stores.this, stores.other, self.reach),
            Side::Right => (stores.other, stores.this, self.reach.reversed()),
        };
        self.app.operator::<K, V, _>(Kind::Operator { operation: self.operation, changes_key: false }, &[stream.node], move |wiring, id| {
            let waiting = stores.leftovers.map(|store| Waiting { leftovers: wiring.leftovers(store), single: single.clone(), keeps });
            StreamJoin {
                stage: wiring.stage(id),
                side,
                reach,
                this: wiring.events::<K::Present, V::Present>(this),
                other: wiring.events::<K::Present, O>(other),
                observed: wiring.clock(name),
                waiting,
                pair: pair.clone(),
                next: wiring.outlet(id),
                bytes: Vec::new(),
                found: Vec::new(),
            }
        })
    }

    fn declare<K: Row, L: Row, R: Row>(&self, left: NodeId, right: NodeId, stores: Stores) {
        let options = StoreOptions { cache_bytes: Some(0), in_memory: self.in_memory, ..StoreOptions::default() };
        let retention_ms = self.reach.retention_ms().max(0);
        let events = |node, store| Declaration::owned(node, self.operation, store, options).events(retention_ms);
        self.app.declare_store::<K, L>(events(left, stores.this));
        self.app.declare_store::<K, R>(events(right, stores.other));
        self.app.graph(|graph| {
            graph.nodes[left].stores.push(stores.other);
            graph.nodes[right].stores.push(stores.this);
            let Some(name) = stores.leftovers else { return };
            let names = [L::Format::default().name(), R::Format::default().name()];
            let used = StoreUse {
                name,
                kind: StoreKind::Waiting,
                types: TypeId::of::<(Leftovers, K, L, R)>(),
                type_name: std::any::type_name::<(K, L, R)>(),
                formats: [K::Format::default().name().into_owned(), names.join(" or ")],
                owner: Some(self.operation),
                shared_by: None,
                options,
                source_changelog: None,
                changelog_layout: ChangelogLayout::Shared,
            };
            graph.nodes[left].stores.push(name);
            graph.nodes[right].stores.push(name);
            graph.stores.declare(used).unwrap_or_else(|mistake| graph.mistakes.push(mistake));
        });
    }
}
