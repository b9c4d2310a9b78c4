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
use super::{Clocks, Flow, OutputId, Processors, Schedules, Staged, Stop, TaskError, TaskId, Time, Unreadable};
use crate::log::{Fetched, LogError, Records, TopicPartition};
use crate::query::{Found, QueryError, Question};
use crate::record::Timestamp;
use crate::runtime::Recovery;
use headwater_state::CommittedState;
use std::ops::Range;

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

    /// Inputs at whose ends the task has stood for so long that the log is to say whether they are idle. It matters to nobody where time is
    /// the maximum seen, and where this is the only input and no other task hears of it.
    pub(crate) fn quiet_inputs(&mut self, now: i64) -> Vec<TopicPartition> {
        let matters = self.clock.is_watermark() && (self.lanes.len() > 1 || !self.feeds.is_empty());
        if matters { self.clock.questions(&mut self.lanes, now) } else { Vec::new() }
    }

    /// The log's answer: where inputs end. One that is missing has not answered.
    pub(crate) fn hear_ends(&mut self, ends: &[(TopicPartition, i64)]) {
        for lane in &mut self.lanes {
            let end = ends.iter().find(|(at, _)| *at == lane.at).map(|(_, end)| *end);
            lane.ends_at(end);
        }
    }

    /// The lane whose head has the smallest time; `None` while another lane may still bring an earlier one (`max.task.idle.ms=0`).
    #[inline]
    fn earliest_lane(&mut self) -> Result<Option<usize>, TaskError> {
        while let Some(i) = self.turns.arrived() {
            let time = self.stage_head(i)?;
            self.turns.admit(time);
        }
        let may_bring_an_earlier_one = |lane: &Lane| lane.staged().is_none() && !lane.is_at_end();
        Ok(self.turns.first().filter(|_| !self.lanes.iter().any(may_bring_an_earlier_one)))
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
            let clocks = Clocks { partition: lane.time, wall: self.context.wall_time };
            match source.stage(lane.slot, head, clocks).and_then(|staged| refuse_impossible(staged, head.timestamp, self.settings)) {
                Ok(Staged::Ready(time) | Staged::Stamped(time)) => {
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

    /// Lets the processors schedule, from the times at which the task begins.
    pub(super) fn init_processors(&mut self, now: i64) {
        self.context.wall_time = now;
        self.context.schedules = Schedules::new(self.context.rules.recovery == Recovery::Undo);
        for (number, processor) in self.processors.punctuated.iter_mut().enumerate() {
            self.context.speak(number);
            processor.init(number, &mut self.context.schedules);
        }
        self.context.schedules.begin_record();
        self.saved.schedules = self.context.schedules.clone();
    }

    /// Runs the punctuations whose time has come: by the wall clock, and by a stream time that has moved without a record. Returns whether there were any.
    pub(crate) fn punctuate(&mut self, now: i64) -> Result<bool, TaskError> {
        self.context.wall_time = now;
        self.advance_clock();
        let before = self.punctuations;
        self.punctuate_due(Time::Stream)?;
        self.punctuate_due(Time::Wall)?;
        Ok(self.punctuations > before)
    }

    /// When the wall clock is next waited for.
    pub(crate) fn next_punctuation(&self) -> Option<i64> {
        self.context.schedules.next_wall()
    }

    #[inline]
    fn punctuate_due(&mut self, time: Time) -> Result<(), TaskError> {
        let now = if time == Time::Stream { self.context.stream_time } else { self.context.wall_time };
        if self.context.schedules.is_due(time, now) { self.punctuate_by(time, now) } else { Ok(()) }
    }

    #[cold]
    fn punctuate_by(&mut self, time: Time, now: Timestamp) -> Result<(), TaskError> {
        while let Some(firing) = self.context.schedules.take_due(time, now) {
            self.context.coordinates = None;
            let punctuated = self.processors.punctuated[firing.owner].punctuate(firing.due, &mut self.context);
            self.context.schedules.fired(&firing);
            (self.dirty, self.warm) = (true, true);
            self.punctuations += 1;
            if let Err(stop) = punctuated {
                let lane = &self.lanes[0];
                return Err(TaskError::of_stop(self.id, &lane.at, lane.position(), *stop));
            }
            self.send_detached_letters(&format!("punctuation-{now}"));
        }
        Ok(())
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
        }
    }

    #[inline]
    fn advance_clock(&mut self) {
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

    /// Whether a record was processed since the last commit.
    pub(crate) fn has_processed(&self) -> bool {
        self.refused.last.is_some()
    }

    /// The log refuses what the last record led to: it becomes a dead letter when it is read again. A second time there is no way on.
    pub(crate) fn refuse_last(&mut self, error: &LogError) -> Result<(), TaskError> {
        let (lane, offset) = self.refused.last.expect("asked only after a record was processed");
        if self.refused.is_known(lane, offset) {
            let reason = format!("record {} offset {offset} is refused by the log even as a dead letter: {error}", self.lanes[lane].at);
            return Err(TaskError::Log { task: self.id, reason });
        }
        self.refused.known = Some((lane, offset, error.to_string()));
        Ok(())
    }

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

    /// Changelogs to which the task has written nothing since the last commit.
    pub(crate) fn quiet_changelogs(&self) -> Vec<TopicPartition> {
        self.changelogs.iter().filter(|changelog| changelog.is_quiet()).map(|changelog| changelog.at.clone()).collect()
    }

    /// A changelog that ends here holds what somebody else has written behind our last record. It is told once.
    pub(crate) fn foreign_tail(&mut self, at: &TopicPartition, end: i64) -> Option<Range<i64>> {
        let changelog = self.changelogs.iter_mut().find(|known| known.at == *at && known.is_quiet())?;
        let foreign = changelog.next_offset..end;
        changelog.next_offset = changelog.next_offset.max(end);
        (!foreign.is_empty()).then_some(foreign)
    }

    /// The sub-topology has so many tasks from now on.
    pub(crate) fn set_task_count(&mut self, count: i32) {
        self.settings.partitions = count;
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

    /// What it has committed, for readers on other threads. Asked for before the first record is processed.
    pub(crate) fn committed_state(&self) -> CommittedState {
        self.processors.stores.iter().for_each(|(_, store)| store.resume(self.clock.stream_time()));
        self.context.state.borrow().committed()
    }

    /// Records that were dropped without a letter since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        self.context.dropped += self.processors.refusals.take();
        let told = std::mem::replace(&mut self.dropped_told, self.context.dropped);
        self.context.dropped - told
    }

    /// Records that were dropped without a letter.
    pub(crate) fn dropped(&self) -> u64 {
        self.context.dropped + self.processors.refusals.get()
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
