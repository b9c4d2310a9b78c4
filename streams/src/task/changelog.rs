//! A store's changelog as its task sees it: what goes out with the next commit, and how far the log has it.

use crate::log::{Headers, NO_OFFSET, Records, TopicPartition};
use headwater_state::{ChangelogPosition, StateError, TaskState};
use std::ops::Range;

/// One store's changelog partition.
#[derive(Debug)]
pub(crate) struct Changelog {
    pub(crate) store: &'static str,
    pub(crate) at: TopicPartition,
    pub(crate) topic_id: [u8; 16],
    pub(crate) pending: Records,
    /// The offset after the last record that the log has confirmed.
    pub(crate) next_offset: i64,
    /// Records that were handed over since the last commit.
    pub(crate) sent: i64,
    /// A topic that the task reads serves as changelog: nothing is written to it.
    pub(crate) is_source: bool,
}

impl Changelog {
    /// Collects what the store has to tell since it was last asked.
    pub(crate) fn collect(&mut self, state: &mut TaskState) -> Result<(), StateError> {
        let pending = &mut self.pending;
        if self.is_source {
            return state.drain_changelog(self.store, &mut |_| {});
        }
        state.drain_changelog(self.store, &mut |update| {
            pending.push(NO_OFFSET, update.timestamp, Some(update.key), update.value, &Headers::EMPTY);
        })
    }

    /// Offsets since the last commit that hold records of somebody else: there are more of them than records were sent. `last` is the
    /// last of ours. Ours are among them, which does no harm.
    pub(crate) fn foreign(&self, last: i64) -> Option<Range<i64>> {
        let gap = !self.is_source && last + 1 - self.next_offset > self.sent;
        gap.then(|| self.next_offset..last + 1)
    }

    /// Nothing of ours is on its way to it.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.is_source && self.sent == 0 && self.pending.is_empty()
    }

    /// What the store keeps beside its data about this changelog.
    pub(crate) fn position(&self, now: i64) -> ChangelogPosition {
        ChangelogPosition { next_offset: self.next_offset, topic_id: self.topic_id, written_at_ms: now }
    }
}
