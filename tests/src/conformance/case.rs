//! Cases as they are recorded: a topology, a timed input, and what Kafka Streams did with it.
//!
//! A field that is there with `null` counts as absent, except where null is a value (keys, values, literals).

use super::functions::{Combiner, Lister, Mapper, Predicate};
use super::value::Value;
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;

/// One case.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The first is its area.
    pub tags: Vec<String>,
    /// How the application is set up.
    #[serde(default)]
    pub config: CaseConfig,
    /// Nodes in the order in which they are built, which matters.
    pub topology: Vec<Node>,
    /// What is done, step by step.
    pub input: Vec<Step>,
    /// What Kafka Streams did, with its default stores.
    pub expect: Expected,
}

/// How the application is set up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CaseConfig {
    /// 0: nothing is held back. Anything else is ample.
    pub cache_max_bytes: Option<i64>,
    /// `every_record` or `manual`.
    pub commit: Option<String>,
    /// `none` or `all`.
    pub optimization: Option<String>,
    /// `fail` or `continue`.
    pub deserialization_errors: Option<String>,
    /// `fail` or `continue`.
    pub processing_errors: Option<String>,
    /// Where the rows of all stores are. The recorded cases do not say it: `expect` is the same for both.
    pub stores: StorePlace,
}

/// Where rows are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorePlace {
    /// On the disk of the state.
    #[default]
    OnDisk,
    /// In memory: a restart finds them empty.
    InMemory,
}

impl CaseConfig {
    /// Caches hold updates back until a commit.
    pub fn caches(&self) -> bool {
        self.cache_max_bytes.is_some_and(|bytes| bytes > 0)
    }

    /// Commits are steps of their own.
    pub fn commits_by_hand(&self) -> bool {
        self.commit.as_deref() == Some("manual")
    }

    /// Repartition topics are merged and source topics serve as changelogs.
    pub fn optimizes(&self) -> bool {
        self.optimization.as_deref() == Some("all")
    }
}

/// One node of the topology.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// What later nodes call it.
    pub id: Option<String>,
    /// The processor's name.
    pub name: Option<String>,
    /// What it does.
    #[serde(flatten)]
    pub op: Op,
}

/// What a node does.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own words; tests/conformance/SPEC.md says what each does")]
pub enum Op {
    Stream { topics: Vec<String>, timestamps: Option<String> },
    Table { topic: String, timestamps: Option<String>, store: Option<Stored> },
    GlobalTable { topic: String, store: Option<Stored> },
    Filter { from: String, p: Predicate, store: Option<Stored> },
    FilterNot { from: String, p: Predicate, store: Option<Stored> },
    MapValues { from: String, f: Mapper, store: Option<Stored> },
    TransformValues { from: String, f: Mapper, store: Option<Stored> },
    Map { from: String, key: Mapper, value: Mapper },
    SelectKey { from: String, key: Mapper },
    FlatMap { from: String, values: Lister, key: Mapper },
    FlatMapValues { from: String, values: Lister },
    Peek { from: String },
    Foreach { from: String },
    Split { from: String, branches: Vec<Branch>, default: Option<String> },
    Merge { from: Vec<String> },
    Repartition { from: String, partitions: Option<i32> },
    To { from: String, topic: Option<String>, topic_fn: Option<Mapper> },
    ToTable { from: String, store: Option<Stored> },
    ToStream { from: String, key: Option<Mapper> },
    GroupByKey { from: String },
    GroupBy { from: String, key: Mapper, value: Option<Mapper> },
    Cogroup { inputs: Vec<CogroupInput> },
    Window(Windowing),
    Count { from: String, store: Option<Stored> },
    Reduce { from: String, adder: Combiner, subtractor: Option<Combiner>, store: Option<Stored> },
    Aggregate(Aggregate),
    Suppress(Suppress),
    Join(Join),
    FkJoin { left: String, right: String, kind: JoinKind, fk: Mapper, joiner: Combiner, store: Option<Stored> },
    Process { from: String, processor: Processor },
    ProcessValues { from: String, processor: Processor },
}

/// One way out of a split.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Branch {
    pub id: String,
    pub p: Predicate,
}

/// One grouped stream of a cogroup.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct CogroupInput {
    pub from: String,
    pub adder: Combiner,
}

/// Windows over a grouping. An absent grace is none.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Windowing {
    pub from: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub size_ms: Option<i64>,
    pub advance_ms: Option<i64>,
    pub diff_ms: Option<i64>,
    pub gap_ms: Option<i64>,
    pub start_ms: Option<i64>,
    pub grace_ms: Option<i64>,
    pub emit: Option<String>,
}

/// An aggregation with an aggregate of its own.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Aggregate {
    pub from: String,
    #[serde(default)]
    pub init: Value,
    pub adder: Option<Combiner>,
    pub subtractor: Option<Combiner>,
    pub merger: Option<Combiner>,
    pub store: Option<Stored>,
}

/// A buffer in front of what follows.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Suppress {
    pub from: String,
    pub until: String,
    pub wait_ms: Option<i64>,
    pub buffer: Option<SuppressBuffer>,
}

/// How much a suppress may hold, and what it does when it is full.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct SuppressBuffer {
    pub max_records: Option<usize>,
    pub full: Option<String>,
}

/// A join; which one is a matter of its sides.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Join {
    pub left: String,
    pub right: String,
    pub kind: JoinKind,
    pub joiner: Combiner,
    pub window: Option<JoinWindow>,
    pub store_name: Option<String>,
    pub grace_ms: Option<i64>,
    pub key: Option<Mapper>,
    pub store: Option<Stored>,
}

/// Whose records need no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own words")]
pub enum JoinKind {
    Inner,
    Left,
    Outer,
}

/// How far apart two records may be.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct JoinWindow {
    pub diff_ms: Option<i64>,
    pub before_ms: Option<i64>,
    pub after_ms: Option<i64>,
    pub grace_ms: Option<i64>,
}

/// A processor of the cases, see `build/processors.rs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the cases' own words")]
pub enum Processor {
    Total { store: String },
    Echo { n: usize },
    Header { name: String, value: Mapper },
    Metadata,
    Time,
    ShiftTs { ms: i64 },
    FailOn { p: Predicate },
    Dedup { store: String, ttl_ms: i64 },
    Punctuate { store: String, clock: String, interval_ms: i64, times: Option<usize> },
}

/// What is said about a node's store.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Stored {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub history_ms: Option<i64>,
    pub segment_ms: Option<i64>,
    pub retention_ms: Option<i64>,
    pub caching: Option<bool>,
    pub logging: Option<bool>,
}

/// One thing that is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// The wall clock moves.
    Advance {
        /// By so much.
        advance_wall_clock_ms: i64,
    },
    /// A commit.
    Commit {
        /// Always true.
        commit: bool,
    },
    /// A store is read.
    Query {
        /// How.
        query: Query,
    },
    /// A record arrives.
    Record(Input),
}

/// A record that arrives.
#[derive(Clone, Debug, Deserialize)]
pub struct Input {
    /// What it is.
    #[serde(flatten)]
    pub record: Record,
    /// The part that nobody can decode.
    pub bad: Option<String>,
}

/// A record of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// Where.
    pub topic: String,
    /// Its key.
    #[serde(default)]
    pub key: Value,
    /// Its value.
    #[serde(default)]
    pub value: Value,
    /// Its timestamp.
    pub ts: i64,
    /// Names and values.
    #[serde(default)]
    pub headers: Vec<(String, Option<String>)>,
}

/// How a store is read.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Query {
    pub store: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub key: Value,
    #[serde(default)]
    pub from: Value,
    #[serde(default)]
    pub to: Value,
    pub time_from: Option<i64>,
    pub time_to: Option<i64>,
    pub as_of: Option<i64>,
}

/// What Kafka Streams did.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Expected {
    /// Every record that was written to a topic that is not internal.
    pub outputs: Vec<Output>,
    /// What the query steps found.
    pub queries: Vec<Answer>,
    /// What the named stores held at the end.
    pub stores: std::collections::BTreeMap<String, Contents>,
    /// Records that were dropped.
    pub dropped: Option<u64>,
    /// How the case failed.
    pub error: Option<Failed>,
}

/// A record that was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// In which step.
    pub step: usize,
    /// What it is.
    #[serde(flatten)]
    pub record: Record,
}

/// What a query step found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Answer {
    pub step: usize,
    #[serde(default)]
    pub result: Json,
}

/// What a store held.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Contents {
    pub kind: String,
    #[serde(default)]
    pub entries: Vec<Json>,
}

/// How a case failed.
#[derive(Clone, Debug, Eq, Deserialize)]
#[allow(missing_docs, reason = "the cases' own words")]
pub struct Failed {
    pub phase: String,
    pub step: Option<usize>,
    pub kind: String,
    /// What was said, which nobody compares.
    pub detail: Option<String>,
}

impl PartialEq for Failed {
    fn eq(&self, other: &Failed) -> bool {
        (&self.phase, self.step, &self.kind) == (&other.phase, other.step, &other.kind)
    }
}

/// As one would write it down: key=value@time.
impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}@{}", self.key.to_json(), self.value.to_json(), self.ts)
    }
}

impl Case {
    /// Reads a case from a file.
    pub fn read(path: &Path) -> Result<Case, String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| at(&error))?;
        serde_json::from_str(&text).map_err(|error| at(&error))
    }

    /// The same with its stores elsewhere.
    #[must_use]
    pub fn with_stores(mut self, place: StorePlace) -> Case {
        self.config.stores = place;
        self
    }

    /// Kafka fails here in a way that nobody wants.
    pub fn is_kafka_bug(&self) -> bool {
        self.tags.iter().any(|tag| tag == "kafka-bug")
    }
}
