//! What the runtime needs of a log: read with manual assignment, produce with delivery results and transactions, be a
//! member of a group, administer topics. Three bindings stand behind these traits: Kafka, the embedded log
//! (durable, for one machine) and the simulated one (in memory, on virtual time).
//!
//! The traits are shaped after what librdkafka can do, so that nothing works on the embedded log that would not on Kafka.
//! What a real broker does is recorded in `tests/log-facts`; every binding plays these cases.

mod admin;
mod clock;
mod core;
mod embedded;
mod error;
mod faults;
mod group_protocol;
mod headers;
mod inspect;
mod kafka;
mod kafka_ffi;
mod local;
mod member;
mod producer;
mod reader;
mod records;
mod secret;
mod simulated;
mod topic_partition;

pub use admin::{
    Admin, Ends, GroupDescription, ListedOffset, MemberDescription, OffsetQuery, TopicDescription, TopicSpec, TransactionDescription,
};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use core::settings::LogSettings;
pub use embedded::{EmbeddedLog, EmbeddedOptions};
pub use error::{ErrorCode, ErrorKind, LogError};
pub use faults::{Fault, Faults, Request};
pub use group_protocol::{GroupProtocol, GroupTicket, JoinRequest, Joined, Refusal};
pub use headers::{Header, Headers, HeadersRef};
pub use inspect::{Dump, DumpedBatch, Inspect};
pub use kafka::{KafkaConfig, KafkaLog, Sasl, SaslMechanism, Tls};
pub use member::{AssignmentPolicy, GroupEvent, Member, MemberConfig, MemberIdentity};
pub use producer::{Delivery, GroupOffset, Producer, ProducerConfig, Refused, Stored, Ticket};
pub use reader::{FetchLimit, Fetched, Isolation, Reader, ReaderConfig, Reset, StartAt};
pub use records::{NO_OFFSET, NO_TIMESTAMP, RecordRef, Records};
pub use secret::Secret;
pub use simulated::{SIMULATION_START_MS, SIMULATION_STEP, SimulatedLog};
pub use topic_partition::TopicPartition;

/// One connection to one log.
///
/// Clients made from it are independent of each other; dropping one is its death: nothing is flushed, committed or aborted.
pub trait Log: Send + Sync {
    /// Topics, offsets and groups, asked from outside.
    fn admin(&self) -> &dyn Admin;

    /// A reader of partitions that it is told.
    fn reader(&self, config: ReaderConfig) -> Result<Box<dyn Reader>, LogError>;

    /// A producer, idempotent always and transactional with a transactional id.
    fn producer(&self, config: ProducerConfig) -> Result<Box<dyn Producer>, LogError>;

    /// A member of a group. It learns what it owns; reading that is a [`Reader`]'s work.
    fn member(&self, config: MemberConfig) -> Result<Box<dyn Member>, LogError>;
}
