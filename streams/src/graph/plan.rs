//! What the runtime gets to know about inputs, stores and internal topics.

use crate::topic::Reset;
use headwater_state::StoreSpec;
use std::fmt;
use std::sync::Arc;

/// A topic's name, before the application id is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicName {
    /// A topic of the user's.
    Fixed(&'static str),
    /// One of ours: the application id and a hyphen go before it.
    Internal(String),
}

impl TopicName {
    /// The name on the log.
    pub fn resolve(&self, application_id: &str) -> Arc<str> {
        match self {
            TopicName::Fixed(name) => Arc::from(*name),
            TopicName::Internal(name) => Arc::from(format!("{application_id}-{name}")),
        }
    }
}

/// Internal names stand there with a hyphen in front, as behind an application id.
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicName::Fixed(name) => f.write_str(name),
            TopicName::Internal(name) => write!(f, "-{name}"),
        }
    }
}

/// A topic that a sub-topology reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The topic.
    pub topic: TopicName,
    /// What it is read as.
    pub role: InputRole,
    /// Where a group without a position begins.
    pub reset: Reset,
}

/// What a topic is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputRole {
    /// Events: they move time.
    Stream,
    /// Rows: they do not move the watermark.
    Table,
}

/// A store and what keeps it.
#[derive(Clone, Debug)]
pub struct StorePlan {
    /// The store's name.
    pub name: &'static str,
    /// Its layout and engine.
    pub spec: StoreSpec,
    /// From what it is restored.
    pub changelog: Changelog,
    /// Whether Kafka Streams writes its changelog in the same layout.
    pub(crate) changelog_layout: ChangelogLayout,
    /// How long its windows take records after their start, in stream time (milliseconds): size and grace. None where it has no windows.
    pub needed_ms: Option<i64>,
}

/// Who writes a store's changelog as we do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ChangelogLayout {
    /// Kafka Streams: either side can take the topic over.
    #[default]
    Shared,
    /// Nobody: what a `suppress` holds back.
    Suppressed,
    /// Nobody: records that wait for a table.
    AwaitingTable,
    /// Nobody: subscriptions of a foreign-key join.
    Subscriptions,
}

/// From what a store is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changelog {
    /// Nothing: what the machine loses is lost.
    None,
    /// A topic of ours.
    Internal {
        /// `<store>-changelog`.
        topic: TopicName,
        /// Keys end with a window's start, so that old windows may be cut off.
        window: bool,
    },
    /// The topic that the table is read from.
    Source {
        /// That topic.
        topic: TopicName,
    },
}

/// An internal topic between two sub-topologies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepartitionPlan {
    /// `<name>-repartition`.
    pub topic: TopicName,
    /// The stated number of partitions; none: as many as the largest topic that feeds it or is joined with it.
    pub partitions: Option<i32>,
    /// What it is read as. Rows take no part in time.
    pub role: InputRole,
    /// The sub-topology that writes it.
    pub upstream: usize,
    /// The sub-topology that reads it.
    pub downstream: usize,
}
