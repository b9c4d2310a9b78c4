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
            self.transmit(index);
        }
        ticket
    }

    fn transmit_all(&mut self) {
        for index in self.queue.waiting() {
            self.transmit(index);
        }
    }

    fn transmit_overdue(&mut self) {
        let before = self.host.clock.now_ms() - millis(self.config.linger);
        for index in self.queue.overdue(before) {
            self.transmit(index);
        }
    }

    /// Sends what waits for one partition. After a failed transaction it stays where it is: the abort throws it away.
    fn transmit(&mut self, index: usize) {
        while matches!(self.state, State::Plain | State::Open) && !self.queue.is_answered(index) {
            let (start, end) = self.queue.next_batch(index, self.config.batch_bytes);
            let outcome = self.send_batch(index, start, end);
            if outcome.as_ref().is_err_and(LogError::is_retriable) {
                return; // Nobody knows: the same batch goes out again, and the log knows it by its sequence.
            }
            self.queue.answer(index, start, end, &outcome);
        }
        if self.queue.is_answered(index) {
            self.finish(index);
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

    fn send_batch(&mut self, index: usize, start: usize, end: usize) -> Result<Stored, LogError> {
        let key = self.key()?;
        let slot = self.queue.get(index);
        let to = slot.to.clone();
        let first_sequence = self.sequences.get(&to).copied().unwrap_or_default();
        let claim = Claim { epoch: key.1, first_sequence, count: end - start };
        let (entries, bytes) = slot.records.parts();
        let name = self.config.transactional_id.clone();
        let batch = Incoming::new(&entries[start..end], bytes, Some((key.0, claim)), name.is_some());
        let is_new = name.is_some() && !self.added.contains(&to);
        let request = Request::Produce { transactional_id: name.as_deref(), to: &to };
        let sent = self.host.change(&request, |broker, now| {
            if let Some(name) = name.as_deref().filter(|_| is_new)
                && let Err(code) = broker.add_partitions(name, key, std::slice::from_ref(&to), now)
            {
                return Ok(Err(Failure::Adding(code)));
            }
            Ok(broker.append(&to, batch, name.as_deref(), now).map_err(Failure::Sending))
        });
        let sent = sent.map_err(|error| self.unanswered(error))?;
        if !matches!(sent, Err(Failure::Adding(_))) {
            self.added.insert(to.clone());
        }
        match sent {
            Ok(stored) => {
                self.known_topics.insert(Arc::clone(&to.topic));
                self.sequences.insert(to, advance(first_sequence, end - start));
                Ok(stored)
            }
            Err(failure) => Err(self.refused(failure, to, advance(first_sequence, end - start))),
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

    /// An error of the storage or of the way to it.
    fn unanswered(&mut self, error: LogError) -> LogError {
        if !error.is_retriable() && self.state == State::Open {
            self.state = State::Failed(error.clone().abortable());
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
