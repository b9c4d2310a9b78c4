//! Sliding windows: any records of a key that are close enough to each other share one.

use super::aggregation::{self, Emission, Place, folding};
use super::materialized::millis;
use super::windows::negative_grace;
use super::{ByWindow, CogroupedKStream, IntoStore, KGroupedStream, KTable, SlidingWindowedCogroup, WindowMaterialized, Windowing};
use crate::format::{Nullable, Row};
use crate::graph::TopologyError;
use crate::operator::Initial;
use crate::record::{Portable, Timestamp, Windowed};
use std::sync::Arc;
use std::time::Duration;

/// Windows that lie where the records are: each holds the records of a key that are at most so far apart, both ends included. Kafka:
/// `SlidingWindows` (KIP-450).
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
/// let nearby = Sliding::of(Duration::from_secs(30)).grace(Duration::from_secs(5));
/// # let _ = nearby;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    pub(super) diff_ms: Timestamp,
    pub(super) grace_ms: Timestamp,
}

impl Sliding {
    /// Records this far apart, or less, share a window. `build()` returns [`TopologyError::SlidingDifference`] for a value below zero.
    pub fn of(difference: Duration) -> Self {
        Sliding::of_ms(millis(difference))
    }

    /// The same in milliseconds.
    pub fn of_ms(difference: Timestamp) -> Self {
        Sliding { diff_ms: difference, grace_ms: 0 }
    }

    /// How long a window still takes late records after its end, in stream time. KIP-328.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Sliding { grace_ms: grace, ..self }
    }

    /// A new window is made of what older ones hold, so they are kept twice as long.
    pub(super) fn needed_ms(self) -> Timestamp {
        self.diff_ms.saturating_mul(2).saturating_add(self.grace_ms)
    }

    pub(super) fn mistakes(self, store: &'static str) -> impl Iterator<Item = TopologyError> {
        let Sliding { diff_ms, grace_ms } = self;
        let difference = (diff_ms < 0).then_some(TopologyError::SlidingDifference { store, diff_ms });
        difference.into_iter().chain(negative_grace(grace_ms, store))
    }
}

impl Windowing for Sliding {
    type Stream<K: Row, V: Nullable> = SlidingWindowedKStream<K, V>;
    type Cogroup<K: Row, A: Nullable> = SlidingWindowedCogroup<K, A>;

    fn of_stream<K: Row, V: Nullable>(self, grouped: KGroupedStream<K, V>) -> SlidingWindowedKStream<K, V> {
        SlidingWindowedKStream { grouped, windows: self, emission: Emission::OnUpdate }
    }

    fn of_cogroup<K: Row, A: Nullable>(self, cogroup: CogroupedKStream<K, A>) -> SlidingWindowedCogroup<K, A> {
        SlidingWindowedCogroup { cogroup, windows: self }
    }
}

/// Records by key and sliding window, about to be aggregated. Null values are left out, as in Kafka.
#[must_use = "windows do nothing until they are aggregated"]
#[derive(Clone)]
pub struct SlidingWindowedKStream<K, V> {
    grouped: KGroupedStream<K, V>,
    windows: Sliding,
    emission: Emission,
}

impl<K: Row, V: Nullable> SlidingWindowedKStream<K, V> {
    /// One result for each window, when it has closed, in place of one for each update. Kafka: `EmitStrategy.onWindowClose` (KIP-825).
    pub fn emit_on_close(self) -> Self {
        SlidingWindowedKStream { emission: Emission::OnClose, ..self }
    }

    /// How many records each key has in each window.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const LOGINS: Topic<String, String> = Topic::new("logins");
    /// const NEARBY: WindowStore<String, u64> = WindowStore::new("nearby-logins");
    /// const COUNTS: Topic<Windowed<String>, u64> = Topic::new("login-counts");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(LOGINS).group_by_key().windowed_by(Sliding::of_ms(10).grace_ms(100)).count(NEARBY).to(COUNTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(20).send(LOGINS, "ann", "x").at(30).send(LOGINS, "ann", "y").at(31).send(LOGINS, "ann", "z");
    /// // Both ends belong to a window: 20 and 30 share one, 20 and 31 do not.
    /// assert_eq!(driver.latest(COUNTS, Windowed { key: "ann".to_owned(), start: 20, end: 30 }), Some(2));
    /// assert_eq!(driver.latest(COUNTS, Windowed { key: "ann".to_owned(), start: 21, end: 31 }), Some(2));
    /// assert_eq!(driver.latest(COUNTS, Windowed { key: "ann".to_owned(), start: 31, end: 41 }), Some(1));
    /// ```
    pub fn count<S: IntoStore<ByWindow, Key = K, Value = u64>>(&self, store: S) -> KTable<Windowed<K>, u64> {
        let fold = |_: &K, _: V::Present, count: Option<u64>| Some(count.unwrap_or(0) + 1);
        self.fold("count", store.into_store(), fold, Arc::new(|| Some(0)))
    }

    /// The values of each key and window made into one; the first stands for itself.
    pub fn reduce<S: IntoStore<ByWindow, Key = K, Value = V::Present>>(
        &self, store: S, f: impl Fn(&K, V::Present, V::Present) -> V::Present + Portable,
    ) -> KTable<Windowed<K>, V::Present> {
        let fold = move |key: &K, value: V::Present, held: Option<V::Present>| match held {
            Some(held) => f(key, held, value).into_present(),
            None => Some(value),
        };
        self.fold("reduce", store.into_store(), fold, Arc::new(|| None))
    }

    /// The values of each key and window gathered in an aggregate that begins as `init()`.
    /// With a `WindowStore<K, Option<A>>` the function may delete the row by leaving `None`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const PAID: Topic<String, u64> = Topic::new("paid");
    /// const NEARBY: WindowStore<String, u64> = WindowStore::new("nearby");
    /// let app = StreamsBuilder::new();
    /// let _nearby = app.stream(PAID).group_by_key().windowed_by(Sliding::of_ms(10)).aggregate(NEARBY, || 0, |_, cents, sum| *sum += cents);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(20).send(PAID, "ann", 3).at(25).send(PAID, "ann", 4);
    /// assert_eq!(driver.window_row(NEARBY, "ann", 15), Some(7)); // from 15 to 25
    /// ```
    pub fn aggregate<S: IntoStore<ByWindow, Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V::Present, &mut A) + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        let (fold, initial) = folding(init, add);
        self.fold("aggregate", store.into_store(), fold, initial)
    }

    fn fold<A: Nullable>(
        &self, operation: &'static str, store: WindowMaterialized<K, A>,
        fold: impl Fn(&K, V::Present, Option<A::Present>) -> Option<A::Present> + Portable, initial: Initial<A::Present>,
    ) -> KTable<Windowed<K>, A::Present> {
        let place = Place::only(operation, store.name, store.options);
        let node = aggregation::over_sliding(&self.grouped, place, self.windows, self.emission, Arc::new(fold), initial);
        KTable::kept_windows(&self.grouped.app, node, store.name)
    }
}
