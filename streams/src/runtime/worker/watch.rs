//! Watches the inputs while the application runs: partition counts are taken at the start, and people change topics.
//!
//! One topic is looked at each time. An input that has grown is picked up where nothing hangs on its count; where state or a join does,
//! every instance stops with the reason. A topic that was deleted or made anew stops the application: nothing is reset silently.

use super::{Slot, Worker};
use crate::log::{LogError, TopicPartition};
use crate::runtime::event::{Effect, Sight};
use crate::runtime::outage::may_pass;
use crate::runtime::{AppError, Guarantee};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::{debug, info, warn};

/// A topic that is not found so many times in a row is gone; a broker that starts may not know all of them yet.
const MOST_MISSES: u32 = 3;

/// What is looked at next, and when.
#[derive(Debug, Default)]
pub(super) struct Watch {
    next_at: i64,
    next: usize,
    looking: bool,
    misses: BTreeMap<Arc<str>, u32>,
    /// New topics that were told of.
    unread: BTreeSet<Arc<str>>,
    /// Anchor partitions that the group has given us before we knew that there are so many.
    early: Vec<TopicPartition>,
}

impl Worker {
    /// Looks at one topic when it is time, and at once where the group knows of more partitions than we do.
    pub(super) fn look_around(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let urgent = self.watch.early.first().map(|at| at.topic.clone());
        if self.watch.looking || self.stopping || (now < self.watch.next_at && urgent.is_none()) {
            return;
        }
        let topics = self.plan.watched();
        let Some(topic) = urgent.or_else(|| topics.get(self.watch.next % topics.len().max(1)).cloned()) else { return };
        let has_begun = self.watch.next_at > 0 || !self.watch.early.is_empty();
        self.watch.next_at = now + self.plan.config.watch_interval.as_millis() as i64 / topics.len().max(1) as i64;
        if has_begun {
            self.watch.next += 1;
            self.watch.looking = true;
            let mut of = self.changelogs_at_rest();
            of.extend(self.behind(&topic));
            effects.push(Effect::Look(topic, of));
        }
    }

    /// Partitions of a topic that tasks have not read to the end. For all others it is known without asking how far behind they are.
    fn behind(&self, topic: &str) -> Vec<TopicPartition> {
        let tasks = self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
        let lanes = tasks.flat_map(|task| task.positions()).filter(|(at, ..)| &*at.topic == topic);
        let mut behind = Vec::new();
        for (at, _, at_end) in lanes {
            match at_end {
                true => self.status.lags(at, 0),
                false => behind.push(at.clone()),
            }
        }
        behind
    }

    fn note_lags(&self, ends: &[(TopicPartition, i64)]) {
        let tasks = self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
        for (at, position, _) in tasks.flat_map(|task| task.positions()) {
            if let Some((_, end)) = ends.iter().find(|(asked, _)| asked == at) {
                self.status.lags(at, (end - position).max(0) as u64);
            }
        }
    }

    /// Without transactions a record of a stopped process may come behind our last one: then the changelog ends later than we know.
    fn changelogs_at_rest(&self) -> Vec<TopicPartition> {
        let looks = self.plan.config.guarantee == Guarantee::AtLeastOnce && self.commit.is_idle() && self.mends.is_idle();
        self.slots
            .values()
            .filter(|_| looks)
            .flat_map(|slot| if let Slot::Running(task) = slot { task.quiet_changelogs() } else { Vec::new() })
            .collect()
    }

    pub(super) fn take_sight(
        &mut self, now: i64, topic: Arc<str>, seen: Result<Sight, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        self.watch.looking = false;
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) if may_pass(&error) => return Ok(()),
            Err(error) => return Err(AppError::log(format!("cannot look at topic {topic}"))(error)),
        };
        self.note_lags(&seen.ends);
        self.compare_ends(&seen.ends, effects);
        self.tell_unread(&seen.unread);
        let Some(known) = self.plan.topics.get(&topic).copied() else { return Ok(()) };
        let Some((partitions, topic_id)) = seen.topic else {
            let misses = self.watch.misses.entry(topic.clone()).or_default();
            *misses += 1;
            self.watch.next_at = now + super::ASK_AGAIN_MS;
            self.watch.next = self.watch.next.saturating_sub(1);
            return if *misses < MOST_MISSES {
                Ok(())
            } else {
                Err(AppError::Topics(format!("topic {topic} was deleted while the application ran")))
            };
        };
        self.watch.misses.remove(&topic);
        if topic_id != known.topic_id && self.plan.is_global(&topic) {
            return Err(AppError::Topics(format!(
                "topic {topic} of a global table was deleted and made anew while the application ran, and rows of the old one are still in the table: start the application again, which reads the new one"
            )));
        }
        if topic_id != known.topic_id {
            return Err(AppError::Topics(format!(
                "topic {topic} was deleted and made anew while the application ran: positions and state belong to the old one; reset the application, or give it another application id"
            )));
        }
        if partitions > known.partitions {
            self.grow(topic, known.partitions, partitions, effects)?;
        }
        Ok(())
    }

    /// Topics decide what tasks there are, so new ones are not read while the application runs; each is told of once.
    fn tell_unread(&mut self, topics: &[Arc<str>]) {
        for topic in topics {
            if self.watch.unread.insert(topic.clone()) {
                warn!(%topic, "a new topic matches a pattern, it is read when the application is started again");
            }
        }
    }

    fn compare_ends(&mut self, ends: &[(TopicPartition, i64)], effects: &mut Vec<Effect>) {
        if !self.commit.is_idle() || !self.mends.is_idle() {
            return;
        }
        let foreign = |(id, slot): (&crate::task::TaskId, &mut Slot)| {
            let Slot::Running(task) = slot else { return Vec::new() };
            ends.iter().filter_map(|(at, end)| Some((*id, at.clone(), task.foreign_tail(at, *end)?))).collect()
        };
        let found: Vec<_> = self.slots.iter_mut().flat_map(foreign).collect();
        found.into_iter().for_each(|(task, at, range)| self.mend(task, at, range, effects));
    }

    fn grow(&mut self, topic: Arc<str>, from: i32, to: i32, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        if let Some(reason) = self.plan.why_fixed(&topic) {
            return Err(AppError::Topics(format!(
                "topic {topic} has grown from {from} to {to} partitions while the application ran, and {reason}: keys have moved away from their state; put a repartition(..) behind the topic under another application id, or begin with a new topic"
            )));
        }
        let mut plan = (*self.plan).clone();
        plan.topics.entry(topic.clone()).and_modify(|known| known.partitions = to);
        if plan.anchors() != self.plan.anchors() {
            return Err(AppError::Topics(format!(
                "topic {topic} has grown from {from} to {to} partitions, which makes it the anchor of its tasks: start all instances again"
            )));
        }
        match self.plan.is_global(&topic) {
            true => info!(%topic, from, to, "the topic of a global table has grown, reading its new partitions"),
            false => info!(%topic, from, to, "an input has grown, reading its new partitions when the group gives them out"),
        }
        self.plan = Arc::new(plan);
        self.directory.replan(self.plan.clone());
        effects.push(Effect::Replan(self.plan.clone()));
        for (id, slot) in &mut self.slots {
            if let Slot::Running(task) = slot {
                task.set_task_count(self.plan.task_count(self.plan.sub_topology(*id)));
            }
        }
        let early = std::mem::take(&mut self.watch.early);
        self.assign(&early, effects);
        Ok(())
    }

    /// Takes anchor partitions that the plan knows; what is beyond waits until the topic was looked at.
    pub(super) fn known_anchors<'a>(&mut self, anchors: &'a [TopicPartition]) -> Vec<&'a TopicPartition> {
        let (known, early): (Vec<_>, Vec<_>) = anchors.iter().partition(|at| at.partition < self.plan.partitions_of(&at.topic));
        if !early.is_empty() {
            debug!(partitions = early.len(), "assigned partitions of a topic that has grown");
            self.watch.early.extend(early.into_iter().cloned());
        }
        known
    }

    pub(super) fn forget_early(&mut self, anchors: &[TopicPartition]) {
        self.watch.early.retain(|early| !anchors.contains(early));
    }
}
