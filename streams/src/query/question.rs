//! A question about a store, and the rows that answer it, in bytes.

use crate::record::Timestamp;
use headwater_state::Direction;
use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds, RangeInclusive};

/// What is asked of one store. It can be sent to another thread.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) store: &'static str,
    pub(crate) ask: Ask,
    pub(crate) direction: Direction,
    /// No more rows than this.
    pub(crate) limit: usize,
}

/// Which rows.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Rows of a store by key.
    Rows(Keys),
    /// Windows or sessions.
    Windowed(Which),
    /// The version of one key that was valid then; the latest where no time is said.
    Version { key: Keys, as_of: Option<Timestamp> },
}

/// Which windows or sessions.
#[derive(Clone, Debug)]
pub(crate) struct Which {
    pub(crate) keys: Keys,
    /// Where windows start, or sessions end.
    pub(crate) times: RangeInclusive<Timestamp>,
    pub(crate) latest_start: Timestamp,
}

/// Of which keys.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    One(Vec<u8>),
    Between(Bound<Vec<u8>>, Bound<Vec<u8>>),
}

/// A row that answers. Rows of different tasks are in order when compared by key, end and start, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The key's bytes, without its window.
    pub(crate) key: Vec<u8>,
    /// The start of the window; 0 where there is none.
    pub(crate) start: Timestamp,
    /// The end of the session, 0 where there is none; of a version the time until which it is valid, the last one there is if it is the latest.
    pub(crate) end: Timestamp,
    pub(crate) timestamp: Timestamp,
    pub(crate) value: Vec<u8>,
}

impl Ask {
    pub(crate) fn keys(&self) -> &Keys {
        match self {
            Ask::Rows(keys) | Ask::Windowed(Which { keys, .. }) | Ask::Version { key: keys, .. } => keys,
        }
    }
}

impl Keys {
    pub(crate) fn contain(&self, key: &[u8]) -> bool {
        match self {
            Keys::One(one) => one == key,
            Keys::Between(..) => self.bounds().contains(key),
        }
    }

    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        match self {
            Keys::One(one) => (Bound::Included(one), Bound::Included(one)),
            Keys::Between(from, to) => (as_slice(from), as_slice(to)),
        }
    }

    /// The ends have passed each other: no key lies between them.
    pub(crate) fn is_empty(&self) -> bool {
        match self.bounds() {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        }
    }

    /// All keys whose bytes begin with these.
    pub(crate) fn with_prefix(prefix: Vec<u8>) -> Self {
        // The first key behind them: the last byte that can grow has grown, and what came after it is gone.
        let mut behind = prefix.clone();
        while behind.pop_if(|byte| *byte == u8::MAX).is_some() {}
        let to = match behind.last_mut() {
            Some(last) => {
                *last += 1;
                Bound::Excluded(behind)
            }
            None => Bound::Unbounded,
        };
        Keys::Between(Bound::Included(prefix), to)
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

impl Found {
    fn place(&self) -> (&[u8], Timestamp, Timestamp) {
        (&self.key, self.end, self.start)
    }

    fn compare(&self, other: &Found, direction: Direction) -> Ordering {
        let order = self.place().cmp(&other.place());
        if direction == Direction::Forward { order } else { order.reverse() }
    }
}

/// The answers of several tasks, each in order, as one in order.
pub(crate) fn merge(answers: Vec<Vec<Found>>, direction: Direction, limit: usize) -> Vec<Found> {
    let mut merged: Vec<_> = answers.into_iter().flatten().collect();
    // The stable sort finds the runs that are in order already and merges them.
    merged.sort_by(|one, other| one.compare(other, direction));
    merged.truncate(limit);
    merged
}
