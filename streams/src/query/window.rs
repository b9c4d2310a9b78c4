//! Reading rows by key and window.

use super::base::{Base, in_order, inclusive};
use super::{Ask, Entry, Found, Keys, Place, QueryError, Which};
use crate::format::Row;
use crate::record::{Timestamp, Windowed};
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::rc::Rc;

/// Reads a [`WindowStore`](crate::dsl::WindowStore). Kafka: `ReadOnlyWindowStore`.
///
/// Times are those of window starts, in milliseconds. A window is seen while its start is newer than the store's time minus its
/// retention. Each call is one query: all rows of its answer are of one moment.
///
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// use std::time::Duration;
/// const CLICKS: Topic<String, String> = Topic::new("clicks");
/// const PER_SECOND: WindowStore<String, u64> = WindowStore::new("clicks-per-second");
///
/// let app = StreamsBuilder::new();
/// let seconds = Tumbling::of(Duration::from_secs(1)).grace(Duration::from_secs(10));
/// app.stream(CLICKS).group_by_key().windowed_by(seconds).count(PER_SECOND);
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.at(10).send(CLICKS, "ada", "").at(20).send(CLICKS, "ada", "").at(1_500).send(CLICKS, "ada", "");
///
/// let (windows, ada) = (driver.store(PER_SECOND), "ada".to_owned());
/// assert_eq!(windows.get(&ada, 0)?, Some(2));
/// let found = windows.fetch(&ada, 0..2_000)?;
/// assert_eq!(found.iter().map(|entry| (entry.key.start, entry.value)).collect::<Vec<_>>(), [(0, 2), (1_000, 1)]);
/// # Ok::<(), QueryError>(())
/// ```
#[derive(Clone)]
pub struct WindowView<'a, K, V> {
    base: Base<'a>,
    size_ms: Timestamp,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Row, V: Row> WindowView<'a, K, V> {
    pub(super) fn new(place: Rc<dyn Place + 'a>, store: &'static str, size_ms: Timestamp) -> Self {
        WindowView { base: Base::new(place, store), size_ms, types: PhantomData }
    }

    /// The value of the window of a key that starts there.
    ///
    /// # Errors
    /// Each query may fail with any [`QueryError`].
    pub fn get(&self, key: &K, start: Timestamp) -> Result<Option<V>, QueryError> {
        self.entry(key, start).map(|found| found.map(|entry| entry.value))
    }

    /// The value of the window of a key that starts there, and the time of its last update.
    pub fn entry(&self, key: &K, start: Timestamp) -> Result<Option<Entry<Windowed<K>, V>>, QueryError> {
        self.fetch(key, start..=start).map(|mut found| found.pop())
    }

    /// The windows of a key that start in the range, in the order of their starts.
    pub fn fetch(&self, key: &K, starts: impl RangeBounds<Timestamp>) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.windows(self.base.one(key)?, starts)
    }

    /// The windows of a range of keys that start in the range of times, in the order of their keys' bytes, then of their starts.
    pub fn fetch_range(
        &self, keys: impl RangeBounds<K>, starts: impl RangeBounds<Timestamp>,
    ) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.windows(self.base.between(keys)?, starts)
    }

    /// The windows of all keys that start in the range, in the order of their keys' bytes, then of their starts.
    pub fn fetch_all(&self, starts: impl RangeBounds<Timestamp>) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.fetch_range(.., starts)
    }

    /// All windows, in the order of their keys' bytes, then of their starts.
    pub fn all(&self) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.fetch_range(.., ..)
    }

    fn windows(&self, keys: Keys, starts: impl RangeBounds<Timestamp>) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        let windowed = |key: K, found: &Found| Windowed { key, start: found.start, end: found.start.saturating_add(self.size_ms) };
        self.base.entries(self.base.ask(Ask::Windowed(Which { keys, times: inclusive(starts), latest_start: Timestamp::MAX }))?, windowed)
    }
}

in_order! {
    /// The same rows from the last key and window to the first. Kafka: `backwardFetch`, `backwardFetchAll`.
    WindowView
}
