//! A case's topology in the words of the public DSL. One file per family of operations.

mod grouped;
mod joins;
mod processors;
mod refusal;
mod streams;
mod tables;
mod thing;
mod windows;

pub use thing::{CaseKey, Thing};

use super::case::{CaseConfig, Node, Op, StorePlace, Stored};
use super::value::Value;
use headwater_streams::dsl::{IntoStore, Materialized, Store, StreamsBuilder, VersionedStore};
use headwater_streams::graph::{Topology, TopologyErrors};
use std::collections::BTreeMap;

/// Why a case's topology is not to be had.
#[derive(Debug)]
pub enum Unbuildable {
    /// The runner, or the DSL, has no such operation, or not for such things.
    Unsupported(String),
    /// `build()` refuses it.
    Refused(TopologyErrors),
    /// The types of the DSL refuse it before there is anything to build; the kind is the cases'.
    Untypable(&'static str),
}

impl Unbuildable {
    /// The kind of the first mistake, as the cases call it; none where it is the runner that cannot.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Unbuildable::Unsupported(_) => None,
            Unbuildable::Refused(mistakes) => mistakes.iter().next().map(refusal::kind_of),
            Unbuildable::Untypable(kind) => Some(kind),
        }
    }
}

impl std::fmt::Display for Unbuildable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unbuildable::Unsupported(what) => f.write_str(what),
            Unbuildable::Refused(mistakes) => mistakes.fmt(f),
            Unbuildable::Untypable(kind) => write!(f, "the types refuse it: {kind}"),
        }
    }
}

/// The result of one operation.
type Made = Result<Option<Thing>, Unbuildable>;

/// A topology on its way.
pub struct Builder<'a> {
    app: StreamsBuilder,
    config: &'a CaseConfig,
    things: BTreeMap<String, Thing>,
    /// Streams that are read from topics, by the topics.
    sources: BTreeMap<Vec<String>, Thing>,
    /// Stores that the case names, by name.
    stores: BTreeMap<String, StoreRole>,
    /// The topics of streams that are read from them, in one text, by the ids of their nodes.
    topics_of: BTreeMap<String, String>,
    /// Streams as joins enter them, by the ids of their nodes.
    entered: BTreeMap<String, Thing>,
    /// How many nodes there were before the one at hand.
    index: usize,
}

/// What a store of a case is, so that its contents can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRole {
    /// Rows by key, with times.
    Rows,
    /// Rows by key and window of an earlier aggregation, with times.
    RowsByWindow,
    /// Rows by key, without times.
    PlainRows,
    /// Rows by key and window; such a window ends so long after its start.
    Windows {
        /// The size.
        size_ms: i64,
    },
    /// Rows by key and session.
    Sessions,
    /// Rows by key as of a time.
    Versions,
}

/// What the driver runs, and the stores that the case names.
pub struct Built {
    /// The topology.
    pub topology: Topology,
    /// The named stores.
    pub stores: BTreeMap<String, StoreRole>,
}

/// Builds the topology of a case.
pub fn build(nodes: &[Node], config: &CaseConfig) -> Result<Built, Unbuildable> {
    let app = StreamsBuilder::new();
    app.trust_partitions();
    app.cache(if config.caches() { CACHE_BYTES } else { 0 });
    if config.stores == StorePlace::InMemory {
        app.in_memory();
    }
    let mut builder = Builder {
        app,
        config,
        things: BTreeMap::new(),
        stores: BTreeMap::new(),
        topics_of: BTreeMap::new(),
        sources: BTreeMap::new(),
        entered: BTreeMap::new(),
        index: 0,
    };
    for node in nodes {
        let made = builder.make(node)?;
        if let (Some(id), Some(thing)) = (&node.id, made) {
            builder.things.insert(id.clone(), thing);
        }
        builder.index += 1;
    }
    let topology = builder.app.build().map_err(Unbuildable::Refused)?;
    Ok(Built { topology, stores: builder.stores })
}

impl Builder<'_> {
    fn make(&mut self, node: &Node) -> Made {
        match &node.op {
            Op::Stream { topics, timestamps } => self.stream(node, topics, timestamps.as_deref()),
            Op::Filter { from, p, store } => self.filter(node, from, p, store.as_ref()),
            Op::FilterNot { from, p, store } => self.filter_not(node, from, p, store.as_ref()),
            Op::MapValues { from, f, store } => self.map_values(node, from, f, store.as_ref()),
            Op::Map { from, key, value } => self.map(node, from, key, value),
            Op::SelectKey { from, key } => self.select_key(node, from, key),
            Op::FlatMap { from, values, key } => self.flat_map(node, from, values, key),
            Op::FlatMapValues { from, values } => self.flat_map_values(node, from, values),
            Op::Peek { from } => self.peek(from),
            Op::Foreach { from } => self.for_each(from),
            Op::Split { from, branches, default } => self.split(from, branches, default.as_deref()),
            Op::Merge { from } => self.merge(from),
            Op::Repartition { from, partitions } => self.repartition(node, from, *partitions),
            Op::To { from, topic, topic_fn } => self.to(node, from, topic.as_deref(), topic_fn.as_ref()),
            Op::Table { topic, timestamps, store } => self.table(node, topic, timestamps.as_deref(), store.as_ref()),
            Op::TransformValues { from, f, store } => self.transform_values(node, from, f, store.as_ref()),
            Op::ToTable { from, store } => self.table_of_stream(node, from, store.as_ref()),
            Op::ToStream { from, key } => self.stream_of_table(node, from, key.as_ref()),
            Op::GroupByKey { from } => self.group_by_key(node, from),
            Op::GroupBy { from, key, value } => self.group_by(node, from, key, value.as_ref()),
            Op::Count { from, store } => self.count(node, from, store.as_ref()),
            Op::Reduce { from, adder, subtractor, store } => self.reduce(node, from, adder, subtractor.as_ref(), store.as_ref()),
            Op::Aggregate(aggregate) => self.aggregate(node, aggregate),
            Op::Cogroup { inputs } => self.cogroup(inputs),
            Op::Window(windowing) => self.window(windowing),
            Op::Suppress(suppress) => self.suppress(node, suppress),
            Op::GlobalTable { topic, store } => self.global_table(node, topic, store.as_ref()),
            Op::Join(join) => self.join(node, join),
            Op::FkJoin { left, right, kind, fk, joiner, store } => self.fk_join(node, (left, right), *kind, (fk, joiner), store.as_ref()),
            Op::Process { from, processor } => self.process(node, from, processor),
            Op::ProcessValues { from, processor } => self.process_values(node, from, processor),
        }
    }

    /// What an earlier node has made.
    fn thing(&self, id: &str) -> Result<Thing, Unbuildable> {
        self.things.get(id).cloned().ok_or_else(|| unsupported(format!("no thing called {id}")))
    }

    /// What a node is called where the case does not say.
    fn label(&self, node: &Node) -> String {
        let made = || node.id.clone().unwrap_or_else(|| format!("node-{}", self.index));
        node.name.clone().unwrap_or_else(made)
    }

    /// The store of a node, with a name of its own if need be; the case finds it again under its name.
    fn store<K: CaseKey>(&mut self, node: &Node, stored: Option<&Stored>, role: StoreRole) -> Materialized<K, Value> {
        let named = stored.and_then(|stored| stored.name.clone());
        let history_ms = stored.filter(|stored| stored.kind.as_deref() == Some("versioned")).map(|stored| stored.history_ms.unwrap_or(0));
        let role = match role {
            _ if history_ms.is_some() => StoreRole::Versions,
            StoreRole::Rows => K::ROWS,
            other => other,
        };
        self.stores.extend(named.iter().map(|name| (name.clone(), role)));
        let name = named.unwrap_or_else(|| format!("{}-store", self.label(node)));
        if let Some(history_ms) = history_ms {
            return versioned(&name, history_ms, stored.and_then(|stored| stored.segment_ms)).into_store();
        }
        let store = Store::<K, Value>::of(name);
        let store = if self.is_cached(stored) { store.cached(CACHE_BYTES) } else { store.uncached() };
        if stored.is_some_and(|stored| stored.logging == Some(false)) { store.unlogged().may_lose_one_interval() } else { store }
    }

    /// Whether a store holds updates back.
    fn is_cached(&self, stored: Option<&Stored>) -> bool {
        self.config.caches() && stored.is_none_or(|stored| stored.caching != Some(false))
    }
}

fn versioned<K>(name: &str, history_ms: i64, segment_ms: Option<i64>) -> VersionedStore<K, Value> {
    let store = VersionedStore::of_ms(name, history_ms);
    segment_ms.map_or(store, |segment_ms| store.segments_of_ms(segment_ms))
}

/// Ample.
const CACHE_BYTES: usize = 10_000_000;

fn unsupported(what: impl Into<String>) -> Unbuildable {
    Unbuildable::Unsupported(what.into())
}
