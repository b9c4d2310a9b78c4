//! Commits that failed, or whose answer was lost: what became of them, and how often that may be.

use super::commit::CommitState;
use super::refusal::is_refusal;
use super::{Slot, Worker};
use crate::log::{ErrorCode, ErrorKind, LogError};
use crate::runtime::AppError;
use crate::runtime::event::{Effect, Found, ReaderOf};
use crate::runtime::outage::may_pass;
use crate::task::TaskId;
use std::collections::{BTreeMap, BTreeSet};
use tracing::{debug, warn};

/// Commits that have failed since the last one that stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    in_a_row: u64,
    /// Of these, with errors that should not happen.
    unexplained: u32,
    /// The log did not say no, it did not answer.
    pub(super) unanswered: bool,
}

/// An error that should not happen may be a bug of the log or of its client, which another try gets around; after so many tries it is ours.
const MOST_UNEXPLAINED: u32 = 10;

/// What became of a doubtful transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Stands,
    Gone,
}

impl Worker {
    /// A commit has failed, or its answer was lost. Only the committed numbers tell which.
    pub(super) fn doubt_commit(&mut self, now: i64, error: LogError, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        if error.is_fenced() {
            warn!(%error, "fenced by another producer of this id or by the transaction timeout");
        } else {
            warn!(%error, "commit failed");
        }
        self.note_failure(&error)?;
        self.note_fence(now, &error)?;
        self.search_refused(&error)?;
        self.search.aborted();
        let awaits = is_about_membership(&error);
        self.replace_producer(effects);
        let took_part = |slot: &Slot| matches!(slot, Slot::Running(task) if task.is_prepared());
        let tasks: BTreeSet<_> = self.slots.iter().filter(|(_, slot)| took_part(slot)).map(|(id, _)| *id).collect();
        if awaits {
            // The answer was definite: nothing of it stands.
            self.abort_tasks(effects);
            self.commit = CommitState::AwaitingIdentity;
            return Ok(());
        }
        if tasks.is_empty() {
            // Only sinks took part: their letters go again, which is harmless.
            self.settle_sinks(Verdict::Gone, effects);
            self.commit = CommitState::Idle;
        } else {
            self.commit = CommitState::Deciding(tasks);
        }
        Ok(())
    }

    /// The committed number decides whether a doubtful transaction was ours.
    pub(super) fn decide(&mut self, now: i64, id: TaskId, found: &Found, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let CommitState::Deciding(waiting) = &mut self.commit else { return Ok(()) };
        if !waiting.remove(&id) {
            return Ok(());
        }
        let is_last = waiting.is_empty();
        let Some(Slot::Running(task)) = self.slots.get_mut(&id) else { return Ok(()) };
        let verdict = if task.stands_committed(&found.inputs) { Verdict::Stands } else { Verdict::Gone };
        let back_to = match verdict {
            Verdict::Stands => {
                debug!(task = %id, "the doubtful commit stands");
                let unseen = self.directory.committing();
                task.committed(&BTreeMap::new(), now)?;
                drop(unseen);
                Vec::new()
            }
            Verdict::Gone => task.abort(),
        };
        back_to.into_iter().for_each(|(at, offset)| self.read(ReaderOf::Tasks, at, offset, effects));
        if is_last {
            // One transaction carried them all, so what holds for this task holds for the sinks.
            self.settle_sinks(verdict, effects);
            self.commit = CommitState::Idle;
        }
        Ok(())
    }

    /// Counts a failure. What neither passes nor is explained by the group, a fence or a record ends the application after some tries.
    pub(super) fn note_failure(&mut self, error: &LogError) -> Result<(), AppError> {
        self.failures.in_a_row += 1;
        self.status.aborted(self.failures.in_a_row);
        let is_answer = is_about_membership(error) || is_refusal(error) || error.is_fenced();
        self.failures.unanswered = !is_answer;
        if is_answer || may_pass(error) || error.is_fatal() || error.kind() == ErrorKind::Broken {
            return Ok(());
        }
        self.failures.unexplained += 1;
        if self.failures.unexplained >= MOST_UNEXPLAINED {
            return Err(AppError::log(format!("commits failed {MOST_UNEXPLAINED} times in a row"))(error.clone()));
        }
        Ok(())
    }

    fn settle_sinks(&mut self, verdict: Verdict, effects: &mut Vec<Effect>) {
        for (id, slot) in &mut self.slots {
            match (slot, verdict) {
                (Slot::Sink(sink), Verdict::Stands) => effects.extend(sink.committed().map(|command| Effect::Sink(*id, command))),
                (Slot::Sink(sink), Verdict::Gone) => sink.aborted(),
                _ => {}
            }
        }
    }
}

pub(super) fn is_about_membership(error: &LogError) -> bool {
    matches!(error.code(), ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::RebalanceInProgress)
}
