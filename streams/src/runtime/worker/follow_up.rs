//! A second commit for the second hop.
//!
//! Under exactly-once what is sent to a repartition topic is readable with the commit, and what becomes of it there would wait for the next
//! one: two intervals for two hops. So a commit that has written to inputs of our own is followed by another as soon as these records are
//! processed: once an interval, and only where nothing else waits, so that a backlog is coalesced as before.

use super::{Slot, Worker};
use crate::log::TopicPartition;
use std::collections::BTreeMap;

/// What the last commit has sent to ourselves.
#[derive(Debug, Default)]
pub(super) struct FollowUp {
    /// The last offset by partition.
    awaited: BTreeMap<TopicPartition, i64>,
    /// The commit under way is such a second one.
    under_way: bool,
    /// No task had more to do than it was given time for.
    pub(super) is_caught_up: bool,
}

impl FollowUp {
    /// A commit begins. Says whether it is one that follows another, and so leaves the time of the next one as it is.
    pub(super) fn begin(&mut self, is_time: bool) -> bool {
        self.under_way = !is_time && !std::mem::take(&mut self.awaited).is_empty();
        self.under_way
    }
}

impl Worker {
    /// All that the last commit has sent to ourselves is processed, and nothing else waits.
    pub(super) fn wants_follow_up(&self) -> bool {
        let awaited = &self.follow_up.awaited;
        if awaited.is_empty() || !self.follow_up.is_caught_up {
            return false;
        }
        let is_passed = |at: &TopicPartition, position: i64| awaited.get(at).is_some_and(|last| position > *last);
        let positions = self.tasks().flat_map(|task| task.positions());
        positions.filter(|(at, position, _)| is_passed(at, *position)).count() == awaited.len()
    }

    /// A commit stands that has stored up to these offsets.
    pub(super) fn await_own(&mut self, stored: &BTreeMap<TopicPartition, i64>) {
        self.follow_up.awaited.clear();
        if std::mem::take(&mut self.follow_up.under_way) {
            return;
        }
        for slot in self.slots.values() {
            let Slot::Running(task) = slot else { continue };
            let own = task.positions().filter_map(|(at, ..)| Some((at.clone(), *stored.get(at)?)));
            self.follow_up.awaited.extend(own);
        }
    }
}
