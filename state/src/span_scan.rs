//! Going through the windows or sessions of a store, segment by segment.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use crate::segments::Holder;
use crate::span_key::{SpanKey, segment_prefix};
use crate::store::Visit;
use crate::{Direction, Span, StateError, Timestamp};

/// A store's database, with its overlay or without.
pub(crate) trait Scan {
    /// Visits the keys between the bounds, as the database has them.
    fn scan(
        &self, holder: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>,
    ) -> Result<(), StateError>;
}

/// What a scan of one key calls with span, timestamp and value.
pub(crate) type VisitOfKey<'a, S> = dyn FnMut(S, Timestamp, &[u8]) -> ControlFlow<()> + 'a;
/// What a scan over keys calls with key, span, timestamp and value.
pub(crate) type VisitOfAll<'a, S> = dyn FnMut(&[u8], S, Timestamp, &[u8]) -> ControlFlow<()> + 'a;

/// Visits the rows of one key, in the order of their times.
pub(crate) fn fetch<S: Span>(
    rows: &dyn Scan, key: &[u8], times: &RangeInclusive<Timestamp>, segments: impl DoubleEndedIterator<Item = (i64, Holder)>,
    direction: Direction, visit: &mut VisitOfKey<'_, S>,
) -> Result<(), StateError> {
    let (mut lowest, mut highest) = (Vec::new(), Vec::new());
    each_segment(segments, direction, |segment, holder| {
        SpanKey { key, span: S::first_at(*times.start()) }.write_local(segment, &mut lowest);
        SpanKey { key, span: S::last_at(*times.end()) }.write_local(segment, &mut highest);
        let mut flow = ControlFlow::Continue(());
        rows.scan(holder, Bound::Included(&lowest), Bound::Included(&highest), direction, &mut |local, timestamp, value| {
            flow = SpanKey::read_local(local).map_or(flow, |row| visit(row.span, timestamp, value));
            flow
        })?;
        Ok(flow)
    })
}

/// Visits the rows of all keys, segment by segment; those of one key come in the order of their times.
pub(crate) fn fetch_all<S: Span>(
    rows: &dyn Scan, times: &RangeInclusive<Timestamp>, segments: impl DoubleEndedIterator<Item = (i64, Holder)>, direction: Direction,
    visit: &mut VisitOfAll<'_, S>,
) -> Result<(), StateError> {
    each_segment(segments, direction, |segment, holder| {
        let (from, after) = (segment_prefix(segment), segment.checked_add(1).map(segment_prefix));
        let to = after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_slice()));
        let mut flow = ControlFlow::Continue(());
        rows.scan(holder, Bound::Included(&from), to, direction, &mut |local, timestamp, value| {
            if let Some(row) = SpanKey::<S>::read_local(local).filter(|row| times.contains(&row.span.time())) {
                flow = visit(row.key, row.span, timestamp, value);
            }
            flow
        })?;
        Ok(flow)
    })
}

/// Calls `visit` segment by segment until it breaks off.
fn each_segment(
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
