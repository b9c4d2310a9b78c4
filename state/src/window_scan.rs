//! Going through the windows of a store, segment by segment.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use crate::segments::Holder;
use crate::store::Visit;
use crate::window_key::{WindowKey, segment_prefix};
use crate::{Direction, StateError, Timestamp};

/// A store's database, with its overlay or without.
pub(crate) trait Scan {
    /// Visits the keys between the bounds, as the database has them.
    fn scan(
        &self, holder: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>,
    ) -> Result<(), StateError>;
}

/// Visits the windows of one key, in the order of their starts.
pub(crate) fn fetch(
    windows: &dyn Scan, key: &[u8], starts: &RangeInclusive<Timestamp>, segments: impl DoubleEndedIterator<Item = (i64, Holder)>,
    direction: Direction, visit: &mut dyn FnMut(Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
) -> Result<(), StateError> {
    let (mut lowest, mut highest) = (Vec::new(), Vec::new());
    each_segment(segments, direction, |segment, holder| {
        WindowKey { key, start: *starts.start(), sequence: 0 }.write_local(segment, &mut lowest);
        WindowKey { key, start: *starts.end(), sequence: u32::MAX }.write_local(segment, &mut highest);
        let mut flow = ControlFlow::Continue(());
        windows.scan(holder, Bound::Included(&lowest), Bound::Included(&highest), direction, &mut |local, timestamp, value| {
            flow = WindowKey::read_local(local).map_or(flow, |window| visit(window.start, timestamp, value));
            flow
        })?;
        Ok(flow)
    })
}

/// Visits the windows of all keys, segment by segment; the windows of one key come in the order of their starts.
pub(crate) fn fetch_all(
    windows: &dyn Scan, starts: &RangeInclusive<Timestamp>, segments: impl DoubleEndedIterator<Item = (i64, Holder)>, direction: Direction,
    visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
) -> Result<(), StateError> {
    each_segment(segments, direction, |segment, holder| {
        let (from, after) = (segment_prefix(segment), segment.checked_add(1).map(segment_prefix));
        let to = after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_slice()));
        let mut flow = ControlFlow::Continue(());
        windows.scan(holder, Bound::Included(&from), to, direction, &mut |local, timestamp, value| {
            if let Some(window) = WindowKey::read_local(local).filter(|window| starts.contains(&window.start)) {
                flow = visit(window.key, window.start, timestamp, value);
            }
            flow
        })?;
        Ok(flow)
    })
}

/// Calls `visit` segment by segment until it breaks off.
pub(crate) fn each_segment(
    segments: impl DoubleEndedIterator<Item = (i64, Holder)>, direction: Direction,
    mut visit: impl FnMut(i64, Holder) -> Result<ControlFlow<()>, StateError>,
) -> Result<(), StateError> {
    let mut segments = segments;
    let next = || match direction {
        Direction::Forward => segments.next(),
        Direction::Backward => segments.next_back(),
    };
    for (segment, holder) in std::iter::from_fn(next) {
        if visit(segment, holder)?.is_break() {
            break;
        }
    }
    Ok(())
}
