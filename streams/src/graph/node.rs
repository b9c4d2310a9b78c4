//! The graph while it is being built.

use super::stores::{StoreRead, StoreUse, Stores};
use super::{GlobalTable, Kind, RowsOf, TopologyError, Wiring};
use crate::record::Timestamp;
use crate::topic::TopicDeclaration;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A node's place in its topology: nodes are numbered in the order in which they were built.
pub type NodeId = usize;

/// Makes a node's operator for one task, children before parents. Written by the DSL with all types in hand.
pub(crate) type Make = Arc<dyn Fn(&mut Wiring<'_>, NodeId) + Send + Sync>;

/// One step of the topology, as data.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) name: Option<String>,
    pub(crate) parents: Vec<NodeId>,
    /// Stores that the node reads or writes, its own first.
    pub(crate) stores: Vec<&'static str>,
    /// Nodes whose topics must have as many partitions as each other, because this one joins them.
    pub(crate) copartitioned: Vec<NodeId>,
    /// Where the rows of its table are.
    pub(crate) rows: RowsOf,
    /// Its topic or store is called as another node, with something behind.
    pub(crate) called_after: Option<(NodeId, &'static str)>,
    /// Tables whose rows the node asks for.
    pub(crate) looks_at: Vec<NodeId>,
    /// How long after its end a window of this node may still change, in stream time. Kafka: `GracePeriodGraphNode`.
    pub(crate) closes_after_ms: Option<Timestamp>,
    /// The store of what a suppressed table holds back; `build()` gives it its name.
    pub(crate) buffer: Option<StoreUse>,
    /// It is a join that lets records without a key go on alone: no repartition above may end them. Kafka: `NULL_KEY_RELAXED_JOIN`.
    pub(crate) takes_null_keys: bool,
    /// How long its records wait for the table that it looks at.
    pub(crate) grace_ms: Option<Timestamp>,
    /// A table's node whose children ask what a row was before.
    pub(crate) sends_old_values: bool,
    /// How two partial aggregates become one, where the user has said so.
    pub(crate) merge: Option<Merge>,
    pub(crate) make: Make,
}

/// An aggregate's associative merge, kept for plans that aggregate in parts; its types are those of the node.
#[derive(Clone)]
pub(crate) struct Merge(#[allow(dead_code, reason = "no plan aggregates in parts yet")] pub(crate) Arc<dyn Any + Send + Sync>);

impl Node {
    pub(crate) fn new(kind: Kind, parents: &[NodeId], make: Make) -> Self {
        Node {
            kind,
            name: None,
            parents: parents.to_vec(),
            stores: Vec::new(),
            copartitioned: Vec::new(),
            rows: RowsOf::Nobody,
            called_after: None,
            looks_at: Vec::new(),
            closes_after_ms: None,
            buffer: None,
            takes_null_keys: false,
            grace_ms: None,
            sends_old_values: false,
            merge: None,
            make,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node {
            kind,
            name,
            parents,
            stores,
            copartitioned: _,
            rows,
            called_after: _,
            looks_at: _,
            closes_after_ms: _,
            buffer: _,
            takes_null_keys: _,
            grace_ms: _,
            sends_old_values,
            merge,
            make: _,
        } = self;
        let mergeable = merge.is_some();
        write!(f, "{kind:?} {name:?} after {parents:?}, stores {stores:?}, {rows:?}, old values {sends_old_values}, mergeable {mergeable}")
    }
}

/// Everything that was said so far, mistakes included.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) stores: Stores,
    /// Stores that processors read and others fill.
    pub(crate) reads: Vec<StoreRead>,
    pub(crate) declared: Vec<TopicDeclaration>,
    pub(crate) mistakes: Vec<TopologyError>,
    /// Mistakes as well, unless the user says that partitions are as they should be.
    pub(crate) astray: Vec<TopologyError>,
    pub(crate) trusts_partitions: bool,
    pub(crate) globals: Vec<GlobalTable>,
    /// What stores hold back that say nothing about it.
    pub(crate) cache_bytes: Option<usize>,
    /// Where rows are of stores that say nothing about it.
    pub(crate) in_memory: Option<bool>,
}

impl Graph {
    /// A node reads a store that another one fills.
    pub(crate) fn read_store(&mut self, node: NodeId, read: StoreRead) {
        self.nodes[node].stores.push(read.store);
        self.reads.push(read);
    }

    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Names a node. A repartition's two halves have one name, which its sink side keeps.
    pub(crate) fn name(&mut self, node: NodeId, name: &str) {
        let named = match self.nodes[node].kind {
            Kind::RepartitionSource { sink } => sink,
            _ => node,
        };
        if let Some(first) = self.nodes[named].name.replace(name.to_owned()) {
            self.mistakes.push(TopologyError::NamedTwice { first, second: name.to_owned() });
        }
    }

    /// How long after their ends the windows of a table may still change: what the windowed operations nearest upstream say, the largest of
    /// several. None: somewhere upstream there is none. Kafka: `GraphGraceSearchUtil`.
    pub(crate) fn closes_after_ms(&self, node: NodeId) -> Option<Timestamp> {
        let found = &self.nodes[node];
        if found.closes_after_ms.is_some() {
            return found.closes_after_ms;
        }
        let parents = match &found.kind {
            Kind::RepartitionSource { sink } => &self.nodes[*sink].parents,
            _ => &found.parents,
        };
        let graces: Option<Vec<_>> = parents.iter().map(|parent| self.closes_after_ms(*parent)).collect();
        graces?.into_iter().max()
    }
}
