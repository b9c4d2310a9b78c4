//! Sending records, idempotent always, in transactions where wanted.

use std::time::Duration;

use super::{ErrorCode, LogError, MemberIdentity, Records, TopicPartition};

/// Sends records and tells later what became of them.
///
/// Errors of transactional calls say what comes next: [`LogError::is_retriable`] the same call again,
/// [`LogError::requires_abort`] an abort, [`LogError::is_fatal`] or none of them a new producer.
pub trait Producer: Send {
    /// Takes the transactional id over: whoever has it is fenced, its open transaction aborted. Called once, first.
    fn init_transactions(&mut self) -> Result<(), LogError>;

    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), LogError>;

    /// Queues records for one partition and leaves `records` empty, with memory to fill again. One ticket, one [`Delivery`].
    fn send(&mut self, to: &TopicPartition, records: &mut Records) -> Result<Ticket, LogError>;

    /// Sends what is queued and waits until each send has its delivery. Refusals are told there, not here.
    fn flush(&mut self) -> Result<(), LogError>;

    /// Adds to `out` what became of sends since the last call. Drives the sending, so call it regularly.
    fn deliveries(&mut self, out: &mut Vec<Delivery>);

    /// Makes offsets of a group part of the transaction. Those of nobody are refused, unless [`ProducerConfig::offsets_from_outside`] admits them.
    fn send_offsets(&mut self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError>;

    /// Sends what is queued and commits.
    fn commit(&mut self) -> Result<(), LogError>;

    /// Throws away what is queued (each send is told so) and aborts.
    fn abort(&mut self) -> Result<(), LogError>;
}

/// How a producer is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// Its transactional id; without one it has no transactions.
    pub transactional_id: Option<String>,
    /// After this time the log aborts an open transaction by itself.
    pub transaction_timeout: Duration,
    /// How long sends are gathered before they go out; zero sends at once. A flush, a commit and a full batch do not wait.
    pub linger: Duration,
    /// The most bytes that go out as one batch (Kafka: `message.max.bytes` of the client).
    pub batch_bytes: usize,
    /// Whether offsets may come from outside of their group. A log takes these from anybody at any time, so it is the transactional id alone
    /// that fences them: right for who shares out partitions without a group, with one id for each share. Else they are refused, since a
    /// member that was thrown out would commit over its successor.
    pub offsets_from_outside: bool,
}

impl ProducerConfig {
    /// Refuses offsets that no group fences, unless they are wanted.
    pub(super) fn check_fence(&self, group: &str, member: &MemberIdentity) -> Result<(), LogError> {
        let is_member = member.generation >= 0 && !member.member_id.is_empty();
        if is_member || self.offsets_from_outside {
            return Ok(());
        }
        let at = format_args!("offsets of {group} from nobody: commit as its member, or set `offsets_from_outside`");
        Err(LogError::new(ErrorCode::UnknownMemberId, at).abortable())
    }
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            transactional_id: None,
            transaction_timeout: Duration::from_secs(10),
            linger: Duration::from_millis(5),
            batch_bytes: 1_000_000,
            offsets_from_outside: false,
        }
    }
}

/// Names one [`Producer::send`] of one producer, counted up from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What became of one send, all its records together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which send.
    pub ticket: Ticket,
    /// Where to.
    pub to: TopicPartition,
    /// Stored, or not.
    pub outcome: Result<Stored, Refused>,
}

/// Where the records of a send stand. They stand without a gap exactly when `last - first + 1` is their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The offset of the first.
    pub first: i64,
    /// The offset of the last.
    pub last: i64,
}

/// Why a send was not stored, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The place in the send of the first record that was not stored; where the log names no culprit of a refused batch, the batch's first.
    pub index: usize,
    /// Why.
    pub error: LogError,
}

/// One group's offset for one partition: the next record to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The partition.
    pub at: TopicPartition,
    /// The next record to read.
    pub offset: i64,
    /// The reader's own words, at most 4096 UTF-16 units.
    pub metadata: String,
}
