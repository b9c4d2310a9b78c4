//! Windows and sessions by time alone: a second entry beside each, in the same segment, so that it expires with it.
//!
//! An entry is segment id, `ff ff ff ff`, time, key for windows (time: the start) and segment id, `ff ff ff ff`, end, start, key for sessions.
//! Four such bytes are no length of a key, so entries and what they speak of never mix.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use crate::segments::Holder;
use crate::span_key::{SpanKey, from_ordered, ordered, segment_prefix};
use crate::span_scan::Scan;
use crate::{Direction, Span, StateError, Timestamp};

const MARK: [u8; 4] = [0xff; 4];
/// Segment id and mark.
const HEAD_BYTES: usize = 8 + MARK.len();

/// Writes the entry of a row.
pub(crate) fn write_entry<S: Span>(row: SpanKey<'_, S>, segment: i64, out: &mut Vec<u8>) {
    begin(segment, row.span.time(), out);
    if S::INDEXES_REST {
        row.span.write_rest(ordered, out);
    }
    out.extend_from_slice(row.key);
}

/// The row of an entry.
pub(crate) fn row<S: Span>(entry: &[u8]) -> Option<SpanKey<'_, S>> {
    let (time, behind) = entry.split_at_checked(HEAD_BYTES)?.1.split_first_chunk()?;
    let time = from_ordered(*time);
    if !S::INDEXES_REST {
        return Some(SpanKey { key: behind, span: S::first_at(time) });
    }
    let (rest, key) = behind.split_at_checked(S::REST_BYTES)?;
    Some(SpanKey { key, span: S::read_rest(time, rest, from_ordered)? })
}

/// The entries of a segment with times in the range, in order.
pub(crate) fn entries(
    store: &dyn Scan, segment: i64, holder: Holder, times: &RangeInclusive<Timestamp>,
) -> Result<Vec<Vec<u8>>, StateError> {
    let (from, behind) = (lowest(segment, *times.start()), behind(segment, *times.end()));
    let to = behind.as_ref().map_or(Bound::Unbounded, |behind| Bound::Excluded(behind.as_slice()));
    let mut found = Vec::new();
    store.scan(holder, Bound::Included(&from), to, Direction::Forward, &mut |entry, _, _| {
        found.push(entry.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The first entry of a segment that may have this time.
fn lowest(segment: i64, time: Timestamp) -> Vec<u8> {
    let mut entry = Vec::new();
    begin(segment, time, &mut entry);
    entry
}

/// What stands behind all entries of a segment with this time.
fn behind(segment: i64, time: Timestamp) -> Option<Vec<u8>> {
    match time.checked_add(1) {
        Some(next) => Some(lowest(segment, next)),
        None => segment.checked_add(1).map(|next| segment_prefix(next).to_vec()),
    }
}

fn begin(segment: i64, time: Timestamp, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&ordered(segment));
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&ordered(time));
}
