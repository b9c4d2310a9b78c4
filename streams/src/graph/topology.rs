//! A topology that can run: immutable, shared by all tasks of all threads.

use super::describe::Description;
use super::patterns::is_somebodys;
use super::plan_hash::plan_hash;
use super::settle::Settled;
use super::sub_topology;
use super::{GlobalTable, Graph, Kind, NodeId, RepartitionPlan, Stores, SubTopology, TopicName, TopologyErrors, Wiring, WiringEnvironment};
use crate::task::Processors;
use crate::topic::TopicDeclaration;
use std::fmt;
use std::sync::Arc;

/// What [`StreamsBuilder::build`](crate::dsl::StreamsBuilder::build) makes. Cloning is cheap.
#[derive(Clone)]
pub struct Topology(pub(super) Arc<Settled>);

impl Topology {
    pub(crate) fn of(graph: &Graph) -> Result<Self, TopologyErrors> {
        graph.settle().map(|settled| Topology(Arc::new(settled)))
    }

    /// The topology as text: sub-topologies with what they read, write and keep, and their nodes. The same topology gives the same text.
    ///
    /// Names of internal topics begin with a hyphen: the application id goes before it.
    pub fn describe(&self) -> impl fmt::Display + '_ {
        &*self.0
    }

    /// The same with the names that internal topics have on the log under this application id.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// app.stream(Topic::<String, String>::new("lines")).group_by_key().count(Store::new("lines"));
    /// assert!(app.build().unwrap().describe_as("shop").to_string().contains("changelog shop-lines-changelog"));
    /// ```
    pub fn describe_as(&self, application_id: &str) -> impl fmt::Display + '_ {
        Description { settled: &self.0, application_id: application_id.to_owned() }
    }

    /// The topology as a graph in the DOT language, for Graphviz: sub-topologies as boxes, topics between them, stores beside those who use them.
    /// Internal topics are called as on the log under this application id.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// app.stream(Topic::<String, String>::new("lines")).group_by(|_, line| line.clone()).count(Store::new("lines"));
    /// let dot = app.build().unwrap().to_dot("shop");
    /// assert!(dot.starts_with("digraph topology {") && dot.contains("shop-lines-repartition"));
    /// ```
    pub fn to_dot(&self, application_id: &str) -> String {
        self.0.dot(application_id)
    }

    /// The same as a Mermaid flowchart, which Markdown pages show.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// app.stream(Topic::<String, String>::new("in")).filter(|_, line| !line.is_empty()).to(Topic::new("out"));
    /// let drawn = "flowchart LR
    ///   subgraph part_0[\"sub-topology 0\"]
    ///     node_0[\"stream in\"]
    ///     node_1[\"filter\"]
    ///     node_2[\"to out\"]
    ///   end
    ///   topic_0([\"in\"])
    ///   topic_1([\"out\"])
    ///   topic_0 --> node_0
    ///   node_0 --> node_1
    ///   node_1 --> node_2
    ///   node_2 --> topic_1
    /// ";
    /// assert_eq!(app.build().unwrap().to_mermaid("shop"), drawn);
    /// ```
    pub fn to_mermaid(&self, application_id: &str) -> String {
        self.0.mermaid(application_id)
    }

    /// The parts that run by themselves.
    pub fn sub_topologies(&self) -> &[SubTopology] {
        &self.0.sub_topologies
    }

    /// The internal topics between the parts.
    pub fn repartitions(&self) -> &[RepartitionPlan] {
        &self.0.repartitions
    }

    /// How topics are to be created where they do not exist.
    pub fn declared_topics(&self) -> &[TopicDeclaration] {
        &self.0.declared
    }

    /// Whether sources read by patterns, which must be resolved before tasks are made.
    pub(crate) fn has_patterns(&self) -> bool {
        self.0.has_patterns()
    }

    /// The topology with the topics that its patterns match. An error says what is missing or matched twice.
    pub(crate) fn with_topics(&self, existing: &[Arc<str>], application_id: &str) -> Result<Topology, String> {
        if !self.has_patterns() {
            return Ok(self.clone());
        }
        let mut settled = Settled::clone(&self.0);
        settled.resolve(existing.iter().map(|topic| &**topic).filter(|topic| is_somebodys(topic, application_id)))?;
        Ok(Topology(Arc::new(settled)))
    }

    /// Whether a pattern would match this topic if the application started now.
    pub(crate) fn would_read(&self, topic: &str, application_id: &str) -> bool {
        is_somebodys(topic, application_id) && self.0.matches(topic)
    }

    /// Whether records choose the topics that they are written to.
    pub(crate) fn lets_data_choose(&self) -> bool {
        let runs = |id: &NodeId| matches!(self.0.nodes[*id].kind, Kind::ChosenSink);
        self.sub_topologies().iter().any(|sub| sub.nodes.iter().any(runs))
    }

    /// The tables that every instance reads as a whole.
    pub(crate) fn globals(&self) -> &[GlobalTable] {
        &self.0.globals
    }

    /// Topics that must have the same number of partitions, group by group; groups do not overlap. An internal topic without a stated count takes that of its group.
    pub fn copartition_groups(&self) -> &[Vec<TopicName>] {
        &self.0.copartition_groups
    }

    /// Tells whether what stores and internal topics hold can be read by this topology: names, layouts and formats of stores and repartitions.
    /// The same in every process.
    pub fn plan_hash(&self) -> u64 {
        plan_hash(&self.0)
    }

    /// What is known of the stores.
    pub(crate) fn stores(&self) -> &Stores {
        &self.0.stores
    }

    /// The topics whose records reach a store without another topic between: their partitioning is the store's.
    pub(crate) fn topics_behind(&self, store: &'static str) -> Vec<TopicName> {
        self.0.topics_behind(store)
    }

    /// Puts the operators of one task together.
    pub(crate) fn wire(&self, sub_topology: usize, environment: WiringEnvironment<'_>) -> Processors {
        Wiring::wire(&self.0, &self.0.sub_topologies[sub_topology], environment)
    }

    /// The same topology with all its parts in one, so that one task runs everything.
    pub(crate) fn as_one_task(&self) -> Topology {
        let mut settled = Settled::clone(&self.0);
        sub_topology::unite(&mut settled.sub_topologies);
        settled.repartitions.iter_mut().for_each(|plan| (plan.upstream, plan.downstream) = (0, 0));
        Topology(Arc::new(settled))
    }

    /// The name of a node in errors and dead letters.
    pub fn stage(&self, node: NodeId) -> &str {
        &self.0.stages[node]
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Every thread makes its tasks from the one topology.
const _: fn(Topology) = |topology| {
    fn crosses_threads(_: impl Send + Sync) {}
    crosses_threads(topology);
};
