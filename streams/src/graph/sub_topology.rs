//! Sub-topologies: the parts of a topology that share nothing but topics, so that each can run by itself, partition by partition.

use super::settle::repartition_topic;
use super::stores::{StoreUse, Stores};
use super::{Changelog, Input, InputRole, Kind, Node, NodeId, StorePlan, TopicName};
use crate::connector::Connector;
use crate::topic::Reset;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One part of a topology; each of its tasks works on one partition of its inputs.
#[derive(Clone, Debug)]
pub struct SubTopology {
    /// Its place in the order of first nodes. Kafka: the first number of a `TaskId`.
    pub index: usize,
    /// Its nodes, in the order in which they were built.
    pub nodes: Vec<NodeId>,
    /// What it reads; the first one is the anchor, which carries ownership.
    pub inputs: Vec<Input>,
    /// What it writes.
    pub outputs: Vec<TopicName>,
    /// What it keeps.
    pub stores: Vec<StorePlan>,
    /// The sink outside of the log, when the sub-topology is one.
    pub connector: Option<Arc<dyn Connector>>,
}

/// Names of the repartitions that run, by their sink sides.
type Names = BTreeMap<NodeId, String>;

/// Nodes belong together when one feeds the other or when they share a store. A repartition is an end and a beginning.
pub(super) fn find(nodes: &[Node], runs: &[bool], names: &Names, stores: &Stores) -> Vec<SubTopology> {
    let mut groups = Groups((0..nodes.len()).collect());
    let mut users: BTreeMap<&str, NodeId> = BTreeMap::new();
    for (id, node) in nodes.iter().enumerate().filter(|(id, _)| runs[*id]) {
        node.parents.iter().for_each(|parent| groups.join(*parent, id));
        node.stores.iter().for_each(|store| groups.join(*users.entry(store).or_insert(id), id));
    }
    let mut members: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for id in (0..nodes.len()).filter(|id| runs[*id]) {
        members.entry(groups.first(id)).or_default().push(id);
    }
    members.into_values().enumerate().map(|(index, members)| describe_part(index, members, nodes, names, stores)).collect()
}

/// Makes one part of all that the tasks run. Connectors run by themselves.
pub(super) fn unite(parts: &mut Vec<SubTopology>) {
    let (connectors, tasks): (Vec<_>, Vec<_>) = parts.drain(..).partition(|part| part.connector.is_some());
    let empty = SubTopology { index: 0, nodes: vec![], inputs: vec![], outputs: vec![], stores: vec![], connector: None };
    let mut whole = tasks.into_iter().fold(empty, |mut whole, part| {
        whole.nodes.extend(part.nodes);
        whole.inputs.extend(part.inputs);
        whole.outputs.extend(part.outputs);
        whole.stores.extend(part.stores);
        whole
    });
    whole.nodes.sort_unstable();
    parts.push(whole);
    parts.extend(connectors.into_iter().zip(1..).map(|(connector, index)| SubTopology { index, ..connector }));
}

fn describe_part(index: usize, members: Vec<NodeId>, nodes: &[Node], names: &Names, stores: &Stores) -> SubTopology {
    let mut inputs: Vec<Input> = members.iter().flat_map(|id| inputs_of(nodes, &nodes[*id], names)).collect();
    // Stable, so that the anchor is the first topic of events where there is one.
    inputs.sort_by_key(|input| input.role == InputRole::Table);
    let mut outputs: Vec<TopicName> = Vec::new();
    for topic in members.iter().filter_map(|id| output_of(*id, &nodes[*id], names)) {
        if !outputs.contains(&topic) {
            outputs.push(topic);
        }
    }
    let uses = |store: &&StoreUse| members.iter().any(|id| nodes[*id].stores.contains(&store.name));
    let stores = stores.iter().filter(uses).map(StorePlan::of).collect();
    let connector = members.iter().find_map(|id| match &nodes[*id].kind {
        Kind::Connector { connector, .. } => Some(connector.clone()),
        _ => None,
    });
    SubTopology { index, nodes: members, inputs, outputs, stores, connector }
}

pub(super) fn inputs_of(nodes: &[Node], node: &Node, names: &Names) -> Vec<Input> {
    let stream = |topic| Input { topic, role: InputRole::Stream, reset: Reset::Earliest };
    match &node.kind {
        Kind::Source(source) => {
            let input = |topic: &&'static str| Input { topic: TopicName::Fixed(topic), role: source.role, reset: source.reset };
            source.topics.iter().map(input).collect()
        }
        Kind::RepartitionSource { sink } => {
            let of_rows = matches!(&nodes[*sink].kind, Kind::Repartition(repartition) if repartition.of_rows);
            let role = if of_rows { InputRole::Table } else { InputRole::Stream };
            vec![Input { role, ..stream(repartition_topic(&names[sink])) }]
        }
        Kind::Connector { topic, .. } => vec![stream(TopicName::Fixed(topic))],
        Kind::Sink { .. } | Kind::ChosenSink | Kind::Repartition(_) | Kind::Operator { .. } => Vec::new(),
    }
}

fn output_of(id: NodeId, node: &Node, names: &Names) -> Option<TopicName> {
    match &node.kind {
        Kind::Sink { topic } => Some(TopicName::Fixed(topic)),
        Kind::Repartition(_) => Some(repartition_topic(&names[&id])),
        _ => None,
    }
}

impl StorePlan {
    fn of(store: &StoreUse) -> StorePlan {
        let internal =
            || Changelog::Internal { topic: TopicName::Internal(format!("{}-changelog", store.name)), window: store.needed_ms().is_some() };
        let changelog = match store.source_changelog {
            _ if !store.options.is_logged() => Changelog::None,
            Some(topic) => Changelog::Source { topic: TopicName::Fixed(topic) },
            None => internal(),
        };
        StorePlan {
            name: store.name,
            spec: store.spec(),
            changelog,
            changelog_layout: store.changelog_layout,
            needed_ms: store.needed_ms(),
        }
    }
}

/// Sets that grow together, each known by its smallest member.
struct Groups(Vec<NodeId>);

impl Groups {
    fn first(&mut self, id: NodeId) -> NodeId {
        let mut at = id;
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: NodeId, b: NodeId) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}
