//! Going through the sessions of a store, segment by segment.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use crate::segments::Holder;
use crate::session_key::SessionKey;
use crate::window_key::segment_prefix;
use crate::window_scan::{Scan, each_segment};
use crate::{Direction, StateError, Timestamp};

/// What a scan over keys calls with key, start, end, timestamp and value.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()> + 'a;

/// Visits the sessions of one key that end in the range and start at `latest_start` or before, in the order of their ends.
pub(crate) fn find(
    sessions: &dyn Scan, key: &[u8], ends: &RangeInclusive<Timestamp>, latest_start: Timestamp,
    segments: impl DoubleEndedIterator<Item = (i64, Holder)>, direction: Direction,
    visit: &mut dyn FnMut(Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
) -> Result<(), StateError> {
    let (mut lowest, mut highest) = (Vec::new(), Vec::new());
    each_segment(segments, direction, |segment, holder| {
        SessionKey { key, start: Timestamp::MIN, end: *ends.start() }.write_local(segment, &mut lowest);
        SessionKey { key, start: Timestamp::MAX, end: *ends.end() }.write_local(segment, &mut highest);
        let mut flow = ControlFlow::Continue(());
        sessions.scan(holder, Bound::Included(&lowest), Bound::Included(&highest), direction, &mut |local, timestamp, value| {
            if let Some(session) = SessionKey::read_local(local).filter(|session| session.start <= latest_start) {
                flow = visit(session.start, session.end, timestamp, value);
            }
            flow
        })?;
        Ok(flow)
    })
}

/// Visits the sessions of all keys that end in the range, segment by segment.
pub(crate) fn fetch_all(
    sessions: &dyn Scan, ends: &RangeInclusive<Timestamp>, segments: impl DoubleEndedIterator<Item = (i64, Holder)>, direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<(), StateError> {
    each_segment(segments, direction, |segment, holder| {
        let (from, after) = (segment_prefix(segment), segment.checked_add(1).map(segment_prefix));
        let to = after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_slice()));
        let mut flow = ControlFlow::Continue(());
        sessions.scan(holder, Bound::Included(&from), to, direction, &mut |local, timestamp, value| {
            if let Some(session) = SessionKey::read_local(local).filter(|session| ends.contains(&session.end)) {
                flow = visit(session.key, session.start, session.end, timestamp, value);
            }
            flow
        })?;
        Ok(flow)
    })
}
