//! What kinds of nodes there are, as far as the graph must know.

use super::{InputRole, NodeId};
use crate::connector::Connector;
use crate::topic::{Manner, Reset};
use std::any::TypeId;
use std::sync::Arc;

/// What a node is to the graph. What it does to records only its maker knows.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Reads topics.
    Source(SourceTopics),
    /// Writes a topic.
    Sink { topic: &'static str },
    /// Writes to whatever topic each record chooses.
    ChosenSink,
    /// The end of one sub-topology: writes to an internal topic.
    Repartition(Repartition),
    /// The beginning of another one: reads what its `sink` has written.
    RepartitionSource { sink: NodeId },
    /// A sub-topology of its own: a topic goes to a target outside of the log.
    Connector { topic: &'static str, connector: Arc<dyn Connector> },
    /// Anything else, by the name of its operation. It may change keys, as a `map` does.
    Operator { operation: &'static str, changes_key: bool },
}

/// What a source reads.
#[derive(Clone, Debug)]
pub(crate) struct SourceTopics {
    pub(crate) topics: Vec<&'static str>,
    /// In place of topics: what their names must match. The topics are found when the application starts.
    pub(crate) pattern: Option<&'static str>,
    pub(crate) role: InputRole,
    pub(crate) reset: Reset,
    pub(crate) types: TypeId,
    /// How they are read, where that can be compared: another source of these topics that reads them so is the same.
    pub(crate) manner: Option<Manner>,
}

/// A repartition's sink side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repartition {
    pub(crate) partitions: Option<i32>,
    /// What it is called when nobody named it: the store that it feeds.
    pub(crate) fallback: Option<&'static str>,
    /// Asked for by the user: it exists whether anybody reads it or not, and no other one is merged with it.
    pub(crate) is_explicit: bool,
    pub(crate) keeps_null_keys: bool,
    /// It carries what is said of rows: like a table it takes no part in time.
    pub(crate) of_rows: bool,
}

impl Kind {
    /// The operation as users wrote it.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Kind::Source(source) => match source.role {
                InputRole::Stream => "stream",
                InputRole::Table => "table",
            },
            Kind::Sink { .. } | Kind::ChosenSink => "to",
            Kind::Repartition(_) | Kind::RepartitionSource { .. } => "repartition",
            Kind::Connector { .. } => "connect",
            Kind::Operator { operation, .. } => operation,
        }
    }

    pub(crate) fn changes_key(&self) -> bool {
        matches!(self, Kind::Operator { changes_key: true, .. })
    }

    /// The topic that a source reads, or the first of several.
    pub(crate) fn topic(&self) -> Option<&'static str> {
        match self {
            Kind::Source(source) => source.topics.first().copied(),
            _ => None,
        }
    }
}
