//! One partition group at work: queues, stream time, typed stores, commit.
//!
//! A task is synchronous and deterministic: same bytes and times in, same bytes out. It knows neither clock, thread nor network.

mod changelog;
mod clock;
mod committing;
mod context;
mod destinations;
mod error;
mod failure;
mod globals;
mod id;
mod idleness;
mod lane;
mod letters;
mod marker;
mod metadata;
mod outbox;
mod partitioner;
mod processors;
mod punctuating;
mod refused;
mod repeat;
mod restoring;
mod running;
mod saved;
mod schedules;
mod standing;
pub mod store;
#[cfg(test)]
mod tests;
mod tie_heap;
mod turns;

pub(crate) use context::Rules;
pub use context::{Context, Coordinates};
pub(crate) use destinations::Destinations;
pub use error::TaskError;
pub use failure::{Failure, Fault, Flow, Stop};
pub(crate) use globals::{GlobalRows, Globals, NoRow};
pub use id::TaskId;
#[cfg(test)]
pub(crate) use metadata::FoundMetadata;
pub(crate) use metadata::{CommitMetadata, METADATA_LIMIT};
pub(crate) use outbox::{Outbox, OutputId};
pub use partitioner::partition_of_key;
pub(crate) use processors::{Flusher, Front, Processors, Punctuated, SourceNode, Staged, Unreadable, WiredSource};
pub(crate) use restoring::{ChangelogEnd, Restoring, TaskInputs};
pub(crate) use running::{Task, TaskSettings};
pub(crate) use schedules::Time;
pub use schedules::{Due, Schedule, Schedules};
