//! Aggregation by key and time window.

use super::aggregation::{self, Emission, Place, folding};
use super::windows::FixedWindows;
use super::{ByWindow, IntoStore, KGroupedStream, KTable, WindowMaterialized};
use crate::format::{Nullable, Row};
use crate::graph::Merge;
use crate::operator::Initial;
use crate::record::{Portable, Windowed};
use std::sync::Arc;

/// Records by key and window, about to be aggregated. Kafka: `TimeWindowedKStream`.
///
/// A record enters every window that holds its time and is not closed: a window closes when its end and the grace have passed in stream time.
#[must_use = "windows do nothing until they are aggregated"]
#[derive(Clone)]
pub struct TimeWindowedKStream<K, V> {
    pub(super) grouped: KGroupedStream<K, V>,
    pub(super) windows: FixedWindows,
    pub(super) emission: Emission,
}

impl<K: Row, V: Nullable> TimeWindowedKStream<K, V> {
    /// One result for each window, when it has closed, in place of one for each update. Kafka: `EmitStrategy.onWindowClose` (KIP-825).
    ///
    /// Under [`TimeRule::Watermark`](crate::runtime::TimeRule::Watermark) what has closed goes on with the next commit, and no window is lost, however far
    /// time jumps. Under [`TimeRule::Kafka`](crate::runtime::TimeRule::Kafka) it goes on with the record that closes it, if the store still shows it: windows
    /// that close because time jumps past their retention are lost there, as in Kafka Streams.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const CLICKS: Topic<String, String> = Topic::new("clicks");
    /// const BY_MINUTE: WindowStore<String, u64> = WindowStore::new("clicks-by-minute");
    /// const FINAL: Topic<Windowed<String>, u64> = Topic::new("final-counts");
    ///
    /// let app = StreamsBuilder::new();
    /// let minutes = app.stream(CLICKS).group_by_key().windowed_by(Tumbling::of_ms(60_000).grace_ms(5_000));
    /// minutes.emit_on_close().count(BY_MINUTE).to(FINAL);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(CLICKS, "home", "x").at(64_999).send(CLICKS, "home", "y").at(7).send(CLICKS, "home", "z");
    /// assert!(driver.all(FINAL).is_empty());
    /// driver.at(65_000).send(CLICKS, "news", "x");
    /// assert_eq!(driver.latest(FINAL, Windowed { key: "home".to_owned(), start: 0, end: 60_000 }), Some(2));
    /// assert_eq!(driver.all(FINAL).len(), 1);
    /// ```
    pub fn emit_on_close(self) -> Self {
        TimeWindowedKStream { emission: Emission::OnClose, ..self }
    }

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
    pub fn count<S: IntoStore<ByWindow, Key = K, Value = u64>>(&self, store: S) -> KTable<Windowed<K>, u64> {
        let fold = |_: &K, _: V, count: Option<u64>| Some(count.unwrap_or(0) + 1);
        self.fold("count", store.into_store(), fold, Arc::new(|| Some(0)), None)
    }

    /// The values of each key and window made into one; the first stands for itself. A null takes part, as in Kafka: the function sees it as it flows.
    /// Kafka: `TimeWindowedKStream#reduce`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: WindowStore<String, u64> = WindowStore::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let hours = Tumbling::of_ms(3_600_000);
    /// let _highest = app.stream(IN).group_by_key().windowed_by(hours).reduce(TOTALS, |_, highest, cents| highest.max(cents));
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!(driver.window_row(TOTALS, "tea", 0), Some(4));
    /// ```
    pub fn reduce<S: IntoStore<ByWindow, Key = K, Value = V>>(
        &self, store: S, f: impl Fn(&K, V::Present, V) -> V + Portable,
    ) -> KTable<Windowed<K>, V::Present> {
        let fold = move |key: &K, value: V, held: Option<V::Present>| match held {
            Some(held) => f(key, held, value).into_present(),
            None => value.into_present(),
        };
        self.fold("reduce", store.into_store(), fold, Arc::new(|| None), None)
    }

    /// The values of each key and window gathered in an aggregate that begins as `init()`. A null value is an event, as in Kafka, so the
    /// function gets `V` as it flows. With a `WindowStore<K, Option<A>>` it may delete the row by leaving `None`.
    /// Kafka: `TimeWindowedKStream#aggregate`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const TOTALS: WindowStore<String, u64> = WindowStore::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// let halves = Hopping::of_ms(3_600_000, 1_800_000);
    /// let _totals = app.stream(IN).group_by_key().windowed_by(halves).aggregate(TOTALS, || 0, |_, cents, total| *total += cents);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(2_000_000).send(IN, "tea", 3).send(IN, "tea", 4);
    /// assert_eq!((driver.window_row(TOTALS, "tea", 0), driver.window_row(TOTALS, "tea", 1_800_000)), (Some(7), Some(7)));
    /// ```
    pub fn aggregate<S: IntoStore<ByWindow, Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let (fold, initial) = folding(init, add);
        self.fold("aggregate", store.into_store(), fold, initial, None)
    }

    /// The same with an associative function that makes one aggregate of two, so that a plan may cut overlapping windows into slices.
    pub fn aggregate_merging<S: IntoStore<ByWindow, Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable, merge: impl Fn(&K, A, A) -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let (fold, initial) = folding(init, add);
        self.fold("aggregate", store.into_store(), fold, initial, Some(Merge(Arc::new(merge))))
    }

    fn fold<A: Nullable>(
        &self, operation: &'static str, store: WindowMaterialized<K, A>,
        fold: impl Fn(&K, V, Option<A::Present>) -> Option<A::Present> + Portable, initial: Initial<A::Present>, merge: Option<Merge>,
    ) -> KTable<Windowed<K>, A::Present> {
        let place = Place::only(operation, store.name, store.options);
        let node = aggregation::over_windows(&self.grouped, place, self.windows, self.emission, Arc::new(fold), initial);
        let app = &self.grouped.app;
        app.graph(|graph| graph.nodes[node].merge = merge);
        KTable::kept_windows(app, node, store.name)
    }
}
