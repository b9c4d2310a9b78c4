//! The step function of one stream thread: events in, effects out.
//!
//! It owns the tasks and knows neither thread, clock nor socket: production, the simulator and the tests drive the same code.

mod assignment;
mod commit;
mod contact;
mod doubt;
mod follow_up;
mod mend;
mod producer;
mod queries;
mod quiet;
mod refusal;
mod restore;
mod sinks;
#[cfg(test)]
mod tests;
mod unread;
mod watch;

use super::event::{Effect, Event, Pace, ReaderOf};
use super::plan::Plan;
use super::queries::Directory;
use super::sink::SinkSlot;
use super::status::Status;
use super::{AppError, Guarantee};
use crate::log::{Fetched, GroupEvent, MemberIdentity, Records, StartAt, TopicPartition};
use crate::task::{Restoring, Task, TaskId};
use commit::CommitState;
use contact::Contact;
pub(crate) use contact::NO_CONTACT;
use doubt::Failures;
use follow_up::FollowUp;
use headwater_state::Disk;
use mend::Mends;
use producer::ProducerState;
use refusal::Search;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use unread::Unread;
use watch::Watch;

/// Records that one task processes before the others and the outside have their turn; fewer where that takes too long.
const BUDGET: usize = 4_096;

/// How long to wait before the log is asked again what it could not say.
const ASK_AGAIN_MS: i64 = 100;

/// How long a stop waits for a log that does not answer. What is not committed then is given up.
const STOP_PATIENCE_MS: i64 = 15_000;

/// How long before that it no longer waits for sinks that hang, so that the last commit has time.
const LAST_COMMIT_MS: i64 = 5_000;

/// Bytes of output at which a task hands over before its commit, so that the producer has work meanwhile.
const HAND_OVER_BYTES: usize = 256 << 10;

/// Buffers kept for later use.
const SPARE_BUFFERS: usize = 64;

/// One stream thread's tasks and what is under way for them.
pub(crate) struct Worker {
    plan: Arc<Plan>,
    disk: Disk,
    status: Arc<Status>,
    directory: Arc<Directory>,
    slots: BTreeMap<TaskId, Slot>,
    identity: Option<MemberIdentity>,
    commit: CommitState,
    producer: ProducerState,
    /// The first send of the open transaction was given out at this time (milliseconds), or later.
    transaction_since: Option<i64>,
    failures: Failures,
    contact: Contact,
    mends: Mends,
    watch: Watch,
    next_flush: i64,
    next_commit: i64,
    follow_up: FollowUp,
    next_purge: i64,
    /// How many commits are settled, and how many were when each commit of positions was asked for that the group has not answered.
    settled: u64,
    asked: VecDeque<u64>,
    /// Anchor partitions that are let go of after the next commit.
    releasing: Vec<TopicPartition>,
    stopping: bool,
    /// When patience with the outside ends (wall time).
    stop_by: i64,
    paused: BTreeSet<(ReaderOf, TopicPartition)>,
    /// What was sent back (or forth) in this step: what was fetched before that is of no use any more.
    moved: BTreeSet<(ReaderOf, TopicPartition)>,
    /// Look-ups that were not answered, and when to ask again.
    unanswered: BTreeMap<TaskId, i64>,
    unread: BTreeMap<(ReaderOf, TopicPartition), Unread>,
    budget: usize,
    /// When the last step began, and whether it had records to process.
    last_step: (i64, bool),
    spare: Vec<Records>,
    purged: BTreeMap<TopicPartition, i64>,
    purging: Vec<(TopicPartition, i64)>,
    search: Search,
}

/// A task in its life.
enum Slot {
    /// Its positions are being asked for.
    Seeking,
    Restoring(Box<Restoring>),
    Running(Box<Task>),
    Sink(Box<SinkSlot>),
}

impl Worker {
    pub(crate) fn new(plan: Arc<Plan>, disk: Disk, status: Arc<Status>, directory: Arc<Directory>) -> Self {
        Worker {
            plan,
            disk,
            status,
            directory,
            slots: BTreeMap::new(),
            identity: None,
            commit: CommitState::Idle,
            producer: ProducerState::default(),
            transaction_since: None,
            failures: Failures::default(),
            contact: Contact::default(),
            mends: Mends::default(),
            watch: Watch::default(),
            next_flush: 0,
            next_commit: 0,
            follow_up: FollowUp::default(),
            next_purge: 0,
            settled: 0,
            asked: VecDeque::new(),
            releasing: Vec::new(),
            stopping: false,
            stop_by: i64::MAX,
            paused: BTreeSet::new(),
            moved: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            unread: BTreeMap::new(),
            budget: BUDGET,
            last_step: (0, false),
            spare: Vec::new(),
            purged: BTreeMap::new(),
            purging: Vec::new(),
            search: Search::default(),
        }
    }

    /// Takes the events, works, and says what is to be done outside. The effects of the step before must have been carried out.
    pub(crate) fn step(&mut self, now: i64, events: &mut Vec<Event>, effects: &mut Vec<Effect>) -> Result<Pace, AppError> {
        self.directory.hears(now);
        self.moved.clear();
        self.adapt_budget(now);
        for event in events.drain(..) {
            self.take(now, event, effects)?;
        }
        self.ask_for_producer(now, effects);
        self.ask_again(now, effects);
        self.read_again(now, effects);
        self.retry_sinks(now, effects);
        let mut busy = false;
        if !self.stopping {
            busy = self.process(now)?;
            self.feed_sinks(effects);
        }
        self.follow_up.is_caught_up = !busy;
        self.look_around(now, effects);
        self.ask_group(now, effects);
        if self.commit.is_idle() && self.may_send(now, effects) {
            self.commit_if_due(now, effects)?;
            self.hand_over_early(now, effects)?;
        }
        // Behind a commit: what the group said before it is to be as fresh as it can.
        self.ask_ends(now, effects);
        self.keep_flow(effects);
        if self.is_at_rest() {
            self.status.rests()
        } else {
            self.status.works()
        }
        if self.stopping && now >= self.stop_by && !self.slots.is_empty() {
            self.give_up_stopping(effects);
            return Ok(Pace::GaveUp);
        }
        let awaits_answers = !self.asked.is_empty() && now < self.stop_by;
        if self.stopping && self.slots.is_empty() && !awaits_answers {
            effects.push(Effect::Leave);
            return Ok(if self.failures.unanswered { Pace::GaveUp } else { Pace::Stopped });
        }
        Ok(if busy || self.commit.is_under_way() { Pace::Busy } else { Pace::IdleUntil(self.next_deadline(now)) })
    }

    /// Nothing builds on an outcome that is open, nor on a producer that is not there. A task that waits for the group works on until it
    /// has a commit's worth.
    fn may_work(&self) -> bool {
        let has_room = || self.pending_bytes() < self.plan.config.uncommitted_bytes;
        self.producer.is_ready() && self.commit.allows_work() && (self.commit.is_idle() || has_room())
    }

    /// Everything that stood in the inputs is read, processed, committed and written by the sinks.
    fn is_at_rest(&self) -> bool {
        let rests = |slot: &Slot| match slot {
            Slot::Running(task) => task.is_at_rest(),
            Slot::Sink(sink) => sink.is_at_rest(),
            Slot::Seeking | Slot::Restoring(_) => false,
        };
        self.commit.is_idle() && !self.slots.is_empty() && self.slots.values().all(rests)
    }

    fn take(&mut self, now: i64, event: Event, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        match event {
            Event::Group(event) => self.take_group_event(event, effects),
            Event::Producer(made) => self.take_producer(now, made, effects)?,
            Event::Found(task, found) => self.take_found(now, task, found, effects)?,
            Event::Read(of, fetched) => self.take_read(now, of, fetched)?,
            Event::Restored(fetched) => self.take_restored(now, fetched, effects)?,
            Event::Committed(outcome) => self.take_committed(now, outcome, effects)?,
            Event::Flushed(outcome) => self.take_flushed(now, outcome, effects)?,
            Event::OffsetsCommitted(asked_at, outcome) => self.take_offsets_committed(now, asked_at, outcome, effects)?,
            Event::Confirmed(asked_at, outcome) => self.take_confirmed(now, asked_at, outcome, effects)?,
            Event::Contact(at) => self.contact.proven(at),
            Event::Sight(topic, seen) => self.take_sight(now, topic, seen, effects)?,
            Event::Ends(ends) => self.take_ends(&ends),
            Event::Sink(task, event) => self.take_sink_event(now, task, event, effects)?,
            Event::Inquiry(inquiry) => self.answer(inquiry),
            Event::Stop => (self.stopping, self.stop_by) = (true, now + STOP_PATIENCE_MS),
        }
        Ok(())
    }

    fn take_group_event(&mut self, event: GroupEvent, effects: &mut Vec<Effect>) {
        match event {
            GroupEvent::Assigned { partitions, identity } => {
                self.meet(identity);
                self.assign(&partitions, effects);
            }
            GroupEvent::Revoked { partitions, identity } => {
                self.meet(identity);
                self.releasing.extend(partitions);
            }
            GroupEvent::Lost { partitions } => self.lose(&partitions, effects),
            GroupEvent::Generation { identity } => self.meet(identity),
        }
    }

    fn take_read(&mut self, now: i64, of: ReaderOf, mut fetched: Fetched) -> Result<(), AppError> {
        let place = (of, fetched.partition.clone());
        let reader = self.slots.iter_mut().find(|(task, slot)| slot.reads(**task, &place));
        // What was fetched for a task that has just been let go of or sent elsewhere is nobody's; an error of it as well.
        let Some((_, slot)) = reader.filter(|_| !self.moved.contains(&place)) else { return Ok(()) };
        if let Some(error) = fetched.error.take() {
            return self.cannot_read(now, place, fetched.next, error);
        }
        self.unread.remove(&place);
        match slot {
            Slot::Running(task) => task.enqueue(fetched),
            Slot::Sink(sink) => {
                let mut done = sink.take(fetched);
                done.clear();
                self.spare.push(done);
            }
            Slot::Seeking | Slot::Restoring(_) => {}
        }
        Ok(())
    }

    /// Lets every running task work for a while; whether any has more to do.
    fn process(&mut self, now: i64) -> Result<bool, AppError> {
        let mut busy = false;
        if !self.may_work() {
            return Ok(busy);
        }
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            self.last_step.1 |= task.punctuate(now)?;
            let budget = self.search.allowance(self.budget);
            let done = task.process(now, budget)?;
            self.search.processed(done);
            self.status.processed(done);
            self.last_step.1 |= done > 0;
            busy |= done == budget;
            self.spare.extend(task.take_spare());
        }
        Ok(busy)
    }

    /// Records go out before the commit: in a transaction when there are many, so that the producer has work meanwhile; without one as soon
    /// as they are there, since nobody waits for the commit to read them.
    fn hand_over_early(&mut self, now: i64, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        if !self.commit.is_idle() || !self.producer.is_ready() {
            return Ok(());
        }
        let is_direct = self.plan.config.guarantee == Guarantee::AtLeastOnce;
        let flushes = is_direct && now >= self.next_flush;
        if flushes {
            self.next_flush = now + self.plan.config.flush_interval.as_millis() as i64;
        }
        let enough = if is_direct { 1 } else { HAND_OVER_BYTES };
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if flushes {
                task.flush_early(now)?;
            }
            if task.outbox_bytes() >= enough {
                self.transaction_since.get_or_insert(now);
                hand_over(task, &mut self.spare, effects);
            }
        }
        Ok(())
    }

    /// Pauses inputs that have enough waiting, resumes those that have room again.
    fn keep_flow(&mut self, effects: &mut Vec<Effect>) {
        let high = self.plan.config.buffered_records;
        for (id, slot) in &self.slots {
            match slot {
                Slot::Running(task) => task.queued().for_each(|(at, waiting)| {
                    pace(&mut self.paused, (ReaderOf::Tasks, at), waiting >= high, waiting <= high / 2, effects);
                }),
                Slot::Sink(sink) => {
                    let place = (ReaderOf::Sink(id.sub_topology), &sink.at);
                    pace(&mut self.paused, place, sink.is_full(), !sink.is_full(), effects);
                }
                Slot::Seeking | Slot::Restoring(_) => {}
            }
        }
        self.spare.truncate(SPARE_BUFFERS);
    }

    /// Steps that take longer than the commit interval would let commits come late and open transactions time out.
    fn adapt_budget(&mut self, now: i64) {
        let (began, was_busy) = std::mem::replace(&mut self.last_step, (now, false));
        let (took, interval) = (now - began, self.plan.config.commit_interval.as_millis() as i64);
        if was_busy && took > interval {
            self.budget = (self.budget / 2).max(1);
        } else if was_busy && took <= interval / 4 {
            self.budget = (self.budget * 2).min(BUDGET);
        }
    }

    /// An input is to be read from here on. A reader that is sent somewhere is not paused there.
    fn read(&mut self, of: ReaderOf, at: TopicPartition, offset: i64, effects: &mut Vec<Effect>) {
        self.paused.remove(&(of, at.clone()));
        self.unread.remove(&(of, at.clone()));
        self.moved.insert((of, at.clone()));
        effects.push(Effect::Read(of, at, StartAt::Offset(offset)));
    }

    /// Asks for positions that the log could not tell, for example because a transaction of the former owner was open.
    fn ask_again(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let due = |task: &TaskId, at: &mut i64| {
            now >= *at && {
                effects.push(Effect::LookUp(*task));
                true
            }
        };
        self.unanswered.extract_if(.., due).for_each(drop);
    }

    /// With nothing to commit now, only time can make work: an idle partition, a marker, a target to be asked again, a punctuation.
    fn next_deadline(&self, now: i64) -> i64 {
        let interval = self.plan.config.commit_interval.as_millis() as i64;
        let deadline = if self.next_commit > now { self.next_commit } else { now + interval.max(1) };
        let punctuation = self.tasks().filter_map(|task| task.next_punctuation()).min();
        punctuation.map_or(deadline, |at| deadline.min(at.max(now + 1)))
    }

    /// Buffers for readers.
    pub(crate) fn take_spare(&mut self) -> Vec<Records> {
        std::mem::take(&mut self.spare)
    }
}

impl Slot {
    fn reads(&self, task: TaskId, (of, at): &(ReaderOf, TopicPartition)) -> bool {
        match self {
            Slot::Running(running) => *of == ReaderOf::Tasks && running.queued().any(|(input, _)| input == at),
            Slot::Sink(sink) => *of == ReaderOf::Sink(task.sub_topology) && sink.at == *at,
            Slot::Seeking | Slot::Restoring(_) => false,
        }
    }
}

fn hand_over(task: &mut Task, spare: &mut Vec<Records>, effects: &mut Vec<Effect>) {
    task.hand_over(|to, records| {
        let full = std::mem::replace(records, spare.pop().unwrap_or_default());
        effects.push(Effect::Send(to.clone(), full));
    });
}

fn pace(
    paused: &mut BTreeSet<(ReaderOf, TopicPartition)>, (of, at): (ReaderOf, &TopicPartition), is_full: bool, has_room: bool,
    effects: &mut Vec<Effect>,
) {
    if !is_full && !has_room || is_full && has_room {
        return;
    }
    let place = (of, at.clone());
    if is_full && paused.insert(place.clone()) {
        effects.push(Effect::Pause(place.0, place.1));
    } else if has_room && paused.remove(&place) {
        effects.push(Effect::Resume(place.0, place.1));
    }
}
