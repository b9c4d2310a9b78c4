//! Reading partitions by manual assignment.

use std::time::Duration;

use super::{LogError, Records, TopicPartition};

/// Reads the partitions it is told, from the places it is told.
pub trait Reader: Send {
    /// Reads this partition too, from `start`; if it was assigned already, it is put there anew.
    fn assign(&mut self, at: &TopicPartition, start: StartAt);

    /// Reads this partition no longer and forgets what was fetched of it.
    fn unassign(&mut self, at: &TopicPartition);

    /// Fetches nothing of this partition until [`resume`](Reader::resume).
    fn pause(&mut self, at: &TopicPartition);

    /// Fetches this partition again.
    fn resume(&mut self, at: &TopicPartition);

    /// The next offset to be given out; none while it is not known yet.
    fn position(&self, at: &TopicPartition) -> Option<i64>;

    /// Adds what is there to `out`, fairly over the partitions, and waits at most `wait` while there is nothing to tell.
    ///
    /// A partition is told of when it has records, when its position moved, when it reached its end since it last had records
    /// (or since it was assigned), or when it has an error. An error of the whole reader is the result.
    fn poll(&mut self, limit: FetchLimit, wait: Duration, out: &mut Vec<Fetched>) -> Result<(), LogError>;

    /// Gives records back whose memory may be used for later fetches.
    fn recycle(&mut self, records: Records);
}

/// How a reader is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderConfig {
    /// What open and aborted transactions show.
    pub isolation: Isolation,
    /// The group whose committed offsets [`StartAt::Committed`] means.
    pub group: Option<String>,
    /// What happens when a position is outside the log, or when nothing was committed.
    pub reset: Reset,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self { isolation: Isolation::Committed, group: None, reset: Reset::Error }
    }
}

/// What of transactions is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Committed records up to the last stable offset (Kafka: `read_committed`).
    Committed,
    /// All records up to the end (Kafka: `read_uncommitted`).
    Uncommitted,
}

/// Where reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartAt {
    /// At this offset.
    Offset(i64),
    /// At the first record there is.
    Earliest,
    /// At the end that the isolation shows.
    Latest,
    /// Where the group's committed offset says; without one, where the reset policy says.
    Committed,
}

/// What to do with a position outside the log (Kafka: `auto.offset.reset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reset {
    /// Report `_AUTO_OFFSET_RESET`.
    Error,
    /// Go to the first record.
    Earliest,
    /// Go to the end.
    Latest,
}

/// How much one poll may give out, over all partitions. At least one record is given out, however large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimit {
    /// Records.
    pub records: usize,
    /// Bytes of keys, headers and values.
    pub bytes: usize,
}

impl Default for FetchLimit {
    fn default() -> Self {
        Self { records: 10_000, bytes: 4 << 20 }
    }
}

/// What one poll found in one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// Where.
    pub partition: TopicPartition,
    /// The records, maybe none. Give them back with [`Reader::recycle`].
    pub records: Records,
    /// The position behind them; it passes transaction markers and aborted records.
    pub next: i64,
    /// Whether everything was read that the isolation shows now.
    pub at_end: bool,
    /// Why this partition cannot be read on.
    pub error: Option<LogError>,
}
