//! The layout of versioned stores, and finding the version of a time.
//!
//! A version is valid from its own time until that of the next one. The latest version of a key, unless it is a deletion, stands in a segment of its own that never
//! expires: its row has the time from which it is valid, then the value. Earlier ones stand in the segments of the times at which they ended, so that expiry is one
//! range delete: their keys end with the time from which they are valid, their rows have the time until which they are, then a byte that tells
//! a value (1) from a deletion (0), then the value. A deletion that is the last word about a key is a row that ends when it begins.
//! The keys are those of window stores, see [`crate::span_key`].

use std::ops::{Bound, ControlFlow};

use crate::segments::{Holder, Segments};
use crate::span_key::WindowKey;
use crate::span_scan::Scan;
use crate::{Direction, StateError, Timestamp};

/// The segment of the latest versions.
pub(crate) const LATEST: i64 = i64::MIN;

const DELETED: u8 = 0;
const PRESENT: u8 = 1;

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The time of the update that made it.
    pub valid_from: Timestamp,
    /// The time of the next update; none: it is the latest.
    pub valid_to: Option<Timestamp>,
    /// What the key held.
    pub value: Vec<u8>,
}

/// An earlier version as its row has it.
pub(crate) struct Ended {
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_to: Timestamp,
    pub(crate) segment: i64,
    pub(crate) value: Option<Vec<u8>>,
}

/// What is known of a key at a time before its latest version.
pub(crate) enum Around {
    /// This version was valid.
    Within(Ended),
    /// None was, the next one begins here.
    Before(Timestamp),
    /// None was, and none ended later.
    Nothing,
}

impl Around {
    /// The version that was valid, unless it was a deletion.
    pub(crate) fn into_version(self) -> Option<Version> {
        match self {
            Around::Within(Ended { valid_from, valid_to, value, .. }) => {
                Some(Version { valid_from, valid_to: Some(valid_to), value: value? })
            }
            Around::Before(_) | Around::Nothing => None,
        }
    }
}

/// The latest version, if it was valid at this time already.
pub(crate) fn latest_as_of(found: Option<(Timestamp, &[u8])>, time: Timestamp) -> Option<Version> {
    let (valid_from, value) = found.filter(|(from, _)| *from <= time)?;
    Some(Version { valid_from, valid_to: None, value: value.to_vec() })
}

pub(crate) fn latest_key(key: &[u8], out: &mut Vec<u8>) {
    WindowKey::only(key, 0).write_local(LATEST, out);
}

pub(crate) fn ended_row(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        Some(value) => [&[PRESENT], value].concat(),
        None => vec![DELETED],
    }
}

/// Looks for the version of `key` that was valid at `time` among those that have ended. Versions follow each other, and so do the segments that they ended in: the
/// first segment that knows the key has the answer.
pub(crate) fn around(
    rows: &dyn Scan, segments: impl Iterator<Item = (i64, Holder)>, key: &[u8], time: Timestamp,
) -> Result<Around, StateError> {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (segment, holder) in segments {
        WindowKey::only(key, Timestamp::MIN).write_local(segment, &mut from);
        WindowKey::only(key, time).write_local(segment, &mut to);
        let before = first(rows, holder, Bound::Included(&from), Bound::Included(&to), Direction::Backward, segment)?;
        if let Some(version) = before.filter(|version| version.valid_to > time) {
            return Ok(Around::Within(version));
        }
        WindowKey::only(key, Timestamp::MAX).write_local(segment, &mut from);
        let after = first(rows, holder, Bound::Excluded(&to), Bound::Included(&from), Direction::Forward, segment)?;
        if let Some(version) = after {
            return Ok(Around::Before(version.valid_from));
        }
    }
    Ok(Around::Nothing)
}

/// The segments in which versions ended after `time`.
pub(crate) fn ended_after(segments: &Segments, time: Timestamp) -> impl DoubleEndedIterator<Item = (i64, Holder)> {
    segments.in_range(&(time..=Timestamp::MAX))
}

fn first(
    rows: &dyn Scan, holder: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, segment: i64,
) -> Result<Option<Ended>, StateError> {
    let mut found = None;
    rows.scan(holder, from, to, direction, &mut |local, valid_to, row| {
        let version = WindowKey::read_local(local).zip(row.split_first());
        found = version.map(|(key, (mark, value))| Ended {
            valid_from: key.span.start,
            valid_to,
            segment,
            value: (*mark == PRESENT).then(|| value.to_vec()),
        });
        ControlFlow::Break(())
    })?;
    Ok(found)
}
