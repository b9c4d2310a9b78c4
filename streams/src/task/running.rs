//! A task at work: takes records in the order of their times and sends them through its operators.

use super::changelog::Changelog;
use super::clock::TaskClock;
use super::committing::Marked;
use super::context::Context;
use super::lane::{Lane, LaneRole};
use super::marker::Marker;
use super::refused::Refused;
use super::saved::Saved;
use super::turns::Turns;
use super::{Flow, OutputId, Processors, Staged, Stop, TaskError, TaskId, Time, Unreadable};
use crate::log::{Fetched, Records};
use crate::record::Timestamp;
use crate::runtime::Recovery;

/// A running task. It is driven: nothing in it waits, and no call returns with work half done.
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(super) context: Context,
    pub(super) processors: Processors,
    pub(super) lanes: Vec<Lane>,
    pub(super) turns: Turns,
    pub(super) clock: TaskClock,
    pub(super) changelogs: Vec<Changelog>,
    pub(super) feeds: Vec<Feed>,
    pub(super) letters: Letters,
    pub(super) settings: TaskSettings,
    /// Where and when the last commit left the task; an abort goes back to it.
    pub(super) saved: Saved,
    /// What the commit that is under way says of positions and times. A task that came to run meanwhile has no part in it.
    pub(super) prepared: Option<Saved>,
    pub(super) commit_number: u64,
    /// Something happened that a commit must keep.
    pub(super) dirty: bool,
    /// Something was processed since stores were last flushed.
    pub(super) warm: bool,
    pub(super) marked: Marked,
    pub(super) spare: Vec<Records>,
    /// Log time of the first record since the last commit.
    pub(super) oldest: Option<Timestamp>,
    pub(super) refused: Refused,
    /// So many of the dropped records were told of.
    pub(super) dropped_told: u64,
    /// How many punctuations have run.
    pub(super) punctuations: u64,
}

/// A repartition topic that the task feeds, partition by partition.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) to: OutputId,
    pub(crate) partitions: i32,
}

/// Where dead letters go.
#[derive(Debug)]
pub(crate) struct Letters {
    pub(crate) application_id: std::sync::Arc<str>,
    pub(crate) to: OutputId,
}

/// Settings of time and pace, the same for all tasks of an application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskSettings {
    /// Event time further than this after the record's own log timestamp is refused.
    pub(crate) far_future_ms: i64,
    pub(crate) idle_timeout_ms: i64,
    pub(crate) marker_interval_ms: i64,
    /// How many tasks the sub-topology has.
    pub(crate) partitions: i32,
}

/// Caches are looked at after so many records, and at the end of each call.
const EVICT_EVERY: usize = 256;

impl Task {
    /// Takes what a reader brought for one of the inputs.
    pub(crate) fn enqueue(&mut self, fetched: Fetched) {
        let Some(i) = self.lanes.iter().position(|lane| lane.at == fetched.partition) else { return };
        let was_empty = self.lanes[i].len() == 0;
        if let Some(empty) = self.lanes[i].push(fetched) {
            self.spare.push(empty);
        } else if was_empty {
            self.turns.arrive(i);
        }
        self.turns.set_awaited(i, self.lanes[i].is_awaited());
    }

    /// Processes up to `budget` records whose turn has come; returns how many it took.
    pub(crate) fn process(&mut self, now: i64, budget: usize) -> Result<usize, TaskError> {
        self.context.wall_time = now;
        self.lanes.iter_mut().for_each(|lane| lane.watch_idleness(now));
        let before = self.clock.stream_time();
        self.advance_clock();
        // Time that has moved without a record may have closed windows, whose results go on with a commit.
        self.dirty |= self.clock.stream_time() > before && !self.processors.flushers.is_empty();
        let mut done = 0;
        while done < budget {
            let Some(lane) = self.earliest_lane()? else { break };
            self.process_head(lane)?;
            done += 1;
            if done % EVICT_EVERY == 0 {
                self.evict()?;
            }
        }
        if done > 0 {
            self.evict()?;
        }
        Ok(done)
    }

    /// The lane whose turn it is, with its head decoded.
    #[inline]
    fn earliest_lane(&mut self) -> Result<Option<usize>, TaskError> {
        while let Some(i) = self.turns.arrived() {
            let time = self.stage_head(i)?;
            self.turns.admit(time);
        }
        Ok(self.turns.first())
    }

    /// Decodes the head of a lane; what is no record for the operators ends here.
    #[inline]
    fn stage_head(&mut self, i: usize) -> Result<Option<Timestamp>, TaskError> {
        loop {
            let lane = &self.lanes[i];
            let Some(head) = lane.head() else { return Ok(None) };
            if lane.role == LaneRole::Repartition
                && let Some(marker) = Marker::of(&head)
            {
                self.clock.hear(i, marker);
                self.leave_head(i);
                self.advance_clock();
                continue;
            }
            let source = &mut self.processors.sources[lane.source].node;
            match source.stage(lane.slot, head, lane.time).and_then(|staged| refuse_impossible(staged, head.timestamp, self.settings)) {
                Ok(Staged::Ready(time)) => {
                    self.lanes[i].stage(time);
                    return Ok(Some(time));
                }
                Ok(Staged::Dropped) => self.context.dropped += 1,
                Err(Unreadable { fault, cause }) => {
                    let stage = source.name().clone();
                    self.settle(i, Box::new(Stop::Record { fault, stage, cause }))?;
                    self.send_letters(i);
                }
            }
            self.leave_head(i);
        }
    }

    fn process_head(&mut self, i: usize) -> Result<(), TaskError> {
        let lane = &self.lanes[i];
        let time = lane.staged().expect("the earliest lane has a staged head");
        let before = self.clock.stream_time();
        self.clock.before_record(time);
        self.context.stream_time = self.clock.stream_time();
        self.context.point_at(&lane.at, lane.position_of_head());
        self.context.begin_record();
        self.refused.last = Some((i, lane.position_of_head()));
        let flow = if self.refused.is_known(i, lane.position_of_head()) {
            Err(self.refused.stop())
        } else {
            self.processors.sources[lane.source].node.dispatch(lane.slot, &mut self.context)
        };
        let failed = flow.is_err();
        self.note_age(i);
        if let Err(stop) = flow {
            self.give_up(i, stop, before)?;
        }
        if !self.context.letters.is_empty() {
            self.send_letters(i);
        }
        if !failed || self.context.rules.recovery == Recovery::Continue {
            let lane = &mut self.lanes[i];
            lane.time = lane.time.max(time);
        }
        self.leave_head(i);
        self.turns.leave_first();
        if self.lanes[i].len() > 0 {
            self.turns.arrive(i);
        }
        self.advance_clock();
        self.punctuate_due(Time::Stream)
    }

    /// The sub-topology has so many tasks from now on.
    pub(crate) fn set_task_count(&mut self, count: i32) {
        self.settings.partitions = count;
    }

    /// The record at hand failed: nothing of it stays under [`Recovery::Undo`].
    #[cold]
    fn give_up(&mut self, i: usize, stop: Box<Stop>, stream_time: Timestamp) -> Result<(), TaskError> {
        if self.context.rules.recovery == Recovery::Undo {
            self.context.undo_record();
            self.clock.resume(stream_time);
        }
        self.settle(i, stop)
    }

    /// Remembers when the first record of this commit came into the log: latency is measured from there.
    fn note_age(&mut self, i: usize) {
        if self.oldest.is_none() && self.lanes[i].role == LaneRole::Stream {
            self.oldest = self.lanes[i].head().map(|head| head.timestamp);
        }
    }

    fn settle(&mut self, i: usize, stop: Box<Stop>) -> Result<(), TaskError> {
        let lane = &self.lanes[i];
        let settled: Flow = self.context.settle(stop, None);
        settled.map_err(|stop| TaskError::of_stop(self.id, &lane.at, lane.position_of_head(), *stop))
    }

    fn leave_head(&mut self, i: usize) {
        self.dirty = true;
        self.warm = true;
        if let Some(mut records) = self.lanes[i].pop() {
            records.clear();
            self.spare.push(records);
            self.turns.set_awaited(i, self.lanes[i].is_awaited());
        }
    }

    #[inline]
    pub(super) fn advance_clock(&mut self) {
        self.clock.advance(&self.lanes, self.context.wall_time);
        self.context.stream_time = self.clock.stream_time();
    }

    /// Sends the letters of the record at the head of a lane, with its bytes as they were read.
    #[cold]
    fn send_letters(&mut self, i: usize) {
        let lane = &self.lanes[i];
        let head = lane.head().expect("letters are about the head");
        for letter in self.context.letters.drain(..) {
            self.letters.send(&mut self.context.outbox, &lane.at, head, letter);
        }
    }
}

/// Times that no operator may see. They are judged by the log, not by the wall, so that a replay decides alike.
fn refuse_impossible(staged: Staged, log_time: Timestamp, settings: TaskSettings) -> Result<Staged, Unreadable> {
    match staged {
        Staged::Ready(time) if time < 0 => Err(Unreadable::timeless(format!("negative event time {time}"))),
        Staged::Ready(time) if time.saturating_sub(log_time) > settings.far_future_ms => Err(Unreadable::timeless("far future".into())),
        staged => Ok(staged),
    }
}
