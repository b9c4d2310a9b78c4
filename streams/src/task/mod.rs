//! One partition group at work: queues, stream time, typed stores, commit.
//!
//! A task is synchronous and deterministic: same bytes and times in, same bytes out. It knows neither clock, thread nor network.

mod context;
mod failure;
mod outbox;
mod partitioner;
mod processors;

pub use context::{Context, Coordinates};
pub use failure::{Failure, Flow, Stop};
pub(crate) use outbox::{Outbox, OutputId};
pub use partitioner::partition_of_key;
pub(crate) use processors::{Flusher, Front, Processors, SourceNode, Staged, WiredSource};
