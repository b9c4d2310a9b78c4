//! A look at the stored batches, for tools and for the recorded cases.

use super::{Isolation, LogError, Records, TopicPartition};

/// A log whose batches can be looked at.
pub trait Inspect: Send + Sync {
    /// The stored batches of a partition that hold something at `from` (the log start where absent) or above.
    fn dump(&self, at: &TopicPartition, isolation: Isolation, from: Option<i64>) -> Result<Dump, LogError>;
}

/// A partition as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    /// The first offset there may be.
    pub log_start: i64,
    /// The offset behind the last record.
    pub end: i64,
    /// The last stable offset.
    pub stable: i64,
    /// The batches, in order; under committed isolation those below the last stable offset.
    pub batches: Vec<DumpedBatch>,
    /// Under committed isolation: aborted transactions among them, as producer id and first offset.
    pub aborted: Vec<(i64, i64)>,
}

/// One stored batch.
#[derive(Debug, Clone, PartialEq)]
pub struct DumpedBatch {
    /// The first offset that it spans.
    pub first: i64,
    /// The last offset that it spans.
    pub last: i64,
    /// Who sent it.
    pub producer_id: Option<i64>,
    /// Whether it is part of a transaction.
    pub transactional: bool,
    /// Whether it is the marker that ends a transaction, and whether that commits.
    pub commits: Option<bool>,
    /// What is left of its records.
    pub records: Records,
}
