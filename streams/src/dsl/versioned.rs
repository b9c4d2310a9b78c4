//! Stores that know what rows were at earlier times.

use crate::record::Timestamp;
use crate::topic::intern;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A store of all versions of each row within a history, as a typed constant. KIP-889; Kafka: `VersionedKeyValueStore`.
///
/// A version is valid from its own time until that of the next one. Updates may come in any order; those older than the history are dropped. A table over
/// such a store answers joins with the row that was valid at the time of the stream's record, and its out-of-order updates are no news to aggregations and joins of tables
/// (KIP-914). It is never cached, and always on the disk: Kafka has none in memory either.
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// use std::time::Duration;
///
/// const PRICES: Topic<String, u64> = Topic::new("prices");
/// const KNOWN: VersionedStore<String, u64> = VersionedStore::new("known-prices", Duration::from_secs(3_600));
/// const SALES: Topic<String, u64> = Topic::new("sales"); // article, pieces
/// const REVENUE: Topic<String, u64> = Topic::new("revenue");
///
/// let app = StreamsBuilder::new();
/// let prices = app.table(PRICES, KNOWN);
/// app.stream(SALES).join(&prices, |_, pieces, price| pieces * price).to(REVENUE);
///
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.at(1_000).send(PRICES, "tea", 3).at(5_000).send(PRICES, "tea", 4);
/// driver.at(2_000).send(SALES, "tea", 10); // it was 3 then
/// assert_eq!(driver.latest(REVENUE, "tea"), Some(30));
/// ```
pub struct VersionedStore<K, V> {
    name: &'static str,
    history_ms: Timestamp,
    segment_ms: Option<Timestamp>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> VersionedStore<K, V> {
    /// A store with a name known at compile time, and how far back it knows rows, in stream time. Its changelog is `<application id>-<name>-changelog`.
    pub const fn new(name: &'static str, history: Duration) -> Self {
        VersionedStore::new_ms(name, millis(history))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::History`](crate::graph::TopologyError::History) for a value below zero.
    pub const fn new_ms(name: &'static str, history: Timestamp) -> Self {
        VersionedStore { name, history_ms: history, segment_ms: None, types: PhantomData }
    }

    /// The same with a name made at run time. It lives as long as the process, once per distinct name.
    pub fn of(name: impl AsRef<str>, history: Duration) -> Self {
        VersionedStore::new(intern(name.as_ref()), history)
    }

    /// The same in milliseconds.
    pub fn of_ms(name: impl AsRef<str>, history: Timestamp) -> Self {
        VersionedStore::new_ms(intern(name.as_ref()), history)
    }

    /// How much of the history is removed at once. `build()` returns [`TopologyError::History`](crate::graph::TopologyError::History) for nothing. Kafka: `segmentInterval`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use std::time::Duration;
    /// const DAY: Duration = Duration::from_secs(86_400);
    /// const PRICES: VersionedStore<String, u64> = VersionedStore::new("prices", DAY).segments_of(Duration::from_secs(3_600));
    /// let app = StreamsBuilder::new();
    /// let _prices = app.table(Topic::<String, u64>::new("prices"), PRICES);
    /// assert!(app.build().is_ok());
    /// ```
    pub const fn segments_of(self, segment: Duration) -> Self {
        self.segments_of_ms(millis(segment))
    }

    /// The same in milliseconds.
    pub const fn segments_of_ms(self, segment: Timestamp) -> Self {
        VersionedStore { name: self.name, history_ms: self.history_ms, segment_ms: Some(segment), types: PhantomData }
    }

    /// The store's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn history_ms(&self) -> Timestamp {
        self.history_ms
    }

    pub(super) fn segment_ms(&self) -> Option<Timestamp> {
        self.segment_ms
    }
}

/// As everywhere, so few that sums of them with times do not overflow.
const fn millis(duration: Duration) -> Timestamp {
    const MOST: Timestamp = Timestamp::MAX / 4;
    let ms = duration.as_millis();
    if ms > MOST as u128 { MOST } else { ms as Timestamp }
}

impl<K, V> Clone for VersionedStore<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for VersionedStore<K, V> {}

impl<K, V> fmt::Debug for VersionedStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionedStore({})", self.name)
    }
}
