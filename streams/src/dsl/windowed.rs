//! Aggregation by key and time window.

use super::grouped::folding;
use super::materialized::declare::Declaration;
use super::windows::mistakes;
use super::{IntoWindowStore, KGroupedStream, KTable, WindowMaterialized};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, Merge};
use crate::operator::{TimeWindows, WindowAggregate};
use crate::record::Portable;
use crate::record::Windowed;
use std::sync::Arc;

/// Records by key and window, about to be aggregated. Kafka: `TimeWindowedKStream`.
///
/// A record enters every window that holds its time and is not closed: a window closes when its end and the grace have passed in stream time.
#[must_use = "windows do nothing until they are aggregated"]
#[derive(Clone)]
pub struct TimeWindowedKStream<K, V> {
    pub(super) grouped: KGroupedStream<K, V>,
    pub(super) windows: TimeWindows,
}

impl<K: Row, V: Nullable> TimeWindowedKStream<K, V> {
    /// How many records each key has in each window. Null values count, as in Kafka.
    ///
    /// The time is the record's timestamp, unless the source takes it from the value:
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// use std::time::Duration;
    ///
    /// const CLICKS: Topic<String, i64> = Topic::new("clicks"); // page, when
    /// const BY_MINUTE: WindowStore<String, u64> = WindowStore::new("clicks-by-minute");
    /// const COUNTS: Topic<Windowed<String>, u64> = Topic::new("click-counts");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(CLICKS.source().timestamp(|_, when| *when))
    ///     .group_by_key()
    ///     .windowed_by(Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(10)))
    ///     .count(BY_MINUTE)
    ///     .to(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(CLICKS, "home", 5_000).send(CLICKS, "home", 59_999).send(CLICKS, "home", 60_000);
    /// assert_eq!(driver.window_row(BY_MINUTE, "home", 0), Some(2));
    /// assert_eq!(driver.latest(COUNTS, Windowed { key: "home".to_owned(), start: 60_000, end: 120_000 }), Some(1));
    ///
    /// // The first window closes at 70 s of stream time. What comes then is a dead letter, so nothing vanishes.
    /// driver.send(CLICKS, "home", 70_000).send(CLICKS, "home", 30_000);
    /// assert_eq!(driver.window_row(BY_MINUTE, "home", 0), Some(2));
    /// assert_eq!(driver.dead_letters()[0].reason, "late");
    /// ```
    pub fn count<S: IntoWindowStore<Key = K, Value = u64>>(&self, store: S) -> KTable<Windowed<K>, u64> {
        self.fold("count", store.into_window_store(), |_, _, count: Option<u64>| Some(count.unwrap_or(0) + 1), None)
    }

    /// The values of each key and window made into one; the first stands for itself. A null takes part, as in Kafka: the function sees it as it flows.
    pub fn reduce<S: IntoWindowStore<Key = K, Value = V>>(
        &self, store: S, f: impl Fn(&K, V::Present, V) -> V + Portable,
    ) -> KTable<Windowed<K>, V::Present> {
        let fold = move |key: &K, value: V, held: Option<V::Present>| match held {
            Some(held) => f(key, held, value).into_present(),
            None => value.into_present(),
        };
        self.fold("reduce", store.into_window_store(), fold, None)
    }

    /// The values of each key and window gathered in an aggregate that begins as `init()`. A null value is an event, as in Kafka, so the
    /// function gets `V` as it flows. With a `WindowStore<K, Option<A>>` it may delete the row by leaving `None`.
    pub fn aggregate<S: IntoWindowStore<Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        self.fold("aggregate", store.into_window_store(), folding(init, add), None)
    }

    /// The same with an associative function that makes one aggregate of two, so that a plan may cut overlapping windows into slices.
    pub fn aggregate_merging<S: IntoWindowStore<Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable, merge: impl Fn(&K, A, A) -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        self.fold("aggregate", store.into_window_store(), folding(init, add), Some(Merge(Arc::new(merge))))
    }

    fn fold<A: Nullable>(
        &self, operation: &'static str, store: WindowMaterialized<K, A>,
        fold: impl Fn(&K, V, Option<A::Present>) -> Option<A::Present> + Portable, merge: Option<Merge>,
    ) -> KTable<Windowed<K>, A::Present> {
        let (stream, windows, fold, name) = (self.grouped.enter(store.name), self.windows, Arc::new(fold), store.name);
        let app = &stream.app;
        let node = app.operator::<K, V, _>(Kind::Operator { operation, changes_key: false }, &[stream.node], move |wiring, id| {
            let rows = wiring.window::<K, A::Present>(name);
            let next = wiring.table_outlet(id, &rows);
            WindowAggregate::new(wiring.stage(id), windows, fold.clone(), rows, wiring.clock(name), next)
        });
        let mistakes = mistakes(windows, name);
        app.graph(|graph| {
            graph.nodes[node].merge = merge;
            graph.mistakes.extend(mistakes);
        });
        app.declare_store::<K, A::Present>(Declaration::owned(node, operation, name, store.options).windowed(windows));
        KTable::kept_windows(app, node, name)
    }
}
