//! Segments: the pieces in which retention deletes and compaction works. Only their figures; the batches stand under their own keys.

use super::codec::{Decoder, Encoder};
use super::config::TopicConfig;
use crate::log::LogError;

/// A run of batches of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The offset of its first record.
    pub(crate) base: i64,
    /// Its size on Kafka's disk.
    pub(crate) size: i64,
    /// The largest timestamp of its first batch; rolling by time counts from it.
    pub(crate) first_timestamp: Option<i64>,
    /// The largest timestamp in it, and the first offset that has it.
    pub(crate) max_timestamp: i64,
    pub(crate) max_offset: i64,
    /// When it was begun, by the log's clock.
    pub(crate) created: i64,
    /// When it was last written to, by the log's clock.
    pub(crate) modified: i64,
}

impl Segment {
    pub(crate) fn new(base: i64, now: i64) -> Self {
        Self { base, size: 0, first_timestamp: None, max_timestamp: -1, max_offset: -1, created: now, modified: now }
    }

    /// Whether a batch of this size and time belongs into a new segment. Kafka: `LogSegment.shouldRoll`.
    pub(crate) fn is_full_for(&self, size: i64, max_timestamp: i64, config: &TopicConfig, now: i64) -> bool {
        if self.size == 0 {
            return false;
        }
        let waited = match self.first_timestamp.filter(|first| *first >= 0) {
            Some(first) => max_timestamp.saturating_sub(first),
            None => now - self.created,
        };
        self.size > config.segment_bytes - size || waited > config.roll_ms()
    }

    /// Takes a batch in, whose largest timestamp stands first at `max_offset`.
    pub(crate) fn add(&mut self, size: i64, max_timestamp: i64, max_offset: i64) {
        if self.size == 0 {
            self.first_timestamp = Some(max_timestamp);
        }
        self.size += size;
        if max_timestamp > self.max_timestamp {
            (self.max_timestamp, self.max_offset) = (max_timestamp, max_offset);
        }
    }

    /// The time by which retention judges it.
    pub(crate) fn age_from(&self) -> i64 {
        if self.max_timestamp >= 0 { self.max_timestamp } else { self.modified }
    }

    pub(crate) fn encode(&self, out: Encoder) -> Encoder {
        let first = self.first_timestamp.unwrap_or(i64::MIN);
        out.i64(self.base).i64(self.size).i64(first).i64(self.max_timestamp).i64(self.max_offset).i64(self.created).i64(self.modified)
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, LogError> {
        let (base, size, first) = (from.i64()?, from.i64()?, from.i64()?);
        let (max_timestamp, max_offset) = (from.i64()?, from.i64()?);
        let first_timestamp = Some(first).filter(|first| *first != i64::MIN);
        Ok(Self { base, size, first_timestamp, max_timestamp, max_offset, created: from.i64()?, modified: from.i64()? })
    }
}
