//! What all views have in common: whom they ask, and how keys and rows become bytes and come back.

use super::{Ask, Entry, Found, Keys, Place, QueryError, Question};
use crate::format::{Format, FormatError, Row};
use crate::record::Timestamp;
use headwater_state::Direction;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::rc::Rc;

/// The untyped part of a view.
#[derive(Clone)]
pub(super) struct Base<'a> {
    place: Rc<dyn Place + 'a>,
    store: &'static str,
    pub(super) direction: Direction,
    pub(super) limit: usize,
}

impl<'a> Base<'a> {
    pub(super) fn new(place: Rc<dyn Place + 'a>, store: &'static str) -> Self {
        Base { place, store, direction: Direction::Forward, limit: usize::MAX }
    }

    pub(super) fn ask(&self, ask: Ask) -> Result<Vec<Found>, QueryError> {
        self.place.ask(&Question { store: self.store, ask, direction: self.direction, limit: self.limit })
    }

    pub(super) fn key<K: Row>(&self, key: &K) -> Result<Vec<u8>, QueryError> {
        let mut bytes = Vec::new();
        let written = K::Format::default().encode(key, &mut bytes);
        written.map(|()| bytes).map_err(|source| QueryError::Key { store: self.store, source })
    }

    pub(super) fn one<K: Row>(&self, key: &K) -> Result<Keys, QueryError> {
        self.key(key).map(Keys::One)
    }

    pub(super) fn value<V: Row>(&self, bytes: &[u8]) -> Result<V, QueryError> {
        V::Format::default().decode(bytes).map_err(|source| self.bad_row(source))
    }

    pub(super) fn between<K: Row>(&self, keys: impl RangeBounds<K>) -> Result<Keys, QueryError> {
        self.bounds(keys).map(|(from, to)| Keys::Between(from, to))
    }

    fn bounds<K: Row>(&self, keys: impl RangeBounds<K>) -> Result<(Bound<Vec<u8>>, Bound<Vec<u8>>), QueryError> {
        let bound = |bound: Bound<&K>| {
            Ok(match bound {
                Bound::Included(key) => Bound::Included(self.key(key)?),
                Bound::Excluded(key) => Bound::Excluded(self.key(key)?),
                Bound::Unbounded => Bound::Unbounded,
            })
        };
        Ok((bound(keys.start_bound())?, bound(keys.end_bound())?))
    }

    /// The rows, with keys made of their bytes and what else was found.
    pub(super) fn entries<K: Row, V: Row, W>(
        &self, found: Vec<Found>, key: impl Fn(K, &Found) -> W,
    ) -> Result<Vec<Entry<W, V>>, QueryError> {
        let (keys, values) = (K::Format::default(), V::Format::default());
        let entry = |found: Found| -> Result<Entry<W, V>, FormatError> {
            let value = values.decode(&found.value)?;
            Ok(Entry { key: key(keys.decode(&found.key)?, &found), value, timestamp: found.timestamp })
        };
        found.into_iter().map(|found| entry(found).map_err(|source| self.bad_row(source))).collect()
    }

    fn bad_row(&self, source: FormatError) -> QueryError {
        QueryError::Row { store: self.store, source }
    }
}

/// Times with both ends.
pub(super) fn inclusive(times: impl RangeBounds<Timestamp>) -> RangeInclusive<Timestamp> {
    let from = match times.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(from) => from.saturating_add(1),
        Bound::Unbounded => Timestamp::MIN,
    };
    match times.end_bound() {
        Bound::Included(to) => from..=*to,
        // Nothing lies before the least time: an empty range says so.
        Bound::Excluded(to) => to.checked_sub(1).map_or(RangeInclusive::new(1, 0), |to| from..=to),
        Bound::Unbounded => from..=Timestamp::MAX,
    }
}

/// Views of several rows let their order and number be chosen.
macro_rules! in_order { ($(#[$backward:meta])* $view:ident) => {
    impl<K, V> $view<'_, K, V> {
        $(#[$backward])*
        #[must_use]
        pub fn backward(mut self) -> Self {
            self.base.direction = headwater_state::Direction::Backward;
            self
        }

        /// No more than so many rows: the first ones, or, [`backward`](Self::backward), the last.
        #[must_use]
        pub fn limit(mut self, rows: usize) -> Self {
            self.base.limit = rows;
            self
        }
    }
} }
pub(super) use in_order;
