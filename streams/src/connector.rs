//! The contract between the runtime and a sink outside of the log (PostgreSQL, SQLite, a lake).
//!
//! A sink is a sub-topology of its own whose anchor is the topic that it reads. The runtime reads that topic
//! (committed records only) and hands batches to a [`Writer`], which runs beside the task, may block, and stores its progress
//! with the rows. Resume is from that progress, never from the group's offset.

use crate::log::Records;
use crate::record::{Headers, Timestamp};
use std::fmt;

/// What a sink promises, printed at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Progress is stored in the same transaction as the rows.
    ExactlyOnce,
    /// A row written twice is the same row.
    Idempotent,
    /// A row may come twice.
    AtLeastOnce,
}

/// A sink as the topology names it; opened once per partition of the topic that it reads.
pub trait Connector: Send + Sync + fmt::Debug {
    /// The sink's name: part of the key of its progress, so it must not change while data lives.
    fn name(&self) -> &str;
    /// What it promises.
    fn level(&self) -> Level;
    /// Connects. Called beside the task, may block.
    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError>;
}

/// Which partition a writer works for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkTask {
    /// The application whose sink this is.
    pub application_id: String,
    /// The topic that the sink reads.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Identity of the topic, so that a topic made anew under the old name is noticed.
    pub topic_id: [u8; 16],
    /// The first offset that the log still holds.
    pub log_start: i64,
    /// The offset after the last one in the log. Progress outside of these two is refused.
    pub log_end: i64,
}

/// Writes the rows of one partition. Runs on a thread beside the task; every call may block.
pub trait Writer: Send {
    /// Takes the partition over: raises the epoch and reads the progress in one transaction.
    fn claim(&mut self) -> Result<Claim, ConnectorError>;
    /// Writes one batch with the offset that comes after it, both or neither. The same batch again is harmless.
    fn write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, ConnectorError>;
    /// The letters with these identities stand in the dead-letter topic now.
    fn published(&mut self, letters: &[DeadLetter]) -> Result<(), ConnectorError>;
}

/// What a writer found when it took its partition over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    /// Where to read on; `None`: nothing was ever written, read from the start of the log.
    pub next_offset: Option<i64>,
    /// Letters that the target holds and the dead-letter topic may not.
    pub unpublished: Vec<DeadLetter>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Rows that took effect.
    pub rows: usize,
    /// Rows that the target refused; they stand in its `dead_letters` already.
    pub refused: Vec<DeadLetter>,
}

/// A record that could not be used, with its identity: application, topic, partition, offset, stage.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The topic of the record that the failing sub-topology read.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The operator or sink that gave up.
    pub stage: String,
    /// Why, in words for a person.
    pub reason: String,
    /// Key bytes as they were read.
    pub key: Option<Vec<u8>>,
    /// Value bytes as they were read.
    pub value: Option<Vec<u8>>,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// The record's own headers.
    pub headers: Headers,
}

/// Why a sink cannot go on; the variant says what the runtime does.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The target does not answer: try again later.
    #[error("sink {sink}: target unavailable: {reason}")]
    Unavailable {
        /// The sink.
        sink: String,
        /// What the target said.
        reason: String,
    },
    /// Another writer has taken this partition over: the runtime stops writing and claims again after the session timeout, if the task is still its own.
    #[error("sink {sink}: another writer owns {topic}-{partition}")]
    Fenced {
        /// The sink.
        sink: String,
        /// The topic that it reads.
        topic: String,
        /// Its partition.
        partition: i32,
    },
    /// The progress does not fit the log, or the target is not what it should be: a person must decide.
    #[error("sink {sink}: {reason}")]
    Refused {
        /// The sink.
        sink: String,
        /// What is wrong and which command decides.
        reason: String,
    },
}
