//! A sink task as the step function sees it: what it has read, what its writer has written, what comes next.

use crate::connector::{Claim, Connector, ConnectorError, DeadLetter, SinkTask, Written};
use crate::log::{Ends, Fetched, GroupOffset, Records, TopicPartition};
use std::sync::Arc;

/// For the writer of a sink task.
#[derive(Debug)]
pub(crate) enum SinkCommand {
    /// Connect and claim the partition.
    Open(Arc<dyn Connector>, SinkTask),
    /// Write this batch, then say so.
    Write(Records, i64),
    /// These letters stand in the dead-letter topic.
    Published(Vec<DeadLetter>),
    /// Let go.
    Close,
}

/// What a writer says.
#[derive(Debug)]
pub(crate) enum SinkEvent {
    Claimed(Claim),
    /// A batch up to this offset is written; its buffer comes back.
    Written(Written, i64, Records),
    /// The writer cannot go on as it is.
    Failed(ConnectorError),
}

/// A sink task.
#[derive(Debug)]
pub(crate) struct SinkSlot {
    pub(crate) at: TopicPartition,
    pub(crate) phase: SinkPhase,
    /// The ends of the log when they were last asked for.
    pub(crate) ends: Ends,
    /// Read and not yet handed to the writer.
    waiting: Records,
    waiting_next: i64,
    in_flight: bool,
    read_to_end: bool,
    /// The ends of the log were asked for a second time, since the first answer did not fit the claim.
    asked_again: bool,
    /// Written up to here.
    written: i64,
    committed: i64,
    /// Letters for the dead-letter topic.
    pub(crate) letters: Vec<DeadLetter>,
    /// Letters that the transaction under way carries.
    pub(crate) publishing: Vec<DeadLetter>,
}

/// Where a sink task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SinkPhase {
    /// Waiting for the ends of the log.
    Seeking,
    /// Waiting for its claim.
    Claiming,
    /// At work.
    Writing,
    /// The target does not answer; at this time (milliseconds) it is asked again.
    Waiting(i64),
}

/// How long to wait before a target that did not answer is asked again.
pub(crate) const RETRY_MS: i64 = 1_000;

/// A batch to a writer is at most this long, in records.
const LARGEST_BATCH: usize = 50_000;

impl SinkSlot {
    pub(crate) fn new(at: TopicPartition) -> Self {
        SinkSlot {
            at,
            phase: SinkPhase::Seeking,
            ends: Ends { earliest: 0, latest: 0, stable: 0 },
            waiting: Records::default(),
            waiting_next: 0,
            in_flight: false,
            read_to_end: false,
            asked_again: false,
            written: 0,
            committed: -1,
            letters: Vec::new(),
            publishing: Vec::new(),
        }
    }

    /// The writer owns the partition and reads on here.
    pub(crate) fn claimed(&mut self, claim: Claim) -> i64 {
        let start = claim.next_offset.unwrap_or(self.ends.earliest);
        (self.phase, self.asked_again) = (SinkPhase::Writing, false);
        self.waiting.clear();
        (self.waiting_next, self.written, self.in_flight, self.read_to_end) = (start, start, false, false);
        for letter in claim.unpublished {
            if !self.publishing.contains(&letter) && !self.letters.contains(&letter) {
                self.letters.push(letter);
            }
        }
        start
    }

    /// Takes what was read; buffers go back when they have been copied.
    pub(crate) fn take(&mut self, fetched: Fetched) -> Records {
        if self.phase != SinkPhase::Writing || fetched.next < self.waiting_next {
            return fetched.records;
        }
        (self.waiting_next, self.read_to_end) = (fetched.next, fetched.at_end);
        if fetched.records.is_empty() && self.waiting.is_empty() && !self.in_flight {
            self.written = self.waiting_next; // Nothing but markers: the lag is none.
        }
        if self.waiting.is_empty() {
            return std::mem::replace(&mut self.waiting, fetched.records);
        }
        self.waiting.append(&fetched.records);
        fetched.records
    }

    /// The next batch, when the writer is free.
    pub(crate) fn next_batch(&mut self, spare: &mut Vec<Records>) -> Option<SinkCommand> {
        if self.phase != SinkPhase::Writing || self.in_flight || self.waiting.is_empty() {
            return None;
        }
        self.in_flight = true;
        let batch = std::mem::replace(&mut self.waiting, spare.pop().unwrap_or_default());
        Some(SinkCommand::Write(batch, self.waiting_next))
    }

    pub(crate) fn written(&mut self, written: Written, next: i64) {
        self.in_flight = false;
        self.written = next;
        self.letters.extend(written.refused);
    }

    /// A claim was refused: whether the ends of the log should be asked for once more.
    pub(crate) fn may_ask_again(&mut self) -> bool {
        let may = self.phase == SinkPhase::Claiming && !self.asked_again;
        if may {
            (self.phase, self.asked_again) = (SinkPhase::Seeking, true);
        }
        may
    }

    /// The writer has failed and will be asked again at this time (milliseconds).
    pub(crate) fn back_off(&mut self, until: i64) {
        self.phase = SinkPhase::Waiting(until);
        self.in_flight = false;
        self.waiting.clear();
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= LARGEST_BATCH
    }

    /// All that stood in the topic is written, and no letter waits.
    pub(crate) fn is_at_rest(&self) -> bool {
        let is_written = self.read_to_end && self.waiting.is_empty() && !self.in_flight;
        self.phase == SinkPhase::Writing && is_written && self.letters.is_empty() && self.publishing.is_empty()
    }

    /// The writer has no batch in its hands.
    pub(crate) fn is_free(&self) -> bool {
        !self.in_flight
    }

    pub(crate) fn needs_commit(&self) -> bool {
        self.phase == SinkPhase::Writing && self.written > self.committed || !self.letters.is_empty()
    }

    /// The group's offset of a sink is for lag only: the sink's own progress decides.
    pub(crate) fn offset(&self) -> Option<GroupOffset> {
        let known = self.phase == SinkPhase::Writing && self.written >= 0;
        known.then(|| GroupOffset { at: self.at.clone(), offset: self.written, metadata: String::new() })
    }

    /// A commit with [`SinkSlot::offset`] stands.
    pub(crate) fn committed(&mut self) -> Option<SinkCommand> {
        self.committed = self.written;
        let published = std::mem::take(&mut self.publishing);
        (!published.is_empty()).then_some(SinkCommand::Published(published))
    }

    /// The transaction is gone: its letters go again.
    pub(crate) fn aborted(&mut self) {
        self.letters.append(&mut self.publishing);
    }
}
