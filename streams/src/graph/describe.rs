//! `describe()`: the topology as text. Kafka: `TopologyDescription`.

use super::settle::Settled;
use super::{Changelog, InputRole, Kind, NodeId, StorePlan, SubTopology};
use std::fmt::{self, Display, Formatter};

/// A topology as text, under one application id.
pub(super) struct Description<'a> {
    pub(super) settled: &'a Settled,
    pub(super) application_id: String,
}

impl Display for Description<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.settled.describe(&self.application_id, f)
    }
}

impl Display for Settled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Internal names keep the hyphen that follows the id.
        self.describe("", f)
    }
}

impl Settled {
    fn describe(&self, id: &str, f: &mut Formatter<'_>) -> fmt::Result {
        for table in &self.globals {
            writeln!(f, "global table {}, read from {}", table.store, table.topic)?;
        }
        for (i, sub) in self.sub_topologies.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            self.describe_part(sub, id, f)?;
        }
        Ok(())
    }

    fn describe_part(&self, sub: &SubTopology, id: &str, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "sub-topology {}", sub.index)?;
        for input in &sub.inputs {
            let role = match input.role {
                InputRole::Stream => "stream",
                InputRole::Table => "table",
            };
            writeln!(f, "  reads {} ({role})", input.topic.resolve(id))?;
        }
        sub.outputs.iter().try_for_each(|topic| writeln!(f, "  writes {}", topic.resolve(id)))?;
        sub.stores.iter().try_for_each(|store| self.describe_store(store, id, f))?;
        if let Some(connector) = &sub.connector {
            writeln!(f, "  sinks into {} ({:?})", connector.name(), connector.level())?;
        }
        sub.nodes.iter().try_for_each(|id| self.describe_node(*id, f))
    }

    fn describe_store(&self, plan: &StorePlan, id: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let store = self.stores.get(plan.name).expect("a plan is made of a declared store");
        write!(f, "  keeps {} ({}, {} -> {}", plan.name, store.kind, store.formats[0], store.formats[1])?;
        match store.options.cache_bytes() {
            0 => write!(f, ", uncached")?,
            bytes => write!(f, ", cached in {bytes} bytes")?,
        }
        if store.is_in_memory() {
            write!(f, ", in memory")?;
        }
        match &plan.changelog {
            Changelog::None => writeln!(f, ", no changelog)"),
            Changelog::Internal { topic, .. } | Changelog::Source { topic } => writeln!(f, ", changelog {})", topic.resolve(id)),
        }
    }

    fn describe_node(&self, id: NodeId, f: &mut Formatter<'_>) -> fmt::Result {
        let node = &self.nodes[id];
        write!(f, "  {id:>4} {}", node.kind.operation())?;
        match &node.kind {
            Kind::Source(source) => match source.pattern {
                Some(pattern) => write!(f, " /{pattern}/ {}", source.topics.join(", "))?,
                None => write!(f, " {}", source.topics.join(", "))?,
            },
            Kind::Sink { topic } | Kind::Connector { topic, .. } => write!(f, " {topic}")?,
            Kind::ChosenSink => write!(f, " a topic of each record's choice")?,
            Kind::Repartition(_) => write!(f, " to {}", self.stages[id])?,
            Kind::RepartitionSource { .. } => write!(f, " from {}", self.stages[id])?,
            Kind::Operator { .. } => {}
        }
        if let Some(name) = &node.name {
            write!(f, " \"{name}\"")?;
        }
        if !node.stores.is_empty() {
            write!(f, " [{}]", node.stores.join(", "))?;
        }
        if node.merge.is_some() {
            write!(f, " (mergeable)")?;
        }
        let children: Vec<String> = self.children[id].iter().map(ToString::to_string).collect();
        if !children.is_empty() {
            write!(f, " -> {}", children.join(", "))?;
        }
        writeln!(f)
    }
}
