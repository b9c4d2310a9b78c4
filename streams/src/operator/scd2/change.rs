//! The words: changes in, versions out.

use crate::record::Timestamp;
use crate::task::Coordinates;

/// A row of a dimension has these columns from some moment on, whenever that becomes known.
#[derive(Clone, Debug, PartialEq)]
pub struct Scd2Change<V> {
    /// Since when, in milliseconds; times before 1970 are times.
    pub valid_from: Timestamp,
    /// Which of several changes with the same `valid_from` counts: the one with the highest order. The same order again is the same change.
    pub order: Scd2Order,
    /// The columns from then on; none: the row ends.
    pub columns: Option<V>,
}

/// The order of changes that are valid from the same moment: where they stood in the topic that they came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scd2Order {
    /// The offset, which decides.
    pub offset: i64,
    /// The partition, which decides between equal offsets.
    pub partition: i32,
}

impl From<&Coordinates> for Scd2Order {
    fn from(at: &Coordinates) -> Self {
        Scd2Order { offset: at.offset, partition: at.partition }
    }
}

/// What one change does to the versions of its row; all of it belongs together.
#[derive(Clone, Debug, PartialEq)]
pub struct Scd2Rows<V> {
    /// Versions that are new or end at another time, in the order of their `effective_date`.
    pub upserts: Vec<Scd2Version<V>>,
    /// The `effective_date` of versions that there are no longer.
    pub removals: Vec<Timestamp>,
}

impl<V> Scd2Rows<V> {
    /// Nothing came out differently.
    pub(crate) fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty()
    }
}

/// One version of a row: valid from `effective_date` on, until before `end_date`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scd2Version<V> {
    /// The first millisecond.
    pub effective_date: Timestamp,
    /// The first millisecond in which it is valid no longer; none: it is current.
    pub end_date: Option<Timestamp>,
    /// The columns.
    pub columns: V,
}

/// A change as the store remembers it, also where it opened nothing: what comes late may yet let it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scd2Kept<V> {
    /// Its order.
    pub order: Scd2Order,
    /// The columns; none: the row ends.
    pub columns: Option<V>,
}

/// A version as the store has it, under its key and `effective_date`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scd2Span<V> {
    /// The first millisecond in which it is valid no longer; none: it is current.
    pub end_date: Option<Timestamp>,
    /// The columns.
    pub columns: V,
}
