//! Cogroups: several streams of different types, grouped by the same key, gathered in one aggregate.

use super::aggregation::{self, Emission, Place};
use super::session::merging;
use super::windows::FixedWindows;
use super::{
    BySession, ByWindow, IntoStore, KGroupedStream, KTable, Materialized, Session, SessionMaterialized, Sliding, StreamsBuilder,
    WindowMaterialized, Windowing,
};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, NodeId, RowsOf};
use crate::operator;
use crate::record::{Change, Item, Portable, Windowed};
use std::sync::Arc;

/// Several grouped streams, about to be gathered in one aggregate for each key. Kafka: `CogroupedKStream` (KIP-150).
///
/// One store holds the aggregate, whatever number of streams feeds it, so that there are neither joins nor intermediate tables.
#[must_use = "a cogroup does nothing until it is aggregated"]
pub struct CogroupedKStream<K, A> {
    app: StreamsBuilder,
    inputs: Vec<Arc<dyn Input<K, A>>>,
}

impl<K, A> Clone for CogroupedKStream<K, A> {
    fn clone(&self) -> Self {
        CogroupedKStream { app: self.app.clone(), inputs: self.inputs.clone() }
    }
}

/// How an aggregate begins.
type Init<A> = Arc<dyn Fn() -> A + Send + Sync>;
/// How two aggregates become one.
type Merge<K, A> = Arc<dyn Fn(&K, A, A) -> A + Send + Sync>;

/// One stream of a cogroup, its type of values forgotten.
trait Input<K, A> {
    fn over_keys(&self, place: Place, init: Init<A>) -> NodeId;
    fn over_windows(&self, place: Place, windows: FixedWindows, init: Init<A>) -> NodeId;
    fn over_sliding(&self, place: Place, windows: Sliding, init: Init<A>) -> NodeId;
    fn over_sessions(&self, place: Place, windows: Session, init: Init<A>, merge: Merge<K, A>) -> NodeId;
}

struct Adding<K, V, F> {
    grouped: KGroupedStream<K, V>,
    add: Arc<F>,
}

impl<K: Row, V: Nullable, A: Nullable, F: Fn(&K, V, &mut A) + Portable> Input<K, A> for Adding<K, V, F> {
    fn over_keys(&self, place: Place, init: Init<A>) -> NodeId {
        let add = self.add.clone();
        let (fold, initial) = aggregation::folding(
            move || init(),
            move |key: &K, value: V::Present, aggregate: &mut A| {
                add(key, V::from_present(value), aggregate);
            },
        );
        aggregation::over_keys(&self.grouped, place, Arc::new(fold), initial)
    }

    fn over_windows(&self, place: Place, windows: FixedWindows, init: Init<A>) -> NodeId {
        let add = self.add.clone();
        let (fold, initial) = aggregation::folding(move || init(), move |key: &K, value: V, aggregate: &mut A| add(key, value, aggregate));
        aggregation::over_windows(&self.grouped, place, windows, Emission::OnUpdate, Arc::new(fold), initial)
    }

    fn over_sliding(&self, place: Place, windows: Sliding, init: Init<A>) -> NodeId {
        let add = self.add.clone();
        let (fold, initial) = aggregation::folding(
            move || init(),
            move |key: &K, value: V::Present, aggregate: &mut A| {
                add(key, V::from_present(value), aggregate);
            },
        );
        aggregation::over_sliding(&self.grouped, place, windows, Emission::OnUpdate, Arc::new(fold), initial)
    }

    fn over_sessions(&self, place: Place, windows: Session, init: Init<A>, merge: Merge<K, A>) -> NodeId {
        let add = self.add.clone();
        let fold = merging(
            move || init(),
            move |key: &K, value: V, aggregate: &mut A| add(key, value, aggregate),
            move |key: &K, one, other| merge(key, one, other),
        );
        aggregation::over_sessions(&self.grouped, place, windows, Emission::OnUpdate, fold)
    }
}

impl<K: Row, V: Nullable> KGroupedStream<K, V> {
    /// Begins a cogroup: `add` puts a value of this stream into an aggregate that other streams fill as well. Without windows and in sliding
    /// windows null values are left out, in all others they are events, as in Kafka; so the function gets `V` as it flows.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const CARTS: Topic<String, u64> = Topic::new("carts"); // customer, items
    /// const ORDERS: Topic<String, String> = Topic::new("orders"); // customer, order
    /// const INTEREST: Store<String, u64> = Store::new("interest");
    ///
    /// let app = StreamsBuilder::new();
    /// let (carts, orders) = (app.stream(CARTS).group_by_key(), app.stream(ORDERS).group_by_key());
    /// let _interest = carts
    ///     .cogroup(|_, items, score: &mut u64| *score += items)
    ///     .with(&orders, |_, _, score| *score += 10)
    ///     .aggregate(INTEREST, || 0);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(CARTS, "ann", 3).send(ORDERS, "ann", "tea");
    /// assert_eq!(driver.row(INTEREST, "ann"), Some(13));
    /// ```
    pub fn cogroup<A: Nullable>(&self, add: impl Fn(&K, V, &mut A) + Portable) -> CogroupedKStream<K, A> {
        CogroupedKStream { app: self.app.clone(), inputs: Vec::new() }.with(self, add)
    }
}

impl<K: Row, A: Nullable> CogroupedKStream<K, A> {
    /// One more stream that fills the aggregate. Groupings that need a repartition must be named, but for one, which is called as the store.
    pub fn with<V: Nullable>(mut self, grouped: &KGroupedStream<K, V>, add: impl Fn(&K, V, &mut A) + Portable) -> Self {
        if self.app.builds_with(&grouped.app, "cogroup") {
            self.inputs.push(Arc::new(Adding { grouped: grouped.clone(), add: Arc::new(add) }));
        }
        self
    }

    /// Gathers all streams in an aggregate for each key, which begins as `init()`.
    /// With a `Store<K, Option<A>>` the functions may delete the row by leaving `None`.
    pub fn aggregate<S: IntoStore<Key = K, Value = A>>(&self, store: S, init: impl Fn() -> A + Portable) -> KTable<K, A::Present> {
        let (Materialized { name, options, .. }, init) = (store.into_store(), Arc::new(init));
        let node = self.gather::<K>(name, |i, input| input.over_keys(Place::only("cogroup", name, options).input(i), init.clone()));
        KTable::asking(&self.app, node, name)
    }

    /// Gathers window by window.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const CARTS: Topic<String, u64> = Topic::new("carts");
    /// const ORDERS: Topic<String, String> = Topic::new("orders");
    /// const INTEREST: WindowStore<String, u64> = WindowStore::new("interest");
    /// let app = StreamsBuilder::new();
    /// let (carts, orders) = (app.stream(CARTS).group_by_key(), app.stream(ORDERS).group_by_key());
    /// let scores = carts.cogroup(|_, items, score: &mut u64| *score += items).with(&orders, |_, _, score| *score += 10);
    /// let _interest = scores.windowed_by(Tumbling::of_ms(1_000)).aggregate(INTEREST, || 0);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(10).send(CARTS, "ann", 3).send(ORDERS, "ann", "tea");
    /// assert_eq!(driver.window_row(INTEREST, "ann", 0), Some(13));
    /// ```
    pub fn windowed_by<W: Windowing>(&self, windows: W) -> W::Cogroup<K, A> {
        windows.of_cogroup(self.clone())
    }

    /// One node for each stream, all of which fill one store, and one behind them where their changes meet. Kafka: `KTablePassThrough`.
    fn gather<WK: Item>(&self, store: &'static str, node_of: impl Fn(usize, &dyn Input<K, A>) -> NodeId) -> NodeId {
        let inputs: Vec<NodeId> = self.inputs.iter().enumerate().map(|(i, input)| node_of(i, &**input)).collect();
        let kind = Kind::Operator { operation: "aggregate", changes_key: false };
        let node = self.app.operator::<WK, Change<A::Present>, _>(kind, &inputs, |wiring, id| operator::pass(wiring.outlet(id)));
        self.app.graph(|graph| {
            graph.nodes[node].rows = RowsOf::Filled(store);
            graph.nodes[node].copartitioned = inputs.iter().flat_map(|input| graph.nodes[*input].parents.clone()).collect();
        });
        node
    }
}

/// A cogroup by key and fixed window. Kafka: `TimeWindowedCogroupedKStream`.
#[must_use = "windows do nothing until they are aggregated"]
pub struct TimeWindowedCogroup<K, A> {
    pub(super) cogroup: CogroupedKStream<K, A>,
    pub(super) windows: FixedWindows,
}

impl<K, A> Clone for TimeWindowedCogroup<K, A> {
    fn clone(&self) -> Self {
        TimeWindowedCogroup { cogroup: self.cogroup.clone(), windows: self.windows }
    }
}

impl<K: Row, A: Nullable> TimeWindowedCogroup<K, A> {
    /// Gathers all streams in an aggregate for each key and window, which begins as `init()`.
    pub fn aggregate<S: IntoStore<ByWindow, Key = K, Value = A>>(
        &self, store: S, init: impl Fn() -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let (WindowMaterialized { name, options, .. }, init) = (store.into_store(), Arc::new(init));
        let node = self.cogroup.gather::<Windowed<K>>(name, |i, input| {
            input.over_windows(Place::only("cogroup", name, options).input(i), self.windows, init.clone())
        });
        KTable::asking_windows(&self.cogroup.app, node, name)
    }
}

/// A cogroup by key and sliding window. Kafka: `TimeWindowedCogroupedKStream` of `SlidingWindows`.
#[must_use = "windows do nothing until they are aggregated"]
pub struct SlidingWindowedCogroup<K, A> {
    pub(super) cogroup: CogroupedKStream<K, A>,
    pub(super) windows: Sliding,
}

impl<K, A> Clone for SlidingWindowedCogroup<K, A> {
    fn clone(&self) -> Self {
        SlidingWindowedCogroup { cogroup: self.cogroup.clone(), windows: self.windows }
    }
}

impl<K: Row, A: Nullable> SlidingWindowedCogroup<K, A> {
    /// Gathers all streams in an aggregate for each key and window, which begins as `init()`.
    pub fn aggregate<S: IntoStore<ByWindow, Key = K, Value = A>>(
        &self, store: S, init: impl Fn() -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let (WindowMaterialized { name, options, .. }, init) = (store.into_store(), Arc::new(init));
        let node = self.cogroup.gather::<Windowed<K>>(name, |i, input| {
            input.over_sliding(Place::only("cogroup", name, options).input(i), self.windows, init.clone())
        });
        KTable::asking_windows(&self.cogroup.app, node, name)
    }
}

/// A cogroup by key and session. Kafka: `SessionWindowedCogroupedKStream`.
#[must_use = "sessions do nothing until they are aggregated"]
pub struct SessionWindowedCogroup<K, A> {
    pub(super) cogroup: CogroupedKStream<K, A>,
    pub(super) windows: Session,
}

impl<K, A> Clone for SessionWindowedCogroup<K, A> {
    fn clone(&self) -> Self {
        SessionWindowedCogroup { cogroup: self.cogroup.clone(), windows: self.windows }
    }
}

impl<K: Row, A: Nullable> SessionWindowedCogroup<K, A> {
    /// Gathers all streams in an aggregate for each session, which begins as `init()`; `merge` makes one of two where a record joins sessions.
    pub fn aggregate<S: IntoStore<BySession, Key = K, Value = A>>(
        &self, store: S, init: impl Fn() -> A + Portable, merge: impl Fn(&K, A, A) -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let SessionMaterialized { name, options, .. } = store.into_store();
        let (init, merge) = (Arc::new(init), Arc::new(merge));
        let node = self.cogroup.gather::<Windowed<K>>(name, |i, input| {
            input.over_sessions(Place::only("cogroup", name, options).input(i), self.windows, init.clone(), merge.clone())
        });
        KTable::asking_sessions(&self.cogroup.app, node, name)
    }
}
