//! The clients of a log that is its own broker, as librdkafka shows them: what waits in a queue, what a failed call leaves behind,
//! which error comes at which call. Shared by the embedded and the simulated log.

mod admin;
mod assignor;
mod host;
mod member;
mod producer;
mod protocol;
mod queue;
mod reader;
mod store;

pub(crate) use host::Host;
pub(crate) use member::LocalMember;
pub(crate) use producer::LocalProducer;
pub(crate) use reader::LocalReader;
pub(crate) use store::{DatabaseStore, FollowerStore, failed, families};

#[cfg(test)]
mod tests;
