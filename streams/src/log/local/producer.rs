//! A producer with librdkafka's behaviour: its states, its queue, its sequences. It is called through in `producer/calls.rs`.

mod calls;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::host::Host;
use super::queue::Queue;
use crate::log::core::partition::Incoming;
use crate::log::core::produce::ProducerKey;
use crate::log::core::sequence::{Claim, advance};
use crate::log::core::settings::millis;
use crate::log::faults::Request;
use crate::log::{Delivery, ErrorCode, LogError, ProducerConfig, Records, Stored, Ticket, TopicPartition};

/// When so many bytes wait over all partitions, all is sent.
const MOST_WAITING_BYTES: usize = 32 << 20;

/// A producer of the embedded or the simulated log.
pub(crate) struct LocalProducer {
    host: Arc<Host>,
    config: ProducerConfig,
    state: State,
    key: Option<ProducerKey>,
    /// The next sequence of each partition.
    sequences: HashMap<TopicPartition, i32>,
    /// The partitions of the open transaction.
    added: HashSet<TopicPartition>,
    /// Whether offsets are part of the open transaction.
    has_offsets: bool,
    /// The sequences are out of step with the log; the next abort takes another epoch.
    needs_epoch: bool,
    /// Topics that were there once: what is missing of them is another error.
    known_topics: HashSet<Arc<str>>,
    queue: Queue,
    answered: Vec<Delivery>,
    next_ticket: u64,
}

/// Where a producer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Without transactions; sends always.
    Plain,
    /// Transactional, `init_transactions` has not been called.
    Fresh,
    Ready,
    Open,
    /// The transaction can only be aborted, because of this.
    Failed(LogError),
    /// Finished.
    Fenced,
}

impl LocalProducer {
    pub(crate) fn new(host: Arc<Host>, config: ProducerConfig) -> Self {
        let state = if config.transactional_id.is_some() { State::Fresh } else { State::Plain };
        Self {
            host,
            config,
            state,
            key: None,
            sequences: HashMap::new(),
            added: HashSet::new(),
            has_offsets: false,
            needs_epoch: false,
            known_topics: HashSet::new(),
            queue: Queue::default(),
            answered: Vec::new(),
            next_ticket: 0,
        }
    }

    fn enqueue(&mut self, to: &TopicPartition, records: &mut Records) -> Ticket {
        let now = self.host.clock.now_ms();
        records.stamp(now);
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let index = self.queue.push(to, records, ticket, now);
        if self.queue.bytes() >= MOST_WAITING_BYTES {
            self.transmit_all();
        } else if self.config.linger.is_zero() || self.queue.get(index).records.byte_len() >= self.config.batch_bytes {
            self.transmit(&[index]);
        }
        ticket
    }

    fn transmit_all(&mut self) {
        let all = self.queue.waiting();
        self.transmit(&all);
    }

    fn transmit_overdue(&mut self) {
        let before = self.host.clock.now_ms() - millis(self.config.linger);
        let overdue = self.queue.overdue(before);
        self.transmit(&overdue);
    }

    /// Sends what waits for these partitions. After a failed transaction it stays where it is: the abort throws it away.
    fn transmit(&mut self, indexes: &[usize]) {
        while matches!(self.state, State::Plain | State::Open) && indexes.iter().any(|index| !self.queue.is_answered(*index)) {
            if !self.send_next(indexes) {
                return; // Nobody knows: the same batches go out again, and the log knows them by their sequences.
            }
        }
        for index in indexes {
            if self.queue.is_answered(*index) {
                self.finish(*index);
            }
        }
        if self.state == State::Fenced {
            self.purge();
        }
    }

    /// Throws away what waits.
    fn purge(&mut self) {
        for index in self.queue.waiting() {
            self.finish(index);
        }
    }

    fn finish(&mut self, index: usize) {
        let unsent = LogError::new(ErrorCode::PurgeQueue, &self.queue.get(index).to);
        self.queue.finish(index, &unsent, &mut self.answered);
    }

    /// Sends the next batch of each partition in one request. Says whether there was an answer.
    fn send_next(&mut self, indexes: &[usize]) -> bool {
        let (places, batches) = match self.key() {
            Ok(key) => self.outgoing(key, indexes),
            Err(error) if error.is_retriable() => return false,
            Err(error) => {
                self.fail_all(indexes, &error);
                return true;
            }
        };
        match self.request(&places, batches) {
            Ok(outcomes) => {
                for (place, outcome) in places.into_iter().zip(outcomes) {
                    self.settle(place, outcome);
                }
            }
            Err(error) if error.is_retriable() => return false,
            Err(error) => self.fail_all(indexes, &error),
        }
        true
    }

    fn outgoing(&mut self, key: ProducerKey, indexes: &[usize]) -> (Vec<Outgoing>, Vec<Incoming>) {
        let mut all = (Vec::new(), Vec::new());
        for index in indexes {
            if self.queue.is_answered(*index) {
                continue;
            }
            let (start, end) = self.queue.next_batch(*index, self.config.batch_bytes);
            let slot = self.queue.get(*index);
            let first_sequence = self.sequences.get(&slot.to).copied().unwrap_or_default();
            let claim = Claim { epoch: key.1, first_sequence, count: end - start };
            let (entries, bytes) = slot.records.parts();
            all.1.push(Incoming::new(&entries[start..end], bytes, Some((key.0, claim)), self.state != State::Plain));
            let next_sequence = advance(first_sequence, end - start);
            all.0.push(Outgoing { index: *index, start, end, to: slot.to.clone(), next_sequence });
        }
        all
    }

    /// One outcome for each batch; in a transaction none behind the first failure.
    fn request(&self, places: &[Outgoing], batches: Vec<Incoming>) -> Result<Vec<Outcome>, LogError> {
        let name = self.config.transactional_id.as_deref();
        let owner = self.key.unwrap_or_default();
        let partitions: Vec<_> = places.iter().map(|place| place.to.clone()).collect();
        self.host.change(&Request::Produce { transactional_id: name, partitions: &partitions }, |broker, now| {
            let mut outcomes = Vec::with_capacity(batches.len());
            for (to, batch) in partitions.iter().zip(batches) {
                let joins = name.filter(|_| !self.added.contains(to));
                let added = joins.map_or(Ok(()), |name| broker.add_partitions(name, owner, std::slice::from_ref(to), now));
                let sent = added.map_err(Failure::Adding);
                let sent = sent.and_then(|()| broker.append(to, batch, name, now).map_err(Failure::Sending));
                outcomes.push(sent);
                if sent.is_err() && name.is_some() {
                    break;
                }
            }
            Ok(outcomes)
        })
    }

    /// Takes note of what became of a batch.
    fn settle(&mut self, place: Outgoing, outcome: Outcome) {
        let Outgoing { index, start, end, to, next_sequence } = place;
        let joined = self.state != State::Plain && !matches!(outcome, Err(Failure::Adding(_)));
        if joined && !self.added.contains(&to) {
            self.added.insert(to.clone());
        }
        let outcome = match outcome {
            Ok(stored) => {
                if !self.known_topics.contains(&to.topic) {
                    self.known_topics.insert(Arc::clone(&to.topic));
                }
                self.sequences.insert(to, next_sequence);
                Ok(stored)
            }
            Err(failure) => Err(self.refused(failure, to, next_sequence)),
        };
        self.queue.answer(index, start, end, &outcome);
    }

    /// An error of the storage: nothing that waits can be sent.
    fn fail_all(&mut self, indexes: &[usize], error: &LogError) {
        for index in indexes {
            let (start, end) = self.queue.unanswered(*index);
            self.queue.answer(*index, start, end, &Err(error.clone()));
        }
        if self.state == State::Open {
            self.state = State::Failed(error.clone().abortable());
        }
    }

    /// What a refusal leaves behind, and the error that the record is told.
    fn refused(&mut self, failure: Failure, to: TopicPartition, next_sequence: i32) -> LogError {
        let transactional = self.state != State::Plain;
        let code = match failure.code() {
            ErrorCode::UnknownTopicOrPartition if self.knows(&to) => ErrorCode::UnknownPartition,
            code => code,
        };
        let error = LogError::new(code, &to);
        match code {
            ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch | ErrorCode::InvalidProducerIdMapping => {
                self.state = State::Fenced;
                if matches!(failure, Failure::Adding(_)) {
                    return LogError::new(ErrorCode::PurgeQueue, &to);
                }
            }
            ErrorCode::OutOfOrderSequence if transactional => {
                self.needs_epoch = true;
                self.state = State::Failed(error.abortable());
                return LogError::new(ErrorCode::PurgeQueue, &to);
            }
            ErrorCode::OutOfOrderSequence => {
                // The log has forgotten this producer: it begins anew, under another id.
                self.key = None;
                self.sequences.clear();
            }
            _ if transactional => {
                // As in librdkafka the refused batch has used its sequence up: the next transaction fails here too.
                if matches!(failure, Failure::Sending(_)) && code != ErrorCode::UnknownPartition {
                    self.sequences.insert(to, next_sequence);
                }
                self.state = State::Failed(error.clone().abortable());
            }
            _ => {}
        }
        error
    }

    fn knows(&self, to: &TopicPartition) -> bool {
        let there = || self.host.look(&Request::Admin, |broker| Ok(broker.topics.contains_key(&to.topic))).unwrap_or_default();
        self.known_topics.contains(&to.topic) || there()
    }

    /// The producer id; a plain producer gets it with its first batch.
    fn key(&mut self) -> Result<ProducerKey, LogError> {
        if let Some(key) = self.key {
            return Ok(key);
        }
        let key = self.host.change(&Request::Init { transactional_id: None }, |broker, _| Ok(broker.init_producer()))?;
        self.key = Some(key);
        Ok(key)
    }
}

/// A batch on its way: where it lies in the queue and where it goes.
struct Outgoing {
    index: usize,
    start: usize,
    end: usize,
    to: TopicPartition,
    /// The sequence of the next batch, should this one use its own up.
    next_sequence: i32,
}

type Outcome = Result<Stored, Failure>;

/// Which of the two requests behind a send failed.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The partition could not be made part of the transaction; nothing was sent.
    Adding(ErrorCode),
    Sending(ErrorCode),
}

impl Failure {
    fn code(self) -> ErrorCode {
        match self {
            Failure::Adding(code) | Failure::Sending(code) => code,
        }
    }
}
