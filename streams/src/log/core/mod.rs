//! A log that is its own broker, without input and output: topics, partitions, transactions, groups, retention, compaction.
//!
//! The embedded and the simulated log are this state machine on different storage. It has no clock, no thread and no randomness;
//! what it does follows Kafka, request by request, and is held to it by the recorded cases in `tests/log-facts`.

pub(crate) mod batch;
pub(crate) mod broker;
pub(crate) mod codec;
pub(crate) mod compaction;
mod config;
pub(crate) mod fetch;
mod group;
mod keys;
mod load;
mod maintenance;
mod offsets;
pub(crate) mod partition;
pub(crate) mod produce;
mod segment;
pub(crate) mod sequence;
pub(crate) mod settings;
pub(crate) mod store;
mod topics;
mod transaction;
