//! The pieces of time that a window store consists of, and which of them still count.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::Timestamp;

/// The segments of a window store that hold anything.
#[derive(Debug)]
pub(crate) struct Segments {
    retention_ms: i64,
    segment_ms: i64,
    /// How far above observed time minus retention the visible begins.
    visible_above_ms: i64,
    observed: Option<Timestamp>,
    committed: Option<Timestamp>,
    /// Segment id to the changelog offset before which there is nothing of it; none until it is committed.
    live: BTreeMap<i64, Option<i64>>,
    /// Live segments that are not committed, in the order in which they appeared.
    new: Vec<i64>,
    mark: (Option<Timestamp>, usize),
}

impl Segments {
    pub(crate) fn new(retention_ms: i64, segment_ms: i64, live: BTreeMap<i64, i64>) -> Self {
        assert!(segment_ms > 0, "a segment has a length");
        let live = live.into_iter().map(|(segment, offset)| (segment, Some(offset))).collect();
        Self { retention_ms, segment_ms, visible_above_ms: 1, observed: None, committed: None, live, new: Vec::new(), mark: (None, 0) }
    }

    /// The bound of the retention is itself still visible.
    pub(crate) fn with_visible_bound(self) -> Self {
        Self { visible_above_ms: 0, ..self }
    }

    pub(crate) fn segment_ms(&self) -> i64 {
        self.segment_ms
    }

    /// The segment of windows that start at `start`.
    pub(crate) fn segment_of(&self, start: Timestamp) -> i64 {
        start.div_euclid(self.segment_ms)
    }

    pub(crate) fn observed(&self) -> Option<Timestamp> {
        self.observed
    }

    pub(crate) fn observe(&mut self, time: Timestamp) {
        self.observed = self.observed.max(Some(time));
    }

    /// Takes the time as committed: an abort comes back to it.
    pub(crate) fn set_observed(&mut self, time: Timestamp) {
        self.observed = Some(time);
        self.committed = Some(time);
    }

    /// The lowest window start that reads may see.
    pub(crate) fn visible_from(&self) -> Timestamp {
        self.observed.map_or(Timestamp::MIN, |time| self.visible_from_at(time))
    }

    /// The lowest window start that reads may see when the store's time is this.
    pub(crate) fn visible_from_at(&self, time: Timestamp) -> Timestamp {
        time.saturating_sub(self.retention_ms).saturating_add(self.visible_above_ms)
    }

    /// The same as of the last commit.
    pub(crate) fn committed_visible_from(&self) -> Timestamp {
        self.committed.map_or(Timestamp::MIN, |time| self.visible_from_at(time))
    }

    /// The lowest segment that still takes writes. Kafka: `AbstractSegments`.
    pub(crate) fn first_live(&self) -> i64 {
        self.observed.map_or(i64::MIN, |time| self.segment_of(time.saturating_sub(self.retention_ms)))
    }

    /// Makes the segment one of those that hold something.
    pub(crate) fn touch(&mut self, segment: i64) {
        self.live.entry(segment).or_insert_with(|| {
            self.new.push(segment);
            None
        });
    }

    /// Whether the database may hold something of the segment, or only the overlay, or neither.
    pub(crate) fn holder(&self, segment: i64) -> Option<Holder> {
        self.live.get(&segment).map(|offset| if offset.is_some() { Holder::Both } else { Holder::Overlay })
    }

    /// The segments that hold windows with a start in the range, lowest first.
    pub(crate) fn in_range<'s>(&'s self, starts: &RangeInclusive<Timestamp>) -> impl DoubleEndedIterator<Item = (i64, Holder)> + use<'s> {
        let segments = self.segment_of(*starts.start())..=self.segment_of(*starts.end());
        // An empty range of starts has no segments; `BTreeMap::range` would panic for it.
        let segments = (!starts.is_empty()).then_some(segments);
        let live = segments.map(|segments| self.live.range(segments));
        live.into_iter().flatten().map(|(&segment, offset)| (segment, if offset.is_some() { Holder::Both } else { Holder::Overlay }))
    }

    /// The same among those that still take writes: what has expired is gone, though no commit has removed it yet.
    pub(crate) fn live_in_range(&self, times: &RangeInclusive<Timestamp>) -> impl DoubleEndedIterator<Item = (i64, Holder)> {
        let first_live = self.first_live();
        self.in_range(times).filter(move |(segment, _)| *segment >= first_live)
    }

    /// Committed segments whose time is over, lowest first.
    pub(crate) fn expired(&self) -> impl Iterator<Item = i64> {
        self.live.range(..self.first_live()).filter(|(_, offset)| offset.is_some()).map(|(&segment, _)| segment)
    }

    /// Segments that the next commit makes durable.
    pub(crate) fn new_segments(&self) -> impl Iterator<Item = i64> {
        let first_live = self.first_live();
        self.new.iter().copied().filter(move |&segment| segment >= first_live)
    }

    /// The commit is done: what was new has begun at `first_offset`, what was expired is gone.
    pub(crate) fn settle(&mut self, first_offset: i64) {
        let first_live = self.first_live();
        self.live = self.live.split_off(&first_live);
        for segment in self.new.drain(..).filter(|&segment| segment >= first_live) {
            self.live.insert(segment, Some(first_offset));
        }
        self.committed = self.observed;
        self.mark = (self.observed, 0);
    }

    /// A restored segment begins at the offset of its first record.
    pub(crate) fn restored(&mut self, segment: i64, offset: i64) {
        self.live.insert(segment, Some(offset));
    }

    /// Where the changelog is still needed from, if there is anything.
    pub(crate) fn first_offset(&self) -> Option<i64> {
        self.live.values().copied().flatten().min()
    }

    pub(crate) fn mark(&mut self) {
        self.mark = (self.observed, self.new.len());
    }

    pub(crate) fn undo(&mut self) {
        let (observed, new) = self.mark;
        self.observed = observed;
        self.forget_new_from(new);
    }

    pub(crate) fn abort(&mut self) {
        self.observed = self.committed;
        self.forget_new_from(0);
        self.mark = (self.observed, 0);
    }

    /// Nothing is live any more; the time stays.
    pub(crate) fn start_anew(&mut self) {
        self.live.clear();
        self.new.clear();
        self.abort();
    }

    fn forget_new_from(&mut self, position: usize) {
        for segment in self.new.drain(position..) {
            self.live.remove(&segment);
        }
    }
}

/// Where something of a segment may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Overlay,
    Both,
}
