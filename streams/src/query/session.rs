//! Reading rows by key and session.

use super::base::{Base, in_order};
use super::{Ask, Entry, Found, Keys, Place, QueryError, Which};
use crate::format::Row;
use crate::record::{Timestamp, Windowed};
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::rc::Rc;

/// Reads a [`SessionStore`](crate::dsl::SessionStore). Kafka: `ReadOnlySessionStore`.
///
/// Start and end of a session are the times of its first and its last record, in milliseconds. A session is seen while its end is newer
/// than the store's time minus its retention. Each call is one query: all rows of its answer are of one moment.
///
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// use std::time::Duration;
/// const PAGES: Topic<String, String> = Topic::new("pages");
/// const VISITS: SessionStore<String, u64> = SessionStore::new("visits");
///
/// let app = StreamsBuilder::new();
/// let visits = Session::of(Duration::from_secs(1)).grace(Duration::from_secs(10));
/// app.stream(PAGES).group_by_key().windowed_by(visits).count(VISITS);
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.at(10).send(PAGES, "ada", "").at(900).send(PAGES, "ada", "").at(5_000).send(PAGES, "ada", "");
///
/// let (visits, ada) = (driver.store(VISITS), "ada".to_owned());
/// let spans = |found: Vec<Entry<Windowed<String>, u64>>| found.iter().map(|visit| (visit.key.start, visit.key.end)).collect::<Vec<_>>();
/// assert_eq!(spans(visits.fetch(&ada)?), [(10, 900), (5_000, 5_000)]);
/// assert_eq!(spans(visits.find(&ada, 900, 4_999)?), [(10, 900)]);
/// assert_eq!(visits.get(&ada, 10, 900)?, Some(2));
/// # Ok::<(), QueryError>(())
/// ```
#[derive(Clone)]
pub struct SessionView<'a, K, V> {
    base: Base<'a>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Row, V: Row> SessionView<'a, K, V> {
    pub(super) fn new(place: Rc<dyn Place + 'a>, store: &'static str) -> Self {
        SessionView { base: Base::new(place, store), types: PhantomData }
    }

    /// The value of the session of a key with exactly this start and end. Kafka: `fetchSession`.
    ///
    /// # Errors
    /// Each query may fail with any [`QueryError`].
    pub fn get(&self, key: &K, start: Timestamp, end: Timestamp) -> Result<Option<V>, QueryError> {
        self.entry(key, start, end).map(|found| found.map(|entry| entry.value))
    }

    /// The value of the session of a key with exactly this start and end, and the time of its last update.
    pub fn entry(&self, key: &K, start: Timestamp, end: Timestamp) -> Result<Option<Entry<Windowed<K>, V>>, QueryError> {
        let mut found = self.base.ask(Ask::Windowed(Which { keys: self.base.one(key)?, times: end..=end, latest_start: start }))?;
        found.retain(|session| session.start == start);
        Ok(self.entries(found)?.pop())
    }

    /// The sessions of a key, in the order of their ends.
    pub fn fetch(&self, key: &K) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.find(key, Timestamp::MIN, Timestamp::MAX)
    }

    /// The sessions of a range of keys, in the order of their keys' bytes, then of their ends.
    pub fn fetch_range(&self, keys: impl RangeBounds<K>) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.find_range(keys, Timestamp::MIN, Timestamp::MAX)
    }

    /// All sessions, in the order of their keys' bytes, then of their ends.
    pub fn all(&self) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.fetch_range(..)
    }

    /// The sessions of a key that end at `earliest_end` or later and start at `latest_start` or before, in the order of their ends: those
    /// that have anything in the times between. Kafka: `findSessions`.
    pub fn find(&self, key: &K, earliest_end: Timestamp, latest_start: Timestamp) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.sessions(self.base.one(key)?, earliest_end, latest_start)
    }

    /// The same for a range of keys, in the order of their keys' bytes, then of their ends.
    pub fn find_range(
        &self, keys: impl RangeBounds<K>, earliest_end: Timestamp, latest_start: Timestamp,
    ) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.sessions(self.base.between(keys)?, earliest_end, latest_start)
    }

    fn sessions(&self, keys: Keys, earliest_end: Timestamp, latest_start: Timestamp) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.entries(self.base.ask(Ask::Windowed(Which { keys, times: earliest_end..=Timestamp::MAX, latest_start }))?)
    }

    fn entries(&self, found: Vec<Found>) -> Result<Vec<Entry<Windowed<K>, V>>, QueryError> {
        self.base.entries(found, |key: K, found| Windowed { key, start: found.start, end: found.end })
    }
}

in_order! {
    /// The same rows from the last key and session to the first. Kafka: `backwardFetch`, `backwardFindSessions`.
    SessionView
}
