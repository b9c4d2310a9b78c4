//! Which topics must have the same number of partitions, because records of one key must meet.

use super::settle::repartition_topic;
use super::{Graph, Kind, Node, NodeId, TopicName, TopologyError};
use std::collections::{BTreeMap, BTreeSet};

/// Groups of topics, none of which overlap; groups of one topic say nothing and are left out.
pub(super) fn copartition_groups(nodes: &[Node], runs: &[bool], names: &BTreeMap<NodeId, String>) -> Vec<Vec<TopicName>> {
    let mut groups: Vec<BTreeSet<TopicName>> = Vec::new();
    for (_, node) in nodes.iter().enumerate().filter(|(id, node)| runs[*id] && !node.copartitioned.is_empty()) {
        let mut group: BTreeSet<TopicName> = node.copartitioned.iter().flat_map(|side| source_topics(nodes, names, *side)).collect();
        groups.retain(|other| {
            let apart = group.is_disjoint(other);
            if !apart {
                group.extend(other.iter().cloned());
            }
            apart
        });
        groups.push(group);
    }
    let mut groups: Vec<Vec<TopicName>> =
        groups.into_iter().filter(|group| group.len() > 1).map(|group| group.into_iter().collect()).collect();
    groups.sort();
    groups
}

/// The topics that the records of a node come from, up to the next repartition.
fn source_topics(nodes: &[Node], names: &BTreeMap<NodeId, String>, node: NodeId) -> Vec<TopicName> {
    match &nodes[node].kind {
        Kind::Source(source) => source.topics.iter().map(|topic| TopicName::Fixed(topic)).collect(),
        Kind::RepartitionSource { sink } => names.get(sink).map(|name| repartition_topic(name)).into_iter().collect(),
        _ => nodes[node].parents.iter().flat_map(|parent| source_topics(nodes, names, *parent)).collect(),
    }
}

impl Graph {
    /// Counts that the user has stated and that cannot be true together.
    pub(super) fn differing_counts(&self, groups: &[Vec<TopicName>], names: &BTreeMap<NodeId, String>) -> Vec<TopologyError> {
        let stated = |topic: &TopicName| match topic {
            TopicName::Fixed(name) => self.declared.iter().find(|declared| declared.name == *name).and_then(|declared| declared.partitions),
            TopicName::Internal(_) => {
                names.iter().find(|(_, name)| repartition_topic(name) == *topic).and_then(|(id, _)| self.stated_count(*id))
            }
        };
        let counts = |group: &Vec<TopicName>| -> Vec<(String, i32)> {
            group.iter().filter_map(|topic| Some((topic.to_string(), stated(topic)?))).collect()
        };
        let differ = |counts: &Vec<(String, i32)>| counts.iter().any(|(_, count)| *count != counts[0].1);
        groups.iter().map(counts).filter(differ).map(|counts| TopologyError::PartitionsDiffer { counts }).collect()
    }

    fn stated_count(&self, repartition: NodeId) -> Option<i32> {
        match &self.nodes[repartition].kind {
            Kind::Repartition(repartition) => repartition.partitions,
            _ => None,
        }
    }
}
