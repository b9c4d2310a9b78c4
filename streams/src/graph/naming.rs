//! Names that are settled in `build()`: of repartitions, and of nodes in errors and dead letters.

use super::{Graph, Kind, NodeId};
use std::collections::HashMap;
use std::sync::Arc;

impl Graph {
    /// A repartition is called by its own name, by the nearest name above it up to the change of key, or by the store that it feeds.
    pub(super) fn repartition_name(&self, repartition: NodeId) -> Option<String> {
        if self.nodes[repartition].called_after.is_some() {
            return self.name_after(repartition);
        }
        let mut at = repartition;
        loop {
            let node = &self.nodes[at];
            if let Some(name) = &node.name {
                return Some(name.clone());
            }
            if node.kind.changes_key() || node.parents.is_empty() {
                break;
            }
            at = node.parents[0];
        }
        match &self.nodes[repartition].kind {
            Kind::Repartition(repartition) => repartition.fallback.map(str::to_owned),
            _ => None,
        }
    }

    /// The nearest operation above that has changed the key.
    pub(crate) fn key_changed_by(&self, repartition: NodeId) -> &'static str {
        let mut at = repartition;
        while let Some(parent) = self.nodes[at].parents.first() {
            at = *parent;
            if self.nodes[at].kind.changes_key() {
                break;
            }
        }
        self.nodes[at].kind.operation()
    }

    /// What each node is called in errors and dead letters: its name, its store, its topic, or its operation with a number.
    pub(super) fn stages(&self) -> Vec<Arc<str>> {
        let mut counted: HashMap<&str, u32> = HashMap::new();
        let mut stage = |node: NodeId| match self.stable_stage(node) {
            Some(stage) => stage,
            None => {
                let operation = self.nodes[node].kind.operation();
                let count = counted.entry(operation).or_default();
                *count += 1;
                if *count == 1 { operation.to_owned() } else { format!("{operation}-{count}") }
            }
        };
        (0..self.nodes.len()).map(|node| stage(node).into()).collect()
    }

    /// A stage's name that does not depend on how many others there are.
    fn stable_stage(&self, id: NodeId) -> Option<String> {
        let node = &self.nodes[id];
        if let Some(name) = &node.name {
            return Some(name.clone());
        }
        match &node.kind {
            Kind::Source(source) => Some(source.pattern.map_or_else(|| source.topics.join("+"), str::to_owned)),
            Kind::Sink { topic } => Some((*topic).to_owned()),
            Kind::ChosenSink => None,
            Kind::Repartition(_) => self.repartition_name(id).map(|name| format!("{name}-repartition")),
            Kind::RepartitionSource { sink } => self.repartition_name(*sink).map(|name| format!("{name}-repartition")),
            Kind::Connector { connector, .. } => Some(connector.name().to_owned()),
            Kind::Operator { operation, .. } => {
                let store = self.stores.get(node.stores.first()?)?;
                (store.owner == Some(operation)).then(|| store.name.to_owned())
            }
        }
    }
}
