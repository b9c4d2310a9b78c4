//! From what was said to what will run: names are settled, what nobody reads is left out, what is the same is made one.

use super::copartition::copartition_groups;
use super::stores::Stores;
use super::sub_topology::{self, SubTopology};
use super::{GlobalTable, Graph, InputRole, Kind, Node, NodeId, RepartitionPlan, TopicName, TopologyError, TopologyErrors};
use crate::topic::TopicDeclaration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A topology without mistakes.
#[derive(Clone)]
pub(crate) struct Settled {
    /// All nodes by id; those that are not in a sub-topology do not run.
    pub(super) nodes: Vec<Node>,
    pub(super) children: Vec<Vec<NodeId>>,
    pub(super) stages: Vec<Arc<str>>,
    /// The names of the repartitions that run, by their sink sides.
    pub(super) repartition_names: BTreeMap<NodeId, String>,
    pub(super) stores: Stores,
    pub(super) declared: Vec<TopicDeclaration>,
    pub(super) globals: Vec<GlobalTable>,
    pub(super) sub_topologies: Vec<SubTopology>,
    pub(super) repartitions: Vec<RepartitionPlan>,
    pub(super) copartition_groups: Vec<Vec<TopicName>>,
}

impl Graph {
    /// Settles the graph as it is now; it may grow and be settled again.
    pub(crate) fn settle(&self) -> Result<Settled, TopologyErrors> {
        let mut graph = self.clone();
        graph.name_wanted_stores();
        graph.name_buffers();
        graph.connect_readers();
        graph.stores.settle_unstated(self.cache_bytes, self.in_memory);
        graph.settle_stored()
    }

    fn settle_stored(&self) -> Result<Settled, TopologyErrors> {
        let mut mistakes = self.mistakes.clone();
        mistakes.extend(self.find_mistakes());
        mistakes.extend(self.impatient_joins());
        let mut nodes = self.nodes.clone();
        let mut runs = vec![true; nodes.len()];
        leave_out_unread(&nodes, &mut runs);
        let mut names = BTreeMap::new();
        for id in (0..nodes.len()).filter(|id| runs[*id] && matches!(nodes[*id].kind, Kind::Repartition(_))) {
            match self.repartition_name(id) {
                Some(name) => drop(names.insert(id, name)),
                None => {
                    let mistake = self.unnamed(id);
                    if !mistakes.contains(&mistake) {
                        mistakes.push(mistake);
                    }
                }
            }
        }
        merge_repartitions(&mut nodes, &mut runs, &mut names, &mut mistakes);
        keep_null_keys(&mut nodes, &runs);
        let groups = copartition_groups(&nodes, &runs, &names);
        mistakes.extend(self.differing_counts(&groups, &names));
        if !mistakes.is_empty() {
            return Err(TopologyErrors(mistakes));
        }
        let sub_topologies = sub_topology::find(&nodes, &runs, &names, &self.stores);
        Ok(Settled {
            children: children(&nodes, &runs),
            stages: self.stages(),
            repartitions: repartitions(&nodes, &names, &sub_topologies),
            copartition_groups: groups,
            stores: self.stores.clone(),
            declared: self.declared.clone(),
            globals: self.globals.clone(),
            repartition_names: names,
            sub_topologies,
            nodes,
        })
    }

    fn unnamed(&self, repartition: NodeId) -> TopologyError {
        if let Some((join, _)) = self.nodes[repartition].called_after {
            let before = self.nodes[join].kind.operation().to_owned();
            let hint = "add .stored(STORE) or .named(\"...\") behind the join";
            return TopologyError::UnnamedRepartition { after: before.clone(), before, hint };
        }
        let (before, after) = (self.reader_of(source_of(&self.nodes, repartition)), self.key_changed_by(repartition));
        let hint = "add .named(\"...\") after the change of key";
        TopologyError::UnnamedRepartition { before: before.to_owned(), after: after.to_owned(), hint }
    }

    /// The operation below, as the user wrote it.
    fn reader_of(&self, node: NodeId) -> &'static str {
        match self.nodes.iter().position(|reader| reader.parents.contains(&node)) {
            Some(reader) if self.nodes[reader].kind.operation() == "present_key" => self.reader_of(reader),
            reader => self.nodes[reader.unwrap_or(node)].kind.operation(),
        }
    }
}

fn source_of(nodes: &[Node], repartition: NodeId) -> NodeId {
    let reads = |node: &Node| matches!(node.kind, Kind::RepartitionSource { sink } if sink == repartition);
    nodes.iter().position(reads).expect("the two halves of a repartition are built together")
}

/// A grouping that nobody aggregates needs no topic.
fn leave_out_unread(nodes: &[Node], runs: &mut [bool]) {
    for (id, node) in nodes.iter().enumerate() {
        let Kind::Repartition(repartition) = &node.kind else { continue };
        let source = source_of(nodes, id);
        if !repartition.is_explicit && !nodes.iter().any(|node| node.parents.contains(&source)) {
            (runs[id], runs[source]) = (false, false);
        }
    }
}

/// Two operators that want one stream by its new key share one topic, if it is called the same for both.
fn merge_repartitions(nodes: &mut [Node], runs: &mut [bool], names: &mut BTreeMap<NodeId, String>, mistakes: &mut Vec<TopologyError>) {
    let mut first_of: BTreeMap<String, NodeId> = BTreeMap::new();
    for (id, name) in names.clone() {
        let Some(first) = first_of.get(&name).copied() else {
            first_of.insert(name, id);
            continue;
        };
        if !can_share(&nodes[first], &nodes[id]) {
            mistakes.push(TopologyError::RepartitionTwice { name });
            continue;
        }
        let (kept, left) = (source_of(nodes, first), source_of(nodes, id));
        nodes.iter_mut().flat_map(|node| &mut node.parents).filter(|parent| **parent == left).for_each(|parent| *parent = kept);
        nodes.iter_mut().flat_map(|node| &mut node.copartitioned).filter(|parent| **parent == left).for_each(|parent| *parent = kept);
        (runs[id], runs[left]) = (false, false);
        names.remove(&id);
    }
}

/// Records without a key pass each repartition from which a join that takes them can be reached. Kafka: `NodesWithRelaxedNullKeyJoinDownstream` (KIP-962).
fn keep_null_keys(nodes: &mut [Node], runs: &[bool]) {
    let mut reaches = vec![false; nodes.len()];
    // Nodes are built after those that they read, but for the two halves of a repartition, of which the source comes second as well.
    for id in (0..nodes.len()).rev().filter(|id| runs[*id]) {
        if !reaches[id] && !nodes[id].takes_null_keys {
            continue;
        }
        nodes[id].parents.iter().for_each(|parent| reaches[*parent] = true);
        if let Kind::RepartitionSource { sink } = nodes[id].kind {
            reaches[sink] = true;
        }
    }
    for (node, reaches) in nodes.iter_mut().zip(reaches) {
        if let Kind::Repartition(repartition) = &mut node.kind {
            repartition.keeps_null_keys |= reaches;
        }
    }
}

fn can_share(first: &Node, second: &Node) -> bool {
    match (&first.kind, &second.kind) {
        (Kind::Repartition(a), Kind::Repartition(b)) => !a.is_explicit && !b.is_explicit && first.parents == second.parents,
        _ => false,
    }
}

/// Children in the order in which they were built: that is the order in which they get records.
fn children(nodes: &[Node], runs: &[bool]) -> Vec<Vec<NodeId>> {
    let mut children = vec![Vec::new(); nodes.len()];
    for (id, node) in nodes.iter().enumerate().filter(|(id, _)| runs[*id]) {
        node.parents.iter().for_each(|parent| children[*parent].push(id));
    }
    children
}

fn repartitions(nodes: &[Node], names: &BTreeMap<NodeId, String>, subs: &[SubTopology]) -> Vec<RepartitionPlan> {
    let holder = |id: NodeId| subs.iter().position(|sub| sub.nodes.contains(&id)).expect("a node that runs is in a sub-topology");
    let plan = |(id, name): (&NodeId, &String)| {
        let Kind::Repartition(repartition) = &nodes[*id].kind else { unreachable!("only repartitions have such names") };
        let (upstream, downstream) = (holder(*id), holder(source_of(nodes, *id)));
        let role = if repartition.of_rows { InputRole::Table } else { InputRole::Stream };
        RepartitionPlan { topic: repartition_topic(name), partitions: repartition.partitions, role, upstream, downstream }
    };
    names.iter().map(plan).collect()
}

pub(super) fn repartition_topic(name: &str) -> TopicName {
    TopicName::Internal(format!("{name}-repartition"))
}
