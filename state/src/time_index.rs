//! Windows and sessions by time alone: a second entry beside each, in the same segment, so that it expires with it.
//!
//! An entry is segment id, `ff ff ff ff`, time, key for windows (time: the start) and segment id, `ff ff ff ff`, end, start, key for sessions.
//! Four such bytes are no length of a key, so entries and what they speak of never mix.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use crate::segments::Holder;
use crate::session_key::SessionKey;
use crate::window_key::{WindowKey, from_ordered, ordered, segment_prefix};
use crate::window_scan::Scan;
use crate::{Direction, StateError, Timestamp};

const MARK: [u8; 4] = [0xff; 4];
/// Segment id and mark.
const HEAD_BYTES: usize = 8 + MARK.len();

/// The entry of a window; it has a store's only window of its key and start in mind.
pub(crate) fn of_window(window: WindowKey<'_>, segment: i64, out: &mut Vec<u8>) {
    begin(segment, window.start, out);
    out.extend_from_slice(window.key);
}

/// The entry of a session.
pub(crate) fn of_session(session: SessionKey<'_>, segment: i64, out: &mut Vec<u8>) {
    begin(segment, session.end, out);
    out.extend_from_slice(&ordered(session.start));
    out.extend_from_slice(session.key);
}

/// The window of an entry.
pub(crate) fn window(entry: &[u8]) -> Option<WindowKey<'_>> {
    let (start, key) = entry.split_at_checked(HEAD_BYTES)?.1.split_first_chunk()?;
    Some(WindowKey::only(key, from_ordered(*start)))
}

/// The session of an entry.
pub(crate) fn session(entry: &[u8]) -> Option<SessionKey<'_>> {
    let (end, rest) = entry.split_at_checked(HEAD_BYTES)?.1.split_first_chunk()?;
    let (start, key) = rest.split_first_chunk()?;
    Some(SessionKey { key, start: from_ordered(*start), end: from_ordered(*end) })
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
