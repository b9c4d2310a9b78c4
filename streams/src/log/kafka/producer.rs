//! The producer of the Kafka binding.

mod book;
mod calls;

use super::error::{code_of, failed, of_delivery, passes};
use super::{KafkaConfig, tuning};
use crate::log::kafka_ffi::{Failure, Mark, Report, Sender};
use crate::log::{Delivery, ErrorCode, LogError, NO_OFFSET, ProducerConfig, Records, Ticket, TopicPartition};
use book::Book;
use std::time::{Duration, Instant};
use tracing::debug;

/// No call waits longer for a broker, so that a thread whose broker is away goes on with its group.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// While it waits, a call looks this often whether what it waits for has failed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A producer of a cluster.
pub(super) struct KafkaProducer {
    sender: Sender,
    config: ProducerConfig,
    /// The transactional id, or what stands for it in errors.
    name: String,
    phase: Phase,
    book: Book,
    /// Without transactions: a record that did not go because no broker took it in time.
    lost: Option<LogError>,
    /// Lent to each poll.
    reports: Vec<Report>,
    answered: Vec<Delivery>,
}

/// Where a producer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Without transactions; sends always.
    Plain,
    /// Transactional, `init_transactions` has not succeeded.
    Fresh,
    Ready,
    Open,
    /// The transaction can only be aborted, because of this.
    Failed(LogError),
    /// A commit was not answered in time: only the same call again can tell, or a new producer.
    Committing,
    /// An abort was not answered in time.
    Aborting,
    /// Nothing can be done with it any more, because of this.
    Finished(LogError),
}

impl KafkaProducer {
    pub(super) fn new(kafka: &KafkaConfig, config: ProducerConfig) -> Result<Self, LogError> {
        let sender = Sender::new(&tuning::producer(kafka, &config));
        let sender = sender.map_err(|failure| failed(&failure, "cannot make a producer"))?;
        let (name, phase) = match &config.transactional_id {
            Some(id) => (id.clone(), Phase::Fresh),
            None => ("a producer without transactions".to_owned(), Phase::Plain),
        };
        Ok(Self { sender, config, name, phase, book: Book::default(), lost: None, reports: Vec::new(), answered: Vec::new() })
    }

    /// Queues all records; while the queue is full it waits for deliveries.
    fn enqueue(&mut self, to: &TopicPartition, records: &Records) -> Ticket {
        let (ticket, until) = (self.book.open(to, records.len()), Instant::now() + CALL_LIMIT);
        let (mut first, mut has_asked) = (0, false);
        while first < records.len() {
            let (taken, outcome) = self.sender.send(to, records, ticket.0 as u32, first);
            first += taken;
            let Err(failure) = outcome else { break };
            match code_of(failure.code) {
                ErrorCode::QueueFull if Instant::now() < until => self.serve(LOOK_AGAIN),
                ErrorCode::UnknownPartition if !std::mem::replace(&mut has_asked, true) && self.has_grown(to) => {}
                _ => {
                    self.refuse(ticket, first, records.len(), &failure);
                    first = if self.phase == Phase::Plain { first + 1 } else { records.len() };
                }
            }
        }
        ticket
    }

    /// Whether brokers know a partition that the client does not: a topic may have grown, and the client looks every few minutes only.
    fn has_grown(&mut self, to: &TopicPartition) -> bool {
        let known = self.sender.partitions(&to.topic, CALL_LIMIT).unwrap_or_default();
        usize::try_from(to.partition).is_ok_and(|partition| partition < known)
    }

    /// A record was not even queued. In a transaction nothing behind it is sent either.
    fn refuse(&mut self, ticket: Ticket, index: usize, count: usize, failure: &Failure) {
        let behind = if self.phase == Phase::Plain { index + 1 } else { count };
        for index in index..behind {
            let mark = Mark { ticket: ticket.0 as u32, index: index as u32 };
            self.note(Report::new(mark, NO_OFFSET, failure.code));
        }
    }

    /// Takes note of what became of records.
    fn serve(&mut self, wait: Duration) {
        let mut reports = std::mem::take(&mut self.reports);
        self.sender.poll(wait, &mut reports);
        self.settle(reports);
    }

    fn settle(&mut self, mut reports: Vec<Report>) {
        for mut report in reports.drain(..) {
            report.code = of_delivery(report.code);
            self.note(report);
        }
        self.reports = reports;
        for trouble in self.sender.take_troubles() {
            debug!(producer = self.name, reason = trouble.text, "trouble with the cluster");
        }
        if !matches!(self.phase, Phase::Finished(_))
            && let Some(failure) = self.sender.fatal()
        {
            self.phase = Phase::Finished(failed(&failure, &self.name).fatal());
        }
    }

    fn note(&mut self, report: Report) {
        match self.phase {
            Phase::Open if report.code != 0 => self.note_failure(report),
            Phase::Plain if report.code != 0 => {
                let error = LogError::new(code_of(report.code), &self.name);
                self.lost = self.lost.take().or(passes(error.code()).then(|| error.retriable()));
            }
            _ => {}
        }
        self.book.note(report, &mut self.answered);
    }

    /// A record that is not stored ruins its transaction; the first one tells why.
    fn note_failure(&mut self, report: Report) {
        let at = self.book.place(report.mark()).map_or_else(|| self.name.clone(), ToString::to_string);
        match code_of(report.code) {
            ErrorCode::PurgeQueue | ErrorCode::PurgeInFlight | ErrorCode::Fatal => {}
            ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced | ErrorCode::InvalidProducerIdMapping | ErrorCode::ClientFenced => {
                self.phase = Phase::Finished(LogError::new(ErrorCode::ClientFenced, &self.name));
            }
            code => self.phase = Phase::Failed(LogError::new(code, at).abortable()),
        }
    }
}
