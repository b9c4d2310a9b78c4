//! Reading rows as they were at a time.

use super::base::Base;
use super::{Ask, Place, QueryError};
use crate::format::Row;
use crate::record::Timestamp;
use std::marker::PhantomData;
use std::rc::Rc;

/// Reads a [`VersionedStore`](crate::dsl::VersionedStore) (KIP-889). Kafka: `VersionedKeyValueStore`.
///
/// Each call is one query: its answer is of one moment.
#[derive(Clone)]
pub struct VersionedView<'a, K, V> {
    base: Base<'a>,
    types: PhantomData<fn() -> (K, V)>,
}

/// A row as it was for a while. Kafka: `VersionedRecord`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version<V> {
    /// What it held.
    pub value: V,
    /// The time of the update that made it so, in milliseconds.
    pub valid_from: Timestamp,
    /// The time of the next update, in milliseconds; none: it is the latest.
    pub valid_to: Option<Timestamp>,
}

impl<'a, K: Row, V: Row> VersionedView<'a, K, V> {
    pub(super) fn new(place: Rc<dyn Place + 'a>, store: &'static str) -> Self {
        VersionedView { base: Base::new(place, store), types: PhantomData }
    }

    /// The latest version of a key.
    ///
    /// # Errors
    /// Each query may fail with any [`QueryError`].
    pub fn get(&self, key: &K) -> Result<Option<Version<V>>, QueryError> {
        self.version(key, None)
    }

    /// The version of a key that was valid at a time. None: there was none, or the time is older than the store's history.
    pub fn get_as_of(&self, key: &K, time: Timestamp) -> Result<Option<Version<V>>, QueryError> {
        self.version(key, Some(time))
    }

    fn version(&self, key: &K, as_of: Option<Timestamp>) -> Result<Option<Version<V>>, QueryError> {
        let Some(found) = self.base.ask(Ask::Version { key: self.base.one(key)?, as_of })?.pop() else { return Ok(None) };
        let valid_to = (found.end < Timestamp::MAX).then_some(found.end);
        Ok(Some(Version { value: self.base.value(&found.value)?, valid_from: found.timestamp, valid_to }))
    }
}
