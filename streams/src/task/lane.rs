//! One input partition of a task: what was fetched and not yet processed, and how far the task has come in it.

use super::idleness::Idleness;
use crate::log::{Fetched, RecordRef, Records, TopicPartition};
use crate::record::{NO_TIMESTAMP, Timestamp};
use std::collections::VecDeque;

/// What a lane is to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneRole {
    /// A stream that others fill: its watermark is the largest time seen in it.
    Stream,
    /// A repartition topic: time comes by markers of the upstream tasks.
    Repartition,
    /// A table: takes no part in time.
    Table,
    /// A repartition topic of rows: takes no part in time either.
    RepartitionedRows,
}

/// One input partition at work.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) at: TopicPartition,
    pub(crate) role: LaneRole,
    /// Which source reads it, and as which of that source's lanes.
    pub(crate) source: usize,
    pub(crate) slot: usize,
    queue: VecDeque<Batch>,
    queued: usize,
    /// Index of the head within the first batch.
    cursor: usize,
    /// Event time of the head, once it is decoded.
    staged: Option<Timestamp>,
    position: i64,
    read_to_end: bool,
    /// The largest event time seen. Kafka: partition time.
    pub(crate) time: Timestamp,
    pub(super) idleness: Idleness,
}

#[derive(Debug)]
struct Batch {
    records: Records,
    next: i64,
}

impl Lane {
    pub(crate) fn new(at: TopicPartition, role: LaneRole, source: usize, slot: usize, position: i64) -> Self {
        Lane {
            at,
            role,
            source,
            slot,
            queue: VecDeque::new(),
            queued: 0,
            cursor: 0,
            staged: None,
            position,
            read_to_end: false,
            time: NO_TIMESTAMP,
            idleness: Idleness::default(),
        }
    }

    /// Takes what a reader brought. An empty batch still moves the position over transaction markers.
    pub(crate) fn push(&mut self, fetched: Fetched) -> Option<Records> {
        self.read_to_end = fetched.at_end;
        if fetched.records.is_empty() {
            match self.queue.back_mut() {
                Some(last) => last.next = last.next.max(fetched.next),
                None => self.position = self.position.max(fetched.next),
            }
            return Some(fetched.records);
        }
        self.queued += fetched.records.len();
        self.queue.push_back(Batch { records: fetched.records, next: fetched.next });
        None
    }

    /// The head of the queue.
    pub(crate) fn head(&self) -> Option<RecordRef<'_>> {
        self.queue.front()?.records.get(self.cursor)
    }

    /// The head's event time, when it is decoded.
    pub(crate) fn staged(&self) -> Option<Timestamp> {
        self.staged
    }

    pub(crate) fn stage(&mut self, time: Timestamp) {
        self.staged = Some(time);
    }

    /// Leaves the head behind; an emptied buffer goes back to its reader.
    pub(crate) fn pop(&mut self) -> Option<Records> {
        self.staged = None;
        let batch = self.queue.front().expect("a head was looked at before");
        self.position = batch.records.get(self.cursor).map_or(batch.next, |record| record.offset + 1);
        self.queued -= 1;
        self.cursor += 1;
        if self.cursor < batch.records.len() {
            return None;
        }
        self.cursor = 0;
        let batch = self.queue.pop_front().expect("it was there a line ago");
        self.position = batch.next;
        Some(batch.records)
    }

    /// Records that wait.
    pub(crate) fn len(&self) -> usize {
        self.queued
    }

    /// The offset of the next record that the task has not processed.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// The offset of the head.
    pub(crate) fn position_of_head(&self) -> i64 {
        self.head().map_or(self.position, |head| head.offset)
    }

    /// Nothing is queued and the log had no more when it was last read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.queued == 0 && self.read_to_end
    }

    /// Nothing is queued, but the log may have more.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.queued == 0 && !self.read_to_end
    }

    /// Forgets what was fetched and stands at `position` again.
    pub(crate) fn rewind(&mut self, position: i64, time: Timestamp) {
        self.queue.clear();
        (self.queued, self.cursor, self.staged) = (0, 0, None);
        (self.position, self.time, self.read_to_end, self.idleness) = (position, time, false, Idleness::default());
    }

    /// Keeps note since when the lane stands at its end.
    pub(crate) fn watch_idleness(&mut self, now: i64) {
        self.idleness.watch(self.is_at_end(), now);
    }

    /// The log ends here, or has not said where. What a transaction that is still open has written counts: it may come yet.
    pub(crate) fn ends_at(&mut self, end: Option<i64>) {
        self.idleness.answer(end.map(|end| !self.is_at_end() || end > self.position));
    }
}
