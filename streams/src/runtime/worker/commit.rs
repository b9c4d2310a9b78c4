//! Commits: everything that all tasks did since the last one, in one transaction.

use super::doubt::{Failures, is_about_membership};
use super::refusal::is_refusal;
use super::{Slot, Worker, hand_over};
use crate::connector::DeadLetter;
use crate::log::{Delivery, GroupOffset, LogError, Records, TopicPartition};
use crate::runtime::AppError;
use crate::runtime::Guarantee;
use crate::runtime::event::{Effect, ReaderOf};
use crate::runtime::outage::may_pass;
use crate::task::TaskId;
use std::collections::{BTreeMap, BTreeSet};
use tracing::warn;

/// Each purge is a question to the broker that the thread waits for: many at once would make records late.
const PURGES_AT_ONCE: usize = 2;

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
        let must = !self.releasing.is_empty() || (self.stopping && (self.sinks_are_free() || now >= self.stop_by - super::LAST_COMMIT_MS));
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
        if !self.producer.is_ready() || !self.mends.is_idle() {
            return Ok(());
        }
        if !self.follow_up.begin(now >= self.next_commit) {
            self.next_commit = now + self.plan.config.commit_interval.as_millis() as i64;
        }
        self.transaction_since.get_or_insert(now);
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
        is_time || self.wants_follow_up() || self.search.wants_commit() || self.pending_bytes() >= self.plan.config.uncommitted_bytes
    }

    /// Bytes that a commit would have to carry.
    pub(super) fn pending_bytes(&self) -> usize {
        self.tasks().map(|task| task.pending_bytes()).sum()
    }

    pub(super) fn has_work(&self, now: i64) -> bool {
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
        self.offsets_of(|task| task.offsets())
    }

    pub(super) fn offsets_of(&self, of_task: impl Fn(&crate::task::Task) -> Vec<GroupOffset>) -> Vec<GroupOffset> {
        let of = |(id, slot): (&TaskId, &Slot)| match slot {
            Slot::Running(task) => of_task(task),
            Slot::Restoring(restoring) => restoring.offsets(),
            Slot::Sink(sink) if self.plan.tells_its_lag(*id) => sink.offset().into_iter().collect(),
            Slot::Sink(_) | Slot::Seeking => Vec::new(),
        };
        self.slots.iter().flat_map(of).collect()
    }

    pub(super) fn take_committed(
        &mut self, now: i64, outcome: Result<Vec<Delivery>, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        match outcome {
            Ok(deliveries) => {
                self.settle_commit(now, &deliveries, effects)?;
                self.release(effects);
                Ok(())
            }
            Err(error) => self.doubt_commit(now, error, effects),
        }
    }

    /// At-least-once: everything is delivered, so the state may follow, then the offsets.
    pub(super) fn take_flushed(
        &mut self, now: i64, outcome: Result<Vec<Delivery>, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        let deliveries = match outcome {
            Ok(deliveries) => deliveries,
            Err(error) => return self.take_undelivered(error, effects),
        };
        if let Some((to, refused)) = deliveries.iter().find_map(|delivery| Some((&delivery.to, delivery.outcome.as_ref().err()?))) {
            if !is_refusal(&refused.error) {
                return self.take_undelivered(refused.error.clone(), effects);
            }
            warn!(%to, error = %refused.error, "the log refuses a record, looking for where it comes from");
            self.search_refused(&refused.error)?;
            self.abort_all(effects);
            return Ok(());
        }
        // Whoever is no member any more must not commit: an empty group would take it.
        let Some(identity) = self.identity.clone() else {
            self.abort_all(effects);
            return Ok(());
        };
        let mended = effects.len();
        self.settle_commit(now, &deliveries, effects)?;
        if self.mends.is_idle() {
            // They go before whatever settling has led to, above all before a task is given back to the group: whoever has given it back
            // knows its position no more.
            effects.insert(mended, Effect::CommitOffsets(self.offsets_of(|task| task.committed_offsets()), identity));
            self.asked.push_back(self.settled);
            self.release(effects);
        } else {
            // A changelog that is being mended goes to nobody else as it is.
            self.commit_again();
        }
        Ok(())
    }

    fn take_undelivered(&mut self, error: LogError, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        warn!(%error, "not delivered, processing again what was not committed");
        self.note_failure(&error)?;
        self.abort_all(effects);
        Ok(())
    }

    pub(super) fn take_offsets_committed(
        &mut self, now: i64, asked_at: i64, outcome: Result<(), LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        let asked = self.asked.pop_front();
        match outcome {
            Ok(()) => {
                self.contact.proven(asked_at);
                self.contact.committed(now);
                // What was settled since the question may still be refused.
                if asked == Some(self.settled) {
                    self.purge(now, effects);
                }
                Ok(())
            }
            Err(error) if may_pass(&error) || is_about_membership(&error) => {
                warn!(%error, "offsets not committed, the next commit carries them");
                self.commit_again();
                Ok(())
            }
            Err(error) => Err(AppError::log("cannot commit offsets")(error)),
        }
    }

    fn commit_again(&mut self) {
        let running = self.slots.values_mut().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
        running.for_each(|task| task.commit_again());
    }

    fn settle_commit(&mut self, now: i64, deliveries: &[Delivery], effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let mut stored = BTreeMap::new();
        for delivery in deliveries {
            if let Ok(range) = &delivery.outcome {
                let last = stored.entry(delivery.to.clone()).or_insert(range.last);
                *last = range.last.max(*last);
            }
        }
        let mut foreign = Vec::new();
        let unseen = self.directory.committing();
        for (id, slot) in &mut self.slots {
            match slot {
                Slot::Running(task) => {
                    foreign.extend(task.foreign(&stored).into_iter().map(|(at, range)| (*id, at, range)));
                    task.committed(&stored, now)?;
                    self.status.dropped(task.take_dropped());
                    if let Some(oldest) = task.take_oldest() {
                        self.status.latency(now - oldest);
                    }
                }
                Slot::Sink(sink) => effects.extend(sink.committed().map(|command| Effect::Sink(*id, command))),
                Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        drop(unseen);
        self.settled += 1;
        self.status.committed();
        self.mends.committed();
        (self.failures, self.transaction_since) = (Failures::default(), None);
        self.search.committed();
        self.commit = CommitState::Idle;
        match self.plan.config.guarantee {
            Guarantee::ExactlyOnce => {
                self.await_own(&stored);
                self.contact.committed(now);
                self.purge(now, effects);
            }
            // With transactions nobody else can write, and their markers are gaps of their own.
            Guarantee::AtLeastOnce => foreign.into_iter().for_each(|(task, at, range)| self.mend(task, at, range, effects)),
        }
        Ok(())
    }

    /// Everything since the last commit is given up.
    pub(super) fn abort_all(&mut self, effects: &mut Vec<Effect>) {
        self.replace_producer(effects);
        self.abort_tasks(effects);
        self.search.aborted();
        self.commit = CommitState::Idle;
    }

    pub(super) fn abort_tasks(&mut self, effects: &mut Vec<Effect>) {
        let mut back_to = Vec::new();
        for slot in self.slots.values_mut() {
            match slot {
                Slot::Running(task) => back_to.extend(task.abort()),
                Slot::Sink(sink) => sink.aborted(),
                Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        back_to.into_iter().for_each(|(at, offset)| self.read(ReaderOf::Tasks, at, offset, effects));
        self.mend_again(effects);
    }

    /// Deletes what no committed position needs; so it comes after the offsets, or a failed commit would lose records.
    fn purge(&mut self, now: i64, effects: &mut Vec<Effect>) {
        if now >= self.next_purge && self.purging.is_empty() {
            self.next_purge = now + self.plan.config.purge_interval.as_millis() as i64;
            let purgeable = self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
            let is_news = |(at, below): &(TopicPartition, i64)| *below > self.purged.get(at).copied().unwrap_or(0);
            self.purging = purgeable.flat_map(|task| task.purgeable()).filter(is_news).collect();
        }
        for (at, below) in self.purging.drain(self.purging.len().saturating_sub(PURGES_AT_ONCE)..) {
            self.purged.insert(at.clone(), below);
            effects.push(Effect::Purge(at, below));
        }
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &crate::task::Task> {
        self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(&**task) } else { None })
    }
}

fn letters_to_records(letters: &[DeadLetter], application_id: &str) -> Records {
    let mut records = Records::default();
    for letter in letters {
        letter.to_record(application_id, &mut records);
    }
    records
}
