//! What can be found wrong in a graph without a broker, beyond what was noticed while it was built.

use super::stores::{StoreKind, StoreUse};
use super::tables::is_versioned;
use super::{Graph, Kind, TopologyError};
use crate::topic::is_legal;
use std::collections::HashSet;

impl Graph {
    pub(super) fn find_mistakes(&self) -> Vec<TopologyError> {
        let mut found = if self.trusts_partitions { Vec::new() } else { self.astray.clone() };
        if !self.nodes.iter().any(|node| matches!(node.kind, Kind::Source(_) | Kind::Connector { .. })) {
            found.push(TopologyError::Empty);
        }
        self.check_nodes(&mut found);
        self.check_suppressed(&mut found);
        self.check_topics(&mut found);
        self.check_patterns(&mut found);
        self.check_declarations(&mut found);
        self.stores.iter().for_each(|store| check_store(store, &mut found));
        found.extend(self.reads.iter().filter_map(|read| read.mistake(&self.stores)));
        found
    }

    fn check_suppressed(&self, found: &mut Vec<TopologyError>) {
        let suppressed = self.nodes.iter().filter(|node| node.buffer.is_some());
        let versioned = suppressed.flat_map(|node| &node.parents).filter(|parent| is_versioned(&self.nodes, &self.stores, **parent));
        found.extend(versioned.map(|_| TopologyError::SuppressedVersions));
    }

    fn check_nodes(&self, found: &mut Vec<TopologyError>) {
        let (mut names, mut connectors) = (HashSet::new(), HashSet::new());
        for node in &self.nodes {
            if let Some(name) = &node.name {
                check_name("node", name, found);
                if !names.insert(name) {
                    found.push(TopologyError::NameTaken { name: name.clone() });
                }
            }
            match &node.kind {
                Kind::Connector { connector, .. } if !connectors.insert(connector.name()) => {
                    found.push(TopologyError::ConnectorTwice { name: connector.name().to_owned() });
                }
                Kind::Repartition(repartition) if repartition.partitions.is_some_and(|count| count < 1) => {
                    let name = node.name.clone().unwrap_or_default();
                    found.push(TopologyError::PartitionCount { name, partitions: repartition.partitions.unwrap_or_default() });
                }
                _ => {}
            }
        }
    }

    /// A topic has one position in a group, so one source reads it. Sinks outside of the log have positions of their own.
    fn check_topics(&self, found: &mut Vec<TopologyError>) {
        let mut read = HashSet::new();
        for table in &self.globals {
            check_name("topic", table.topic, found);
            if !read.insert(&table.topic) {
                found.push(TopologyError::TopicReadTwice { topic: table.topic });
            }
            let used = self.stores.get(table.store);
            if used.is_some_and(|used| matches!(used.kind, StoreKind::Versioned { .. })) {
                found.push(TopologyError::VersionedGlobal { store: table.store });
            }
            if let Some(user) = self.nodes.iter().find(|node| node.stores.contains(&table.store)) {
                let second = user.kind.operation();
                found.push(TopologyError::StoreOfTwoOwners { store: table.store, first: "global_table", second });
            }
        }
        for node in &self.nodes {
            match &node.kind {
                Kind::Source(source) => {
                    if source.topics.is_empty() && source.pattern.is_none() {
                        found.push(TopologyError::NoTopic);
                    }
                    for topic in &source.topics {
                        check_name("topic", topic, found);
                        if !read.insert(topic) {
                            found.push(TopologyError::TopicReadTwice { topic });
                        }
                    }
                }
                Kind::Sink { topic } | Kind::Connector { topic, .. } => check_name("topic", topic, found),
                Kind::ChosenSink | Kind::Repartition(_) | Kind::RepartitionSource { .. } | Kind::Operator { .. } => {}
            }
        }
    }

    fn check_declarations(&self, found: &mut Vec<TopologyError>) {
        for (i, topic) in self.declared.iter().enumerate() {
            check_name("topic", topic.name, found);
            if self.declared[..i].iter().any(|other| other.name == topic.name && other != topic) {
                found.push(TopologyError::DeclaredTwice { topic: topic.name });
            }
            if let Some(partitions) = topic.partitions.filter(|count| *count < 1) {
                found.push(TopologyError::PartitionCount { name: topic.name.to_owned(), partitions });
            }
        }
    }
}

fn check_name(what: &'static str, name: &str, found: &mut Vec<TopologyError>) {
    let mistake = TopologyError::IllegalName { what, name: name.to_owned() };
    if !is_legal(name) && !found.contains(&mistake) {
        found.push(mistake);
    }
}

fn check_store(used: &StoreUse, found: &mut Vec<TopologyError>) {
    let (store, options) = (used.name, &used.options);
    check_name("store", store, found);
    if !options.is_logged() && options.may_lose_one_interval != Some(true) {
        found.push(TopologyError::StoreMayLose { store });
    }
    if let (Some(topic), Some(operation)) = (used.source_changelog, used.shared_by) {
        found.push(TopologyError::TopicFillsStore { store, topic, operation });
    }
    if let StoreKind::Versioned { history_ms, segment_ms } = used.kind
        && (history_ms < 0 || segment_ms < 1)
    {
        found.push(TopologyError::History { store, history_ms, segment_ms });
    }
    if let Some(needed_ms) = used.needed_ms()
        && let Some(retention_ms) = options.retention_ms.filter(|retention| *retention < needed_ms)
    {
        found.push(TopologyError::RetentionTooShort { store, retention_ms, needed_ms });
    }
}
