//! Carries effects out and gathers events: the one place where the runtime touches the log.
//!
//! It decides nothing. The shell of threads and the simulator both use it.

use super::event::{Effect, Event, Found};
use super::plan::Plan;
use super::sink_host::SinkHost;
use super::{AppError, Guarantee};
use crate::log::{
    Delivery, FetchLimit, GroupOffset, Isolation, Log, LogError, Member, MemberConfig, MemberIdentity, Producer, ProducerConfig, Reader,
    ReaderConfig, Records, Reset, StartAt, TopicPartition,
};
use crate::task::TaskId;
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, warn};

/// The clients of one stream thread.
pub(crate) struct Executor {
    plan: Arc<Plan>,
    log: Arc<dyn Log>,
    transactional_id: String,
    producer: Box<dyn Producer>,
    in_transaction: bool,
    /// A send or a call of the open transaction has failed; its commit must answer with that.
    failed: Option<LogError>,
    reader: Box<dyn Reader>,
    restorer: Box<dyn Reader>,
    restoring: usize,
    member: Box<dyn Member>,
    pub(crate) sinks: Box<dyn SinkHost>,
    fetched: Vec<crate::log::Fetched>,
    spoken: Vec<(TaskId, super::sink::SinkEvent)>,
}

impl Executor {
    /// Connects: the producer first, since making it ends the transaction of a dead predecessor.
    pub(crate) fn connect(plan: Arc<Plan>, log: Arc<dyn Log>, instance: &str, sinks: Box<dyn SinkHost>) -> Result<Self, AppError> {
        let transactional_id = format!("{}-{instance}", plan.application_id);
        let producer = make_producer(&plan, &*log, &transactional_id)?;
        let reading = |isolation| ReaderConfig { isolation, group: None, reset: Reset::Error };
        let member = log.member(MemberConfig {
            group: plan.application_id.to_string(),
            topics: plan.anchors(),
            session_timeout: plan.config.session_timeout,
            instance_id: plan.config.instance_id.clone(),
            ..MemberConfig::default()
        });
        Ok(Executor {
            transactional_id,
            producer,
            in_transaction: false,
            failed: None,
            reader: log.reader(reading(Isolation::Committed)).map_err(AppError::log("cannot make a reader"))?,
            restorer: log.reader(reading(Isolation::Committed)).map_err(AppError::log("cannot make a reader for restores"))?,
            restoring: 0,
            member: member.map_err(AppError::log("cannot join the group"))?,
            sinks,
            fetched: Vec::new(),
            spoken: Vec::new(),
            plan,
            log,
        })
    }

    /// Collects what has happened; waits for records at most this long.
    pub(crate) fn gather(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<(), AppError> {
        events.extend(self.member.poll().map_err(AppError::log("lost touch with the group"))?.into_iter().map(Event::Group));
        self.sinks.poll(&mut self.spoken);
        events.extend(self.spoken.drain(..).map(|(task, event)| Event::Sink(task, event)));
        if self.restoring > 0 {
            self.restorer.poll(FetchLimit::default(), Duration::ZERO, &mut self.fetched).map_err(AppError::log("cannot restore"))?;
            events.extend(self.fetched.drain(..).map(Event::Restored));
        }
        let wait = if events.is_empty() { wait } else { Duration::ZERO };
        self.reader.poll(FetchLimit::default(), wait, &mut self.fetched).map_err(AppError::log("cannot read"))?;
        events.extend(self.fetched.drain(..).map(Event::Read));
        Ok(())
    }

    /// Carries one effect out; its answer, if there is one, goes to the events.
    pub(crate) fn execute(&mut self, effect: Effect, events: &mut Vec<Event>) -> Result<(), AppError> {
        match effect {
            Effect::LookUp(task) => events.push(Event::Found(task, self.look_up(task)?)),
            Effect::Read(at, start) => self.reader.assign(&at, start),
            Effect::StopReading(at) => self.reader.unassign(&at),
            Effect::Pause(at) => self.reader.pause(&at),
            Effect::Resume(at) => self.reader.resume(&at),
            Effect::Restore(at, from) => {
                self.restoring += 1;
                self.restorer.assign(&at, StartAt::Offset(from));
            }
            Effect::StopRestoring(at) => {
                self.restoring -= 1;
                self.restorer.unassign(&at);
            }
            Effect::Send(to, mut records) => {
                self.send(&to, &mut records);
                records.clear();
                self.reader.recycle(records);
            }
            Effect::Commit(offsets, identity) => events.push(Event::Committed(self.commit(&offsets, &identity))),
            Effect::Flush => events.push(Event::Flushed(self.flush())),
            Effect::CommitOffsets(offsets, identity) => {
                let outcome = self.log.admin().commit_offsets(&self.plan.application_id, &offsets, &identity);
                events.push(Event::OffsetsCommitted(outcome));
            }
            Effect::Abort => self.abort()?,
            Effect::Purge(at, below) => self.purge(&at, below),
            Effect::Sink(task, command) => self.sinks.submit(task, command),
            Effect::Released(anchors) => {
                self.member.released(&anchors).map_err(AppError::log("cannot give partitions back to the group"))?
            }
            Effect::Leave => self.member.leave().map_err(AppError::log("cannot leave the group"))?,
        }
        Ok(())
    }

    /// Buffers that readers may fill again.
    pub(crate) fn recycle(&mut self, spare: Vec<Records>) {
        spare.into_iter().for_each(|records| self.reader.recycle(records));
    }

    fn look_up(&self, task: TaskId) -> Result<Found, AppError> {
        let admin = self.log.admin();
        let ends = |at: &TopicPartition| admin.ends(at).map_err(AppError::log(format!("cannot ask for the ends of {at}")));
        let inputs = self.plan.inputs(task);
        let committed = admin.committed(&self.plan.application_id, &inputs, true);
        let committed = committed.map_err(AppError::log(format!("cannot ask for the committed offsets of task {task}")))?;
        let inputs = inputs.into_iter().zip(committed).map(|(at, committed)| Ok((at.clone(), committed, ends(&at)?)));
        let inputs = inputs.collect::<Result<_, AppError>>()?;
        let changelogs = self.plan.changelogs(task).iter().map(|changelog| ends(&changelog.at)).collect::<Result<_, _>>()?;
        Ok(Found { inputs, changelogs })
    }

    /// A failure shows when the commit comes: until then the task need not know.
    fn send(&mut self, to: &TopicPartition, records: &mut Records) {
        if self.failed.is_none()
            && let Err(error) = self.try_send(to, records)
        {
            self.failed = Some(error);
        }
    }

    fn try_send(&mut self, to: &TopicPartition, records: &mut Records) -> Result<(), LogError> {
        self.begin()?;
        self.producer.send(to, records).map(drop)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if !self.in_transaction && self.plan.config.guarantee == Guarantee::ExactlyOnce {
            self.producer.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[GroupOffset], identity: &MemberIdentity) -> Result<Vec<Delivery>, LogError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.begin()?;
        self.producer.send_offsets(&self.plan.application_id, offsets, identity)?;
        self.producer.commit()?;
        self.in_transaction = false;
        Ok(self.deliveries())
    }

    fn flush(&mut self) -> Result<Vec<Delivery>, LogError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.producer.flush()?;
        Ok(self.deliveries())
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        self.producer.deliveries(&mut deliveries);
        deliveries
    }

    /// Ends the transaction; a producer that cannot go on, or whose last outcome is unknown, is made anew.
    fn abort(&mut self) -> Result<(), AppError> {
        self.failed = None;
        let was_open = std::mem::take(&mut self.in_transaction);
        if was_open && let Err(error) = self.producer.abort() {
            debug!(%error, "abort refused");
        }
        let refused = self.deliveries().iter().any(|delivery| delivery.outcome.is_err());
        debug!(was_open, refused, "producer is made anew after an abort");
        self.producer = make_producer(&self.plan, &*self.log, &self.transactional_id)?;
        Ok(())
    }

    fn purge(&self, at: &TopicPartition, below: i64) {
        if let Err(error) = self.log.admin().delete_records(at, Some(below)) {
            warn!(%at, below, %error, "repartition topic not purged");
        }
    }
}

fn make_producer(plan: &Plan, log: &dyn Log, transactional_id: &str) -> Result<Box<dyn Producer>, AppError> {
    let is_transactional = plan.config.guarantee == Guarantee::ExactlyOnce;
    let config = ProducerConfig { transactional_id: is_transactional.then(|| transactional_id.to_owned()), ..ProducerConfig::default() };
    let mut producer = log.producer(config).map_err(AppError::log("cannot make a producer"))?;
    if is_transactional {
        producer.init_transactions().map_err(AppError::log(format!("cannot take the transactional id {transactional_id} over")))?;
    }
    Ok(producer)
}
