//! From assignment to work: positions are looked up, stores brought up to their changelogs, inputs read.

use super::{ASK_AGAIN_MS, Slot, Worker};
use crate::log::{ErrorCode, Fetched, LogError};
use crate::runtime::AppError;
use crate::runtime::event::{Effect, Found, ReaderOf};
use crate::runtime::outage::may_pass;
use crate::task::{ChangelogEnd, Restoring, TaskId};
use crate::topic::Reset;
use tracing::{debug, warn};

impl Worker {
    pub(super) fn take_found(
        &mut self, now: i64, task: TaskId, found: Result<Found, LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        let found = match found {
            Ok(found) => found,
            Err(error) if may_pass(&error) => {
                debug!(%task, %error, "positions are not to be had yet");
                if self.slots.contains_key(&task) {
                    self.unanswered.insert(task, now + ASK_AGAIN_MS);
                }
                return Ok(());
            }
            Err(error) => return Err(AppError::log(format!("cannot ask for the positions of task {task}"))(error)),
        };
        match self.slots.get_mut(&task) {
            None => Ok(()),
            Some(Slot::Sink(_)) => {
                self.open_sink(task, &found, effects);
                Ok(())
            }
            Some(Slot::Seeking) => self.open_task(now, task, found, effects),
            Some(Slot::Running(_) | Slot::Restoring(_)) => self.decide(now, task, &found, effects),
        }
    }

    fn open_task(&mut self, now: i64, task: TaskId, found: Found, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let inputs = found.inputs.iter().map(|(at, committed, ends)| {
            let start = match self.plan.reset_of(task, at) {
                Reset::Earliest => ends.earliest,
                Reset::Latest => ends.stable,
                Reset::ByDuration(_) => found.by_age.iter().find(|(of, _)| of == at).map_or(ends.stable, |(_, offset)| *offset),
                Reset::Fail if committed.is_some() => ends.earliest,
                Reset::Fail => {
                    let group = &self.plan.application_id;
                    return Err(AppError::Topics(format!(
                        "group {group} has no position in {at}, and the source says no_reset(): commit one for it, or say where to begin"
                    )));
                }
            };
            Ok((at.clone(), committed.clone(), start))
        });
        let inputs: Vec<_> = inputs.collect::<Result<_, AppError>>()?;
        let ends = self.changelog_ends(task, &found);
        let plan = self.plan.clone();
        let restoring = plan.with_task_inputs(task, |of| Restoring::open(task, of, &self.disk, ends, &inputs, now))?;
        let reads = restoring.missing().map(|(at, from)| Effect::Restore(at.clone(), from));
        effects.extend(reads);
        self.slots.insert(task, Slot::Restoring(Box::new(restoring)));
        self.start_if_restored(now, task, effects)?;
        self.tell_restoring();
        Ok(())
    }

    fn tell_restoring(&self) {
        let restoring = self.slots.values().filter_map(|slot| match slot {
            Slot::Restoring(restoring) => Some(restoring.remaining()),
            _ => None,
        });
        self.status.restoring(restoring.sum());
    }

    fn changelog_ends(&self, task: TaskId, found: &Found) -> Vec<ChangelogEnd> {
        let changelogs = self.plan.changelogs(task);
        let end = |(i, changelog): (usize, crate::runtime::plan::ChangelogAt)| {
            let (ends, info) = (found.changelogs[i], self.plan.topics.get(&changelog.at.topic));
            let input = found.inputs.iter().find(|(at, ..)| *at == changelog.at);
            // A source that serves as changelog has no row of the store beyond the committed position.
            let committed = input.map(|(_, committed, ends)| committed.as_ref().map_or(ends.earliest, |found| found.offset));
            ChangelogEnd {
                store: changelog.store,
                topic_id: info.map_or([0; 16], |info| info.topic_id),
                earliest: ends.earliest,
                end: if changelog.is_source { committed.unwrap_or(ends.latest).min(ends.latest) } else { ends.latest },
                delete_retention_ms: info.map_or(i64::MAX, |info| info.delete_retention_ms),
                is_source: changelog.is_source,
                at: changelog.at,
            }
        };
        changelogs.into_iter().enumerate().map(end).collect()
    }

    pub(super) fn take_restored(&mut self, now: i64, mut fetched: Fetched, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        if self.take_foreign(&fetched, effects)? {
            return Ok(());
        }
        let restoring = self.slots.iter_mut().find_map(|(task, slot)| match slot {
            Slot::Restoring(restoring) if restoring.missing().any(|(at, _)| *at == fetched.partition) => Some((*task, restoring)),
            _ => None,
        });
        let Some((task, restoring)) = restoring else { return Ok(()) };
        if let Some(error) = fetched.error.take() {
            if error.code() == ErrorCode::AutoOffsetReset {
                // Its former owner has trimmed it since we asked where it begins.
                warn!(%task, changelog = %fetched.partition, at = fetched.next, "changelog does not begin where it did, asking again");
                self.close(task, effects);
                self.show_coming(task);
                self.slots.insert(task, Slot::Seeking);
                effects.push(Effect::LookUp(task));
                return Ok(());
            }
            return Err(AppError::log(format!("cannot restore from {} at offset {}", fetched.partition, fetched.next))(error));
        }
        self.status.restored(fetched.records.len());
        if restoring.take(&fetched, now)? {
            effects.push(Effect::StopRestoring(fetched.partition));
            self.start_if_restored(now, task, effects)?;
        }
        self.tell_restoring();
        Ok(())
    }

    fn start_if_restored(&mut self, now: i64, task: TaskId, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        let is_done = matches!(self.slots.get(&task), Some(Slot::Restoring(restoring)) if restoring.is_done());
        if !is_done {
            return Ok(());
        }
        let Some(Slot::Restoring(restoring)) = self.slots.remove(&task) else { return Ok(()) };
        let plan = self.plan.clone();
        let running = plan.with_task_inputs(task, |of| restoring.into_task(of, now))?;
        running.offsets().into_iter().for_each(|offset| self.read(ReaderOf::Tasks, offset.at, offset.offset, effects));
        self.show(&running);
        self.slots.insert(task, Slot::Running(Box::new(running)));
        Ok(())
    }
}
