//! Where a topology begins and ends.

use super::materialized::declare;
use super::{IntoStore, KStream, KTable};
use crate::connector::Connector;
use crate::format::{Nullable, Row};
use crate::graph::{Graph, InputRole, Kind, Node, NodeId, SourceTopics, Topology, TopologyError, TopologyErrors, Wiring};
use crate::operator::{self, Operator};
use crate::record::{Item, Portable};
use crate::topic::{IntoSource, Source, Topic, TopicDeclaration};
use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Builds a topology. Kafka: `StreamsBuilder`.
///
/// ```
/// use headwater_streams::prelude::*;
///
/// const LINES: Topic<String, String> = Topic::new("lines");
/// const COUNTS: Topic<String, u64> = Topic::new("word-counts");
/// const WORDS: Store<String, u64> = Store::new("words");
///
/// fn words(line: &str) -> Vec<String> {
///     line.split_whitespace().map(str::to_lowercase).collect()
/// }
///
/// fn topology() -> Result<Topology, TopologyErrors> {
///     let app = StreamsBuilder::new();
///     app.stream(LINES).flat_map_values(|_, line| words(&line)).group_by(|_, word| word.clone()).count(WORDS).to(COUNTS);
///     app.build()
/// }
/// assert_eq!(topology().unwrap().sub_topologies().len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct StreamsBuilder(Rc<RefCell<Graph>>);

impl StreamsBuilder {
    /// An empty topology.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads topics as a stream of events: a [`Topic`], an array of them, a [`TopicPattern`](crate::topic::TopicPattern), or one of these with
    /// options. The same topics may be read again in the same way: it is one source, under the name that it was given first.
    pub fn stream<S: IntoSource>(&self, source: S) -> KStream<S::Key, S::Value> {
        let source = Arc::new(source.into_source());
        let topics = source_topics(&source, InputRole::Stream);
        if let Some(known) = self.same_source(&topics) {
            return KStream::at(self, known, false);
        }
        let name = source.name.clone();
        let node = self.node(Kind::Source(topics), &[], move |wiring: &mut Wiring<'_>, id: NodeId| {
            let read = operator::read_stream(source.clone());
            let reading = operator::Reading::<S::Key, S::Value, _>::new(wiring.stage(id), source.stamps(), read, wiring.outlet(id));
            wiring.put_source(id, reading);
        });
        self.name_if_any(node, name);
        KStream::at(self, node, false)
    }

    /// Reads a topic as a table: each record is the new state of its row. A null value deletes, whether the topic says `V` or `Option<V>`; a null key is dropped, as in Kafka.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const USERS: Topic<u64, String> = Topic::new("users");
    /// const KNOWN: Store<u64, String> = Store::new("known");
    /// let app = StreamsBuilder::new();
    /// let _known = app.table(USERS, KNOWN);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(USERS, 1, "Ann").send(USERS, 1, "Anna");
    /// assert_eq!(driver.row(KNOWN, 1).as_deref(), Some("Anna"));
    /// ```
    pub fn table<S: IntoSource, M: IntoStore<Value: Row>>(&self, source: S, store: M) -> KTable<M::Key, M::Value>
    where
        S::Key: Nullable<Present = M::Key>,
        S::Value: Nullable<Present = M::Value>,
    {
        let (source, store) = (source.into_source(), store.into_store());
        let changelog = self.source_changelog(&source, store.name);
        self.table_of(source, "table", None).stored_from(store, changelog)
    }

    /// Reads a topic as a table that keeps no rows: they only pass. Where something downstream needs them, as a join does, they are kept after all,
    /// in a store that is called as the topic. Kafka: `StreamsBuilder#table` without a `Materialized`.
    ///
    /// What keeps no rows knows none: that a row was there before, a filter behind it cannot tell, and passes every deletion on.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// let names = app.table_unstored(Topic::<u64, String>::new("names"));
    /// names.to(Topic::<u64, String>::new("copy"));
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].stores.len(), 0);
    ///
    /// let _lengths = names.join(&names, |_, name, _| name.len() as u64); // asks for rows
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].stores[0].name, "names");
    /// ```
    pub fn table_unstored<S: IntoSource>(&self, source: S) -> KTable<<S::Key as Nullable>::Present, <S::Value as Nullable>::Present> {
        let source = source.into_source();
        let changelog = source.topics.first().and_then(|topic| self.source_changelog(&source, topic));
        self.table_of(source, "table", changelog)
    }

    pub(super) fn table_of<K: Nullable, V: Nullable>(
        &self, source: Source<K, V>, operation: &'static str, changelog: Option<&'static str>,
    ) -> KTable<K::Present, V::Present> {
        let source = Arc::new(source);
        let (topics, name) = (source_topics(&source, InputRole::Table), source.name.clone());
        let node = self.node(Kind::Source(topics), &[], move |wiring: &mut Wiring<'_>, id: NodeId| {
            let read = operator::read_table(source.clone());
            let reading =
                operator::Reading::<K::Present, Option<V::Present>, _>::new(wiring.stage(id), source.stamps(), read, wiring.outlet(id));
            wiring.put_source(id, reading);
        });
        self.name_if_any(node, name);
        KTable::of_rows(self, operation, node, changelog)
    }

    /// How many bytes of rows each store holds back that says nothing about it itself; 0: none. Kafka: `statestore.cache.max.bytes`, which is for all stores together.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// app.cache(0);
    /// app.stream(Topic::<String, String>::new("lines")).group_by_key().count(Store::new("lines"));
    /// assert!(app.build().unwrap().describe().to_string().contains("uncached"));
    /// ```
    pub fn cache(&self, bytes: usize) {
        self.0.borrow_mut().cache_bytes = Some(bytes);
    }

    /// Keeps the rows of each store that says nothing about it in memory, those of joins and suppressions included; versioned stores stay on the
    /// disk, as in Kafka, which has none in memory. A store that is an exception says `.on_disk()`. Kafka: `dsl.store.suppliers.class` (KIP-954).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// let app = StreamsBuilder::new();
    /// app.in_memory();
    /// let lines = app.stream(Topic::<String, String>::new("lines")).group_by_key();
    /// lines.count(Store::new("lines"));
    /// lines.reduce(Store::new("longest").on_disk(), |_, a, b| if a.len() < b.len() { b } else { a });
    /// let told = app.build().unwrap().describe().to_string();
    /// assert_eq!(told.matches("in memory").count(), 1);
    /// ```
    pub fn in_memory(&self) {
        self.0.borrow_mut().in_memory = Some(true);
    }

    /// How a topic is to be created where it does not exist.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use std::time::Duration;
    /// const ORDERS: Topic<u64, String> = Topic::new("orders");
    /// let app = StreamsBuilder::new();
    /// app.declare(ORDERS.declaration().partitions(3).retention(Duration::from_secs(7 * 86_400)));
    /// app.stream(ORDERS).for_each(|_, _| ());
    /// assert_eq!(app.build().unwrap().declared_topics()[0].partitions, Some(3));
    /// ```
    pub fn declare(&self, topic: TopicDeclaration) {
        self.0.borrow_mut().declared.push(topic);
    }

    /// Connects a topic with a sink outside of the log. It is a sub-topology of its own and reads what is committed.
    pub fn connect<K, V>(&self, topic: Topic<K, V>, connector: impl Connector + 'static) {
        let kind = Kind::Connector { topic: topic.name(), connector: Arc::new(connector) };
        self.node(kind, &[], |_, _| ());
    }

    /// Says that records stand where the state that they need is, also behind a change of key: `build()` then does not return
    /// [`TopologyError::StateBehindChangedKey`]. Kafka Streams always trusts.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// let by_word = app.stream(IN).select_key(|_, word| word.clone());
    /// by_word.absorb(Store::<String, u64>::new("seen"), |record, seen| Ok(seen.put(&record.key, 1)?));
    /// assert!(app.build().is_err());
    /// app.trust_partitions(); // the producer has sent each word to one partition
    /// assert!(app.build().is_ok());
    /// ```
    pub fn trust_partitions(&self) {
        self.0.borrow_mut().trusts_partitions = true;
    }

    /// The topology, or everything that is wrong with it.
    pub fn build(&self) -> Result<Topology, TopologyErrors> {
        Topology::of(&self.0.borrow())
    }

    pub(super) fn graph<R>(&self, f: impl FnOnce(&mut Graph) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    pub(super) fn node(&self, kind: Kind, parents: &[NodeId], make: impl Fn(&mut Wiring<'_>, NodeId) + Portable) -> NodeId {
        self.graph(|graph| graph.add(Node::new(kind, parents, Arc::new(make))))
    }

    /// A node with one operator: `make` runs once per task, with all types in hand.
    pub(super) fn operator<K: Item, V: Item, O: Operator<K, V> + 'static>(
        &self, kind: Kind, parents: &[NodeId], make: impl Fn(&mut Wiring<'_>, NodeId) -> O + Portable,
    ) -> NodeId {
        self.node(kind, parents, move |wiring: &mut Wiring<'_>, id: NodeId| {
            let operator = make(wiring, id);
            wiring.put(id, operator);
        })
    }

    pub(super) fn name(&self, node: NodeId, name: &str) {
        self.graph(|graph| graph.name(node, name));
    }

    pub(super) fn name_if_any(&self, node: NodeId, name: Option<String>) {
        name.into_iter().for_each(|name| self.name(node, &name));
    }

    /// Whether `other` builds the same topology; it is a mistake of both if not.
    pub(super) fn builds_with(&self, other: &StreamsBuilder, operation: &'static str) -> bool {
        let is_same = Rc::ptr_eq(&self.0, &other.0);
        if !is_same {
            [self, other].into_iter().for_each(|builder| builder.mistake(TopologyError::TwoBuilders { operation }));
        }
        is_same
    }

    /// A node in place of one that another builder has made, whose number means something else here. `build()` refuses it.
    pub(super) fn stand_in(&self) -> NodeId {
        self.node(Kind::Operator { operation: "elsewhere", changes_key: false }, &[], |_, _| ())
    }

    pub(super) fn mistake(&self, mistake: TopologyError) {
        self.graph(|graph| graph.mistakes.push(mistake));
    }

    fn same_source(&self, topics: &SourceTopics) -> Option<NodeId> {
        let same = |kind: &Kind| match kind {
            Kind::Source(known) => {
                let reads = |source: &SourceTopics| (source.types, source.role, source.manner, source.pattern);
                topics.manner.is_some() && reads(known) == reads(topics) && sorted(&known.topics) == sorted(&topics.topics)
            }
            _ => false,
        };
        self.graph(|graph| graph.nodes.iter().position(|node| same(&node.kind)))
    }

    /// The topic that stands in for a table's changelog, if that was asked for and can be.
    pub(super) fn source_changelog<K: Nullable, V: Nullable>(&self, source: &Source<K, V>, store: &'static str) -> Option<&'static str> {
        let topic = *source.topics.first().filter(|_| source.is_changelog)?;
        if source.topics.len() > 1 || !source.reads_plainly() {
            self.mistake(TopologyError::NoChangelog { topic, store });
        }
        Some(topic)
    }

    pub(super) fn declare_store<K: Row, V: Row>(&self, store: declare::Declaration) {
        self.graph(|graph| declare::declare::<K, V>(graph, store));
    }
}

fn sorted(topics: &[&'static str]) -> Vec<&'static str> {
    let mut topics = topics.to_vec();
    topics.sort_unstable();
    topics
}

fn source_topics<K: Nullable, V: Nullable>(source: &Source<K, V>, role: InputRole) -> SourceTopics {
    let types = TypeId::of::<(K, V)>();
    let mut topics: Vec<&'static str> = Vec::new();
    source.topics.iter().for_each(|topic| {
        if !topics.contains(topic) {
            topics.push(topic)
        }
    });
    SourceTopics { topics, pattern: source.pattern, role, reset: source.reset, types, manner: source.manner() }
}
