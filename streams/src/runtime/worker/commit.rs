//! Commits: everything that all tasks did since the last one, in one transaction.

use super::{Slot, Worker, hand_over};
use crate::connector::DeadLetter;
use crate::log::{Delivery, ErrorCode, GroupOffset, LogError, MemberIdentity, Records, StartAt, TopicPartition};
use crate::runtime::AppError;
use crate::runtime::Guarantee;
use crate::runtime::event::{Effect, Found};
use crate::task::TaskId;
use std::collections::{BTreeMap, BTreeSet};
use tracing::{debug, warn};

/// Where the commit of this thread stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommitState {
    Idle,
    /// Prepared and on its way; since when.
    InFlight(i64),
    /// The outcome is unknown: the committed numbers of these tasks will tell.
    Deciding(BTreeSet<TaskId>),
    /// The group does not take our commits until it has spoken.
    AwaitingIdentity,
}

impl CommitState {
    pub(super) fn is_idle(&self) -> bool {
        *self == CommitState::Idle
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self, CommitState::InFlight(_))
    }

    /// While an outcome is open, nothing may build on it.
    pub(super) fn allows_work(&self) -> bool {
        matches!(self, CommitState::Idle | CommitState::AwaitingIdentity)
    }
}

impl Worker {
    pub(super) fn commit_if_due(&mut self, now: i64, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let must = !self.releasing.is_empty() || (self.stopping && self.sinks_are_free());
        if !must && !self.wants_commit(now) {
            return Ok(());
        }
        let Some(identity) = self.identity.clone() else {
            // Nothing was ever assigned, or everything was lost: there is nothing to commit.
            self.release(effects);
            return Ok(());
        };
        if !self.has_work(now) {
            self.release(effects);
            return Ok(());
        }
        self.next_commit = now + self.plan.config.commit_interval.as_millis() as i64;
        self.prepare(now, effects)?;
        self.commit = CommitState::InFlight(now);
        effects.push(match self.plan.config.guarantee {
            Guarantee::ExactlyOnce => Effect::Commit(self.offsets(), identity),
            Guarantee::AtLeastOnce => Effect::Flush,
        });
        Ok(())
    }

    fn wants_commit(&self, now: i64) -> bool {
        let is_time = now >= self.next_commit && self.has_work(now);
        is_time
            || self.search.wants_commit()
            || self.tasks().map(|task| task.pending_bytes()).sum::<usize>() >= self.plan.config.uncommitted_bytes
    }

    fn has_work(&self, now: i64) -> bool {
        self.slots.values().any(|slot| match slot {
            Slot::Running(task) => task.needs_commit(now),
            Slot::Sink(sink) => sink.needs_commit(),
            Slot::Seeking | Slot::Restoring(_) => false,
        })
    }

    fn prepare(&mut self, now: i64, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        for slot in self.slots.values_mut() {
            match slot {
                Slot::Running(task) => {
                    task.prepare_commit(now)?;
                    hand_over(task, &mut self.spare, effects);
                }
                Slot::Sink(sink) if !sink.letters.is_empty() => {
                    sink.publishing = std::mem::take(&mut sink.letters);
                    let to = TopicPartition { topic: self.plan.dead_letter_topic.clone(), partition: 0 };
                    effects.push(Effect::Send(to, letters_to_records(&sink.publishing, &self.plan.application_id)));
                }
                Slot::Sink(_) | Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        Ok(())
    }

    /// The positions of all owned inputs: each commit carries them all.
    fn offsets(&self) -> Vec<GroupOffset> {
        let of = |slot: &Slot| match slot {
            Slot::Running(task) => task.offsets(),
            Slot::Restoring(restoring) => restoring.offsets(),
            Slot::Sink(sink) => sink.offset().into_iter().collect(),
            Slot::Seeking => Vec::new(),
        };
        self.slots.values().flat_map(of).collect()
    }

    pub(super) fn take_committed(
        &mut self, now: i64, outcome: Result<Vec<Delivery>, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        match outcome {
            Ok(deliveries) => self.settle_commit(now, &deliveries, effects),
            Err(error) => self.doubt_commit(error, effects),
        }
    }

    /// At-least-once: everything is delivered, so the state may follow, then the offsets.
    pub(super) fn take_flushed(
        &mut self, now: i64, outcome: Result<Vec<Delivery>, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        let deliveries = outcome.map_err(AppError::log("cannot deliver records"))?;
        if let Some((to, refused)) = deliveries.iter().find_map(|delivery| Some((&delivery.to, delivery.outcome.as_ref().err()?))) {
            return Err(AppError::log(format!("record {} of a batch for {to} was refused", refused.index))(refused.error.clone()));
        }
        let identity = self.identity.clone().unwrap_or_else(MemberIdentity::outside);
        effects.push(Effect::CommitOffsets(self.offsets(), identity));
        self.settle_commit(now, &deliveries, effects)
    }

    pub(super) fn take_offsets_committed(
        &mut self, _now: i64, outcome: Result<(), LogError>, _effects: &mut [Effect],
    ) -> Result<(), AppError> {
        match outcome {
            Ok(()) => Ok(()),
            // The next commit carries the positions again.
            Err(error) if error.is_retriable() || is_about_membership(&error) => {
                warn!(%error, "offsets not committed, the next commit carries them");
                Ok(())
            }
            Err(error) => Err(AppError::log("cannot commit offsets")(error)),
        }
    }

    fn settle_commit(&mut self, now: i64, deliveries: &[Delivery], effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let mut stored = BTreeMap::new();
        for delivery in deliveries {
            if let Ok(range) = &delivery.outcome {
                let last = stored.entry(delivery.to.clone()).or_insert(range.last);
                *last = range.last.max(*last);
            }
        }
        for (id, slot) in &mut self.slots {
            match slot {
                Slot::Running(task) => {
                    task.committed(&stored, now)?;
                    if let Some(oldest) = task.take_oldest() {
                        self.status.latency(now - oldest);
                    }
                }
                Slot::Sink(sink) => effects.extend(sink.committed().map(|command| Effect::Sink(*id, command))),
                Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        self.status.committed();
        self.search.committed();
        self.commit = CommitState::Idle;
        self.purge(now, effects);
        self.release(effects);
        Ok(())
    }

    /// A commit has failed, or its answer was lost. Only the committed numbers tell which.
    fn doubt_commit(&mut self, error: LogError, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        if error.code() == ErrorCode::ProducerFenced || error.code() == ErrorCode::ClientFenced {
            warn!(%error, "fenced by another producer of this id or by the transaction timeout");
        } else {
            warn!(%error, "commit failed");
        }
        self.search_refused(&error)?;
        self.search.aborted();
        let awaits = error.code() == ErrorCode::IllegalGeneration || error.code() == ErrorCode::UnknownMemberId;
        effects.push(Effect::Abort);
        let tasks: BTreeSet<_> = self.slots.iter().filter(|(_, slot)| matches!(slot, Slot::Running(_))).map(|(id, _)| *id).collect();
        if awaits {
            // The answer was definite: nothing of it stands.
            self.abort_tasks(effects);
            self.commit = CommitState::AwaitingIdentity;
            return Ok(());
        }
        effects.extend(tasks.iter().copied().map(Effect::LookUp));
        self.commit = if tasks.is_empty() { CommitState::Idle } else { CommitState::Deciding(tasks) };
        Ok(())
    }

    /// The committed number decides whether a doubtful transaction was ours.
    pub(super) fn decide(&mut self, now: i64, id: TaskId, found: &Found, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let CommitState::Deciding(waiting) = &mut self.commit else { return Ok(()) };
        waiting.remove(&id);
        let is_last = waiting.is_empty();
        let Some(Slot::Running(task)) = self.slots.get_mut(&id) else { return Ok(()) };
        if task.stands_committed(found.inputs.first().and_then(|(_, committed, _)| committed.as_ref())) {
            debug!(task = %id, "the doubtful commit stands");
            task.committed(&BTreeMap::new(), now)?;
        } else {
            effects.extend(task.abort().into_iter().map(|(at, offset)| Effect::Read(at, StartAt::Offset(offset))));
        }
        if is_last {
            self.commit = CommitState::Idle;
            self.slots.values_mut().for_each(|slot| {
                if let Slot::Sink(sink) = slot {
                    sink.aborted();
                }
            });
        }
        Ok(())
    }

    /// Everything since the last commit is given up.
    pub(super) fn abort_all(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Abort);
        self.abort_tasks(effects);
        self.commit = CommitState::Idle;
    }

    fn abort_tasks(&mut self, effects: &mut Vec<Effect>) {
        for slot in self.slots.values_mut() {
            match slot {
                Slot::Running(task) => {
                    effects.extend(task.abort().into_iter().map(|(at, offset)| Effect::Read(at, StartAt::Offset(offset))))
                }
                Slot::Sink(sink) => sink.aborted(),
                Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        self.paused.clear();
    }

    fn purge(&mut self, now: i64, effects: &mut Vec<Effect>) {
        if now < self.next_purge {
            return;
        }
        self.next_purge = now + self.plan.config.purge_interval.as_millis() as i64;
        let purgeable = self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
        for (at, below) in purgeable.flat_map(|task| task.purgeable()) {
            if self.purged.get(at).is_none_or(|purged| *purged < below) {
                self.purged.insert(at.clone(), below);
                effects.push(Effect::Purge(at.clone(), below));
            }
        }
    }

    fn tasks(&self) -> impl Iterator<Item = &crate::task::Task> {
        self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(&**task) } else { None })
    }
}

fn is_about_membership(error: &LogError) -> bool {
    matches!(error.code(), ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::RebalanceInProgress)
}

fn letters_to_records(letters: &[DeadLetter], application_id: &str) -> Records {
    let mut records = Records::default();
    for letter in letters {
        letter.to_record(application_id, &mut records);
    }
    records
}
