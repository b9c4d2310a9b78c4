//! Rows in order, no more than asked for, out of scans that come in another order.

use super::Found;
use crate::record::Timestamp;
use headwater_state::Direction;
use std::collections::BTreeMap;

/// Key, end and start.
type Place = (Vec<u8>, Timestamp, Timestamp);

/// Keeps the first rows of all that it is given.
pub(super) struct Collected {
    rows: BTreeMap<Place, (Timestamp, Vec<u8>)>,
    direction: Direction,
    limit: usize,
}

impl Collected {
    pub(super) fn new(direction: Direction, limit: usize) -> Self {
        Collected { rows: BTreeMap::new(), direction, limit }
    }

    /// Takes a row; false: it comes after all that are wanted.
    pub(super) fn take(&mut self, key: &[u8], (start, end): (Timestamp, Timestamp), timestamp: Timestamp, value: &[u8]) -> bool {
        let place = (key.to_vec(), end, start);
        self.rows.insert(place.clone(), (timestamp, value.to_vec()));
        if self.rows.len() <= self.limit {
            return true;
        }
        let last = match self.direction {
            Direction::Forward => self.rows.pop_last(),
            Direction::Backward => self.rows.pop_first(),
        };
        last.is_none_or(|(last, _)| last != place)
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        let found = |((key, end, start), (timestamp, value))| Found { key, start, end, timestamp, value };
        match self.direction {
            Direction::Forward => self.rows.into_iter().map(found).collect(),
            Direction::Backward => self.rows.into_iter().rev().map(found).collect(),
        }
    }
}
