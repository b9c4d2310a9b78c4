//! Reading rows by key.

use super::base::{Base, in_order};
use super::{Ask, Entry, Keys, Place, QueryError};
use crate::format::Row;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::rc::Rc;

/// Reads a [`Store`](crate::dsl::Store). Kafka: `ReadOnlyKeyValueStore`.
///
/// Each call is one query: all rows of its answer are of one moment. Ranges and orders go by the unsigned bytes of the keys as their
/// format writes them, so numbers in decimal text do not sort as numbers do.
///
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// const WORDS: Topic<String, String> = Topic::new("words");
/// const COUNTS: Store<String, u64> = Store::new("counts");
///
/// let app = StreamsBuilder::new();
/// app.stream(WORDS).group_by_key().count(COUNTS);
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.send(WORDS, "tea", "").send(WORDS, "milk", "").send(WORDS, "tea", "");
///
/// let counts = driver.store(COUNTS);
/// assert_eq!(counts.get(&"tea".to_owned())?, Some(2));
/// let keys = |entries: Vec<Entry<String, u64>>| entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>();
/// assert_eq!(keys(counts.all()?), ["milk", "tea"]);
/// assert_eq!(keys(counts.range("n".to_owned()..)?), ["tea"]);
/// assert_eq!(keys(counts.backward().limit(1).all()?), ["tea"]);
/// # Ok::<(), QueryError>(())
/// ```
#[derive(Clone)]
pub struct KeyValueView<'a, K, V> {
    base: Base<'a>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Row, V: Row> KeyValueView<'a, K, V> {
    pub(super) fn new(place: Rc<dyn Place + 'a>, store: &'static str) -> Self {
        KeyValueView { base: Base::new(place, store), types: PhantomData }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Each query may fail with any [`QueryError`].
    pub fn get(&self, key: &K) -> Result<Option<V>, QueryError> {
        self.entry(key).map(|found| found.map(|entry| entry.value))
    }

    /// The value of a key and the time of its last update.
    pub fn entry(&self, key: &K) -> Result<Option<Entry<K, V>>, QueryError> {
        let found = self.base.ask(Ask::Rows(self.base.one(key)?))?;
        Ok(self.base.entries(found, |key: K, _| key)?.pop())
    }

    /// All rows, in the order of their keys' bytes.
    pub fn all(&self) -> Result<Vec<Entry<K, V>>, QueryError> {
        self.range(..)
    }

    /// The rows of a range of keys, in the order of their keys' bytes, by which the range goes as well. One whose ends have passed each
    /// other has no rows.
    pub fn range(&self, keys: impl RangeBounds<K>) -> Result<Vec<Entry<K, V>>, QueryError> {
        self.rows(self.base.between(keys)?)
    }

    /// The rows whose keys' bytes begin with the bytes of this key. Kafka: `prefixScan`.
    pub fn prefix(&self, key: &K) -> Result<Vec<Entry<K, V>>, QueryError> {
        self.prefix_bytes(&self.base.key(key)?)
    }

    /// The rows whose keys' bytes begin with these, which need not be a key.
    pub fn prefix_bytes(&self, prefix: &[u8]) -> Result<Vec<Entry<K, V>>, QueryError> {
        self.rows(Keys::with_prefix(prefix.to_vec()))
    }

    fn rows(&self, keys: Keys) -> Result<Vec<Entry<K, V>>, QueryError> {
        self.base.entries(self.base.ask(Ask::Rows(keys))?, |key: K, _| key)
    }
}

in_order! {
    /// The same rows from the last key to the first. Kafka: `reverseAll`, `reverseRange`.
    KeyValueView
}
