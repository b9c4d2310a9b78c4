//! Carries effects out and gathers events: the one place where the runtime touches the log.
//!
//! It decides nothing. The shell of threads and the simulator both use it.

use super::event::{Effect, Event, Found, ReaderOf, Sight};
use super::global_reader::GlobalReader;
use super::outage::Outages;
use super::plan::Plan;
use super::queries;
use super::sink_host::SinkHost;
use super::strangers::Strangers;
use super::worker::NO_CONTACT;
use super::{AppError, Guarantee};
use crate::log::{
    Delivery, ErrorCode, FetchLimit, GroupEvent, GroupOffset, Isolation, Log, LogError, Member, MemberConfig, MemberIdentity, Producer,
    ProducerConfig, Reader, ReaderConfig, Records, Reset, StartAt, TopicPartition,
};
use crate::task::TaskId;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, warn};

/// So long the log may take to say where inputs end. Nothing but time waits for it, and the thread has other work.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// What the group's answer to a commit, asked for at this time, is to the worker.
type Answer = fn(i64, Result<(), LogError>) -> Event;

/// The clients of one stream thread.
pub(crate) struct Executor {
    plan: Arc<Plan>,
    log: Arc<dyn Log>,
    transactional_id: String,
    /// None while one is being made.
    producer: Option<Box<dyn Producer>>,
    in_transaction: bool,
    /// A send or a call of the open transaction has failed; its commit must answer with that.
    failed: Option<LogError>,
    reader: Box<dyn Reader>,
    sink_readers: BTreeMap<u32, Box<dyn Reader>>,
    restorer: Box<dyn Reader>,
    restoring: usize,
    member: Box<dyn Member>,
    /// The group has taken us for a member after this time (wall time in milliseconds), for all that we know.
    contact: i64,
    last_gather: i64,
    /// Commits of positions that the group has not answered: when they were asked for, and what their answers are to the worker.
    asked: VecDeque<(i64, Answer)>,
    outages: Outages,
    strangers: Strangers,
    /// None where the topology has no global tables.
    globals: Option<GlobalReader>,
    pub(crate) sinks: Box<dyn SinkHost>,
    delivered: Vec<Delivery>,
    fetched: Vec<crate::log::Fetched>,
    spoken: Vec<(TaskId, super::sink::SinkEvent)>,
}

impl Executor {
    /// Makes the clients; none of them has spoken with the log yet.
    pub(crate) fn connect(plan: Arc<Plan>, log: Arc<dyn Log>, instance: &str, sinks: Box<dyn SinkHost>) -> Result<Self, AppError> {
        let transactional_id = format!("{}-{instance}", plan.application_id);
        let member = log.member(MemberConfig {
            group: plan.application_id.to_string(),
            topics: plan.anchors(),
            session_timeout: plan.config.session_timeout,
            rebalance_timeout: plan.config.rebalance_timeout,
            instance_id: plan.config.instance_id.clone(),
            policy: plan.config.policy,
            client_id: plan.config.advertised_address.as_deref().map(queries::client_id_of),
        });
        Ok(Executor {
            transactional_id,
            producer: None,
            in_transaction: false,
            failed: None,
            reader: make_reader(&*log)?,
            sink_readers: BTreeMap::new(),
            restorer: make_reader(&*log)?,
            restoring: 0,
            member: member.map_err(AppError::log("cannot join the group"))?,
            contact: NO_CONTACT,
            last_gather: NO_CONTACT,
            asked: VecDeque::new(),
            outages: Outages::default(),
            strangers: Strangers::default(),
            globals: if plan.globals.is_empty() { None } else { Some(GlobalReader::new(make_reader(&*log)?)) },
            sinks,
            delivered: Vec::new(),
            fetched: Vec::new(),
            spoken: Vec::new(),
            plan,
            log,
        })
    }

    /// Collects what has happened; waits for records at most this long.
    pub(crate) fn gather(&mut self, now: i64, wait: Duration, events: &mut Vec<Event>) -> Result<(), AppError> {
        if let Some(globals) = &mut self.globals
            && !globals.poll(now, &self.plan, &*self.log, &mut self.outages)?
        {
            // Before tables are complete nothing is to be joined with them, so the group need not know of us.
            return Ok(());
        }
        let heard = self.member.poll();
        if self.strangers.hold(now, &self.plan.application_id, &heard) {
            self.strangers.check(now, &self.plan.application_id, self.plan.config.start_patience)?;
        } else if let Some(news) = self.outages.bridge(now, "the group", heard)? {
            let speaks = !news.is_empty();
            news.iter().for_each(|event| self.take_contact(event));
            events.extend(news.into_iter().map(Event::Group));
            events.extend(speaks.then_some(Event::Contact(self.contact)));
            self.last_gather = now;
        }
        // Behind the news, which tell as whom the questions were asked.
        self.take_commits(now, events);
        // This drives the sending, too: what still waits in the producer of a process that was stopped must not go out.
        if self.check_contact(now).is_ok()
            && let Some(producer) = &mut self.producer
        {
            producer.deliveries(&mut self.delivered);
        }
        self.sinks.poll(&mut self.spoken);
        events.extend(self.spoken.drain(..).map(|(task, event)| Event::Sink(task, event)));
        if self.restoring > 0 {
            let read = self.restorer.poll(FetchLimit::default(), Duration::ZERO, &mut self.fetched);
            self.outages.bridge(now, "changelogs", read)?;
            events.extend(self.fetched.drain(..).map(Event::Restored));
        }
        for (sink, reader) in &mut self.sink_readers {
            let read = reader.poll(FetchLimit::default(), Duration::ZERO, &mut self.fetched);
            self.outages.bridge(now, "the inputs of sinks", read)?;
            events.extend(self.fetched.drain(..).map(|fetched| Event::Read(ReaderOf::Sink(*sink), fetched)));
        }
        let wait = if events.is_empty() { wait } else { Duration::ZERO };
        let read = self.reader.poll(FetchLimit::default(), wait, &mut self.fetched);
        self.outages.bridge(now, "inputs", read)?;
        events.extend(self.fetched.drain(..).map(|fetched| Event::Read(ReaderOf::Tasks, fetched)));
        Ok(())
    }

    /// Carries one effect out at wall time `now` (milliseconds); its answer, if there is one, goes to the events.
    pub(crate) fn execute(&mut self, now: i64, effect: Effect, events: &mut Vec<Event>) -> Result<(), AppError> {
        match effect {
            Effect::LookUp(task) => {
                let found = self.look_up(task);
                self.outages.note(now, "committed positions", &found);
                events.push(Event::Found(task, found));
            }
            Effect::Read(of, at, start) => self.reader_of(of)?.assign(&at, start),
            Effect::StopReading(of, at) => self.reader_of(of)?.unassign(&at),
            Effect::Pause(of, at) => self.reader_of(of)?.pause(&at),
            Effect::Resume(of, at) => self.reader_of(of)?.resume(&at),
            Effect::Restore(at, from) => {
                self.restoring += 1;
                self.restorer.assign(&at, StartAt::Offset(from));
            }
            Effect::StopRestoring(at) => {
                self.restoring -= 1;
                self.restorer.unassign(&at);
            }
            Effect::Send(to, mut records) => {
                self.send(now, &to, &mut records);
                records.clear();
                self.reader.recycle(records);
            }
            Effect::Commit(offsets, identity) => events.push(Event::Committed(self.commit(&offsets, &identity))),
            Effect::Flush => events.push(Event::Flushed(self.flush(now))),
            Effect::CommitOffsets(offsets, identity) => self.commit_positions(now, &offsets, &identity, Event::OffsetsCommitted, events),
            Effect::Confirm(offsets, identity) => self.commit_positions(now, &offsets, &identity, Event::Confirmed, events),
            Effect::Abort => self.abort(),
            Effect::MakeProducer => {
                let made = self.make_producer();
                self.outages.note(now, "a producer", &made);
                events.push(Event::Producer(made));
            }
            Effect::Purge(at, below) => self.purge(&at, below),
            Effect::Look(topic, ends_of) => {
                let seen = self.look(&topic, &ends_of);
                self.outages.note(now, "what becomes of the topics", &seen);
                events.push(Event::Sight(topic, seen));
            }
            Effect::AskEnds(inputs) => events.push(Event::Ends(self.ends(now, &inputs))),
            Effect::Replan(plan) => self.plan = plan,
            Effect::Sink(task, command) => self.sinks.submit(task, command),
            Effect::Released(anchors) => {
                self.member.released(&anchors).map_err(AppError::log("cannot give partitions back to the group"))?
            }
            // The group notices within the session timeout, too.
            Effect::Leave => self.member.leave().unwrap_or_else(|error| warn!(%error, "cannot tell the group that we leave")),
        }
        Ok(())
    }

    /// Buffers that readers may fill again.
    pub(crate) fn recycle(&mut self, spare: Vec<Records>) {
        spare.into_iter().for_each(|records| self.reader.recycle(records));
    }

    fn reader_of(&mut self, of: ReaderOf) -> Result<&mut dyn Reader, AppError> {
        let ReaderOf::Sink(sink) = of else { return Ok(&mut *self.reader) };
        Ok(&mut **match self.sink_readers.entry(sink) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(make_reader(&*self.log)?),
        })
    }

    fn look_up(&self, task: TaskId) -> Result<Found, LogError> {
        let admin = self.log.admin();
        let inputs = self.plan.inputs(task);
        let committed = admin.committed(&self.plan.application_id, &inputs, true)?;
        let inputs = inputs.into_iter().zip(committed).map(|(at, committed)| Ok((at.clone(), committed, admin.ends(&at)?)));
        let inputs = inputs.collect::<Result<_, LogError>>()?;
        let changelogs = self.plan.changelogs(task).iter().map(|changelog| admin.ends(&changelog.at)).collect::<Result<_, _>>()?;
        Ok(Found { inputs, changelogs })
    }

    fn look(&self, topic: &str, ends_of: &[TopicPartition]) -> Result<Sight, LogError> {
        let admin = self.log.admin();
        let topic = admin.describe_topic(topic)?.map(|found| (found.partitions, found.topic_id));
        let ends = ends_of.iter().map(|at| Ok((at.clone(), admin.ends(at)?.latest))).collect::<Result<_, LogError>>()?;
        Ok(Sight { topic, ends, unread: self.unread()? })
    }

    /// Topics that were made since the start and would be read after another one.
    fn unread(&self) -> Result<Vec<Arc<str>>, LogError> {
        let plan = &self.plan;
        if !plan.topology.has_patterns() {
            return Ok(Vec::new());
        }
        let mut topics = self.log.admin().topics()?;
        topics.retain(|topic| !plan.topics.contains_key(topic) && plan.topology.would_read(topic, &plan.application_id));
        Ok(topics)
    }

    fn ends(&mut self, now: i64, inputs: &[TopicPartition]) -> Vec<(TopicPartition, i64)> {
        let answer = self.log.admin().latest(inputs, ANSWERED_WITHIN);
        self.outages.note(now, "the ends of inputs", &answer);
        answer.unwrap_or_default()
    }

    /// A failure shows when the commit comes: until then the task need not know.
    fn send(&mut self, now: i64, to: &TopicPartition, records: &mut Records) {
        if self.failed.is_none()
            && let Err(error) = self.try_send(now, to, records)
        {
            self.failed = Some(error);
        }
    }

    fn try_send(&mut self, now: i64, to: &TopicPartition, records: &mut Records) -> Result<(), LogError> {
        self.check_contact(now)?;
        self.begin()?;
        self.producer()?.send(to, records).map(drop)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if !self.in_transaction && self.plan.config.guarantee == Guarantee::ExactlyOnce {
            self.producer()?.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[GroupOffset], identity: &MemberIdentity) -> Result<Vec<Delivery>, LogError> {
        if let Some(error) = self.failed.take() {
            // After a refusal every further send only hears that it does not belong there: the producer still knows why.
            return Err(self.producer()?.flush().err().unwrap_or(error));
        }
        self.begin()?;
        let group = self.plan.application_id.clone();
        let producer = self.producer()?;
        producer.send_offsets(&group, offsets, identity)?;
        producer.commit()?;
        self.in_transaction = false;
        Ok(self.deliveries())
    }

    fn flush(&mut self, now: i64) -> Result<Vec<Delivery>, LogError> {
        self.check_contact(now)?;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.producer()?.flush()?;
        Ok(self.deliveries())
    }

    /// A commit outside of a transaction. The answer comes with what is gathered.
    fn commit_positions(&mut self, now: i64, offsets: &[GroupOffset], identity: &MemberIdentity, answer: Answer, events: &mut Vec<Event>) {
        if offsets.is_empty() {
            // Without tasks there is nothing that anybody else could write in our place.
            events.push(answer(now, Ok(())));
            return;
        }
        self.member.commit(offsets, identity);
        self.asked.push_back((now, answer));
    }

    /// An answer of success is contact with the group, as of the time before the question.
    fn take_commits(&mut self, now: i64, events: &mut Vec<Event>) {
        while let Some(outcome) = self.member.committed() {
            let Some((asked_at, answer)) = self.asked.pop_front() else { return };
            self.outages.note(now, "commits of positions", &outcome);
            if outcome.is_ok() {
                self.contact = self.contact.max(asked_at);
            }
            events.push(answer(asked_at, outcome));
        }
    }

    /// An event with an identity comes of an answer of the group that was not there when it was asked before.
    fn take_contact(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::Lost { .. } => self.contact = NO_CONTACT,
            GroupEvent::Assigned { .. } | GroupEvent::Generation { .. } => self.contact = self.contact.max(self.last_gather),
            GroupEvent::Revoked { .. } => {}
        }
    }

    /// A process that was stopped for longer than its session may have a successor: see `worker/contact.rs`.
    fn check_contact(&self, now: i64) -> Result<(), LogError> {
        let trusted = self.plan.config.session_timeout.as_millis() as i64 * 2 / 3;
        if self.plan.config.guarantee == Guarantee::AtLeastOnce && now - self.contact >= trusted {
            return Err(LogError::new(ErrorCode::UnknownMemberId, "the group was not heard of for too long"));
        }
        Ok(())
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        if let Some(producer) = &mut self.producer {
            producer.deliveries(&mut self.delivered);
        }
        std::mem::take(&mut self.delivered)
    }

    fn producer(&mut self) -> Result<&mut Box<dyn Producer>, LogError> {
        self.producer.as_mut().ok_or_else(|| LogError::new(ErrorCode::State, "there is no producer now"))
    }

    /// Ends the transaction, so that nobody has to wait until it times out.
    fn abort(&mut self) {
        self.failed = None;
        let was_open = std::mem::take(&mut self.in_transaction);
        if was_open
            && let Some(producer) = &mut self.producer
            && let Err(error) = producer.abort()
        {
            debug!(%error, "abort refused");
        }
        self.producer = None;
    }

    /// The old one goes first, with all that it holds. One whose last outcome is unknown must not be used again: a late answer could
    /// meet its next transaction.
    fn make_producer(&mut self) -> Result<(), LogError> {
        (self.producer, self.failed, self.in_transaction) = (None, None, false);
        self.delivered.clear();
        let is_transactional = self.plan.config.guarantee == Guarantee::ExactlyOnce;
        let transactional_id = is_transactional.then(|| self.transactional_id.clone());
        // Without transactions it bounds how late a record may still arrive: not after the session.
        let longest = if is_transactional { self.plan.config.transaction_timeout } else { self.plan.config.session_timeout };
        let mut producer = self.log.producer(ProducerConfig {
            transactional_id,
            transaction_timeout: longest,
            linger: self.plan.config.linger,
            ..ProducerConfig::default()
        })?;
        if is_transactional {
            producer.init_transactions()?;
        }
        self.producer = Some(producer);
        Ok(())
    }

    fn purge(&self, at: &TopicPartition, below: i64) {
        if let Err(error) = self.log.admin().delete_records(at, Some(below)) {
            warn!(%at, below, %error, "repartition topic not purged");
        }
    }
}

fn make_reader(log: &dyn Log) -> Result<Box<dyn Reader>, AppError> {
    let config = ReaderConfig { isolation: Isolation::Committed, group: None, reset: Reset::Error };
    log.reader(config).map_err(AppError::log("cannot make a reader"))
}
