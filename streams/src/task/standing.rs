//! What a task says of itself: how far it has come, what it holds, and what its stores answer.

use super::Task;
use super::lane::{Lane, LaneRole};
use crate::log::{Records, TopicPartition};
use crate::query::{Found, QueryError, Question};
use crate::record::Timestamp;
use headwater_state::CommittedState;

impl Task {
    /// Log time of the first record of the last commit.
    pub(crate) fn take_oldest(&mut self) -> Option<Timestamp> {
        self.oldest.take()
    }

    /// All inputs are read to their ends, and nothing waits for a commit.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.dirty && self.lanes.iter().all(Lane::is_at_end)
    }

    /// Inputs, how far the task has come in them, and whether that is the end.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64, bool)> {
        self.lanes.iter().map(|lane| (&lane.at, lane.position(), lane.is_at_end()))
    }

    /// Bytes of records that wait to be handed over.
    pub(crate) fn outbox_bytes(&self) -> usize {
        self.context.outbox.byte_len()
    }

    /// Inputs and how many records wait in each.
    pub(crate) fn queued(&self) -> impl Iterator<Item = (&TopicPartition, usize)> {
        self.lanes.iter().map(|lane| (&lane.at, lane.len()))
    }

    /// Repartition inputs and window changelogs, with the committed position below which nobody needs them.
    pub(crate) fn purgeable(&self) -> Vec<(TopicPartition, i64)> {
        let state = self.context.state.borrow();
        let saved = self
            .lanes
            .iter()
            .zip(&self.saved.positions)
            .filter(|(lane, _)| matches!(lane.role, LaneRole::Repartition | LaneRole::RepartitionedRows));
        let windows = self.changelogs.iter().filter(|changelog| !changelog.is_source);
        let windows = windows.filter_map(|changelog| Some((changelog.at.clone(), state.trim_before(changelog.store)?)));
        saved.map(|(lane, position)| (lane.at.clone(), *position)).chain(windows).collect()
    }

    /// Bytes that a commit would have to carry.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.context.outbox.byte_len() + self.context.state.borrow().overlay_bytes()
    }

    /// Buffers that readers may use again.
    pub(crate) fn take_spare(&mut self) -> std::vec::Drain<'_, Records> {
        self.spare.drain(..)
    }

    /// Answers a question about one of its stores, with what is not committed yet; none: the store is another task's.
    pub(crate) fn answer(&self, question: &Question) -> Option<Result<Vec<Found>, QueryError>> {
        let (store, asked) = self.processors.stores.iter().find(|(store, _)| *store == question.store)?;
        Some(asked.answer(question).map_err(|error| QueryError::of_row(store, error)))
    }

    /// What it has committed, for readers on other threads.
    pub(crate) fn committed_state(&self) -> CommittedState {
        self.context.state.borrow().committed()
    }

    /// Records that were dropped without a letter since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        let told = std::mem::replace(&mut self.dropped_told, self.context.dropped);
        self.context.dropped - told
    }

    /// Records that were dropped without a letter.
    pub(crate) fn dropped(&self) -> u64 {
        self.context.dropped
    }
}
