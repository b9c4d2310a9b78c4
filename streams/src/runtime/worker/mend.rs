//! Changelogs into which somebody else has written: a process that was stopped beyond its session and had records in its producer
//! (KAFKA-12693). They show as a gap in the offsets of our own records. What the other wrote is read, and our values of these keys are
//! written again, before the next positions are committed.

use super::{Slot, Worker};
use crate::log::{Fetched, TopicPartition};
use crate::runtime::AppError;
use crate::runtime::event::Effect;
use crate::runtime::outage::is_away;
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::ops::Range;
use tracing::{info, warn};

/// Ranges of changelogs that hold foreign records.
#[derive(Debug, Default)]
pub(super) struct Mends {
    under_way: BTreeMap<TopicPartition, (TaskId, Range<i64>)>,
    /// Read and written again, but not committed yet: an abort forgets what was written.
    written: BTreeMap<TopicPartition, (TaskId, Range<i64>)>,
}

impl Mends {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn committed(&mut self) {
        self.written.clear();
    }
}

impl Worker {
    pub(super) fn mend(&mut self, task: TaskId, at: TopicPartition, range: Range<i64>, effects: &mut Vec<Effect>) {
        warn!(%task, changelog = %at, from = range.start, to = range.end, "somebody else has written into a changelog, writing our values again");
        effects.push(Effect::Restore(at.clone(), range.start));
        self.mends.under_way.insert(at, (task, range));
    }

    /// Takes records of a changelog that is being mended; says whether it is one.
    pub(super) fn take_foreign(&mut self, fetched: &Fetched, effects: &mut Vec<Effect>) -> Result<bool, AppError> {
        let Some((id, range)) = self.mends.under_way.get(&fetched.partition).cloned() else { return Ok(false) };
        let Some(Slot::Running(task)) = self.slots.get_mut(&id) else { return Ok(false) };
        if let Some(error) = &fetched.error {
            warn!(task = %id, changelog = %fetched.partition, %error, "cannot read what somebody else has written");
            effects.push(Effect::StopRestoring(fetched.partition.clone()));
            match is_away(error) {
                true => effects.push(Effect::Restore(fetched.partition.clone(), range.start)),
                // What is not there any more does not need to be corrected.
                false => drop(self.mends.under_way.remove(&fetched.partition)),
            }
            return Ok(true);
        }
        let records = fetched.records.iter().filter(|record| range.contains(&record.offset));
        let count = task.repeat(&fetched.partition, &mut records.filter_map(|record| Some((record.key?, record.timestamp))))?;
        info!(task = %id, changelog = %fetched.partition, count, "wrote values again");
        if fetched.next >= range.end {
            self.mends.under_way.remove(&fetched.partition);
            self.mends.written.insert(fetched.partition.clone(), (id, range));
            effects.push(Effect::StopRestoring(fetched.partition.clone()));
        }
        Ok(true)
    }

    /// What was written again is gone with everything else since the last commit.
    pub(super) fn mend_again(&mut self, effects: &mut Vec<Effect>) {
        for (at, (id, range)) in std::mem::take(&mut self.mends.under_way) {
            effects.push(Effect::StopRestoring(at.clone()));
            self.mends.written.insert(at, (id, range));
        }
        for (at, (id, range)) in std::mem::take(&mut self.mends.written) {
            effects.push(Effect::Restore(at.clone(), range.start));
            self.mends.under_way.insert(at, (id, range));
        }
    }

    /// A task goes: its successor restores what is there.
    pub(super) fn stop_mending(&mut self, task: TaskId, effects: &mut Vec<Effect>) {
        self.mends.written.retain(|_, (id, _)| *id != task);
        let of_task = self.mends.under_way.extract_if(.., |_, (id, _)| *id == task);
        effects.extend(of_task.map(|(at, _)| Effect::StopRestoring(at)));
    }
}
