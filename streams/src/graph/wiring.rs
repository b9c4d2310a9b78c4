//! One task while it is put together, children before parents.

use super::settle::Settled;
use super::stores::Stores;
use super::tables::is_versioned;
use super::{Kind, NodeId, SubTopology, TopicName};
use crate::format::{Nullable, Row};
use crate::operator::{
    ByTime, Closing, Finals, Leftovers, OnClose, Operator, Outlet, Routed, Suppressing, Suppression, Update, Way, suppress,
};
use crate::record::{Change, Item, NO_TIMESTAMP, Record, Timestamp, Windowed};
use crate::runtime::{Recovery, TimeRule};
use crate::task::store::{
    Backing, Buffer, Clock, EventRows, KeyEnd, KeyValueRows, RowBytes, Rows, SessionRows, SpanBytes, SpanRows, WindowRows,
};
use crate::task::{Context, Destinations, Flow, Flusher, GlobalRows, Globals, OutputId, Processors, Punctuated, SourceNode, WiredSource};
use crate::topic::Sink;
use headwater_state::{KeyValueHandle, SpanHandle, TaskState};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a task lends to its wiring.
pub(crate) struct WiringEnvironment<'a> {
    pub(crate) application_id: &'a str,
    /// The task's partition.
    pub(crate) partition: i32,
    pub(crate) state: &'a Rc<RefCell<TaskState>>,
    /// Its outbox gets the outputs.
    pub(crate) context: &'a mut Context,
    /// The topics that data may choose.
    pub(crate) destinations: &'a Arc<Destinations>,
    pub(crate) globals: &'a Globals,
    /// How many partitions an output topic has.
    pub(crate) partitions_of: &'a dyn Fn(&str) -> i32,
}

/// What makers work with: their children, stores, topics and clocks.
pub(crate) struct Wiring<'a> {
    topology: &'a Settled,
    environment: WiringEnvironment<'a>,
    made: HashMap<Part, Box<dyn Any>>,
    sources: Vec<WiredSource>,
    flushers: Vec<Flusher>,
    punctuated: Vec<Box<dyn Punctuated>>,
    processors: Processors,
}

#[derive(PartialEq, Eq, Hash)]
enum Part {
    Node(NodeId),
    Store(&'static str),
}

/// An operator that waits for its parent, or for several.
enum Made<K, V> {
    Own(Option<Box<dyn Operator<K, V>>>),
    Meeting(Rc<RefCell<Box<dyn Operator<K, V>>>>),
}

impl<'a> Wiring<'a> {
    pub(super) fn wire(topology: &'a Settled, part: &SubTopology, environment: WiringEnvironment<'a>) -> Processors {
        let (made, processors) = (HashMap::new(), Processors::default());
        let mut wiring =
            Wiring { topology, environment, made, sources: Vec::new(), flushers: Vec::new(), punctuated: Vec::new(), processors };
        for id in part.nodes.iter().rev() {
            (topology.nodes[*id].make)(&mut wiring, *id);
        }
        let Wiring { sources, flushers, punctuated, mut processors, .. } = wiring;
        // Made from the end, needed from the beginning: sources as they were built, flushers upstream first.
        processors.sources = sources.into_iter().rev().collect();
        processors.flushers = flushers.into_iter().rev().collect();
        processors.punctuated = punctuated.into_iter().rev().collect();
        processors
    }

    /// The only downcast.
    fn part<T: 'static>(&mut self, part: &Part) -> Option<&mut T> {
        let made = self.made.get_mut(part)?;
        Some(made.downcast_mut().expect("handles and store declarations agree on types, or build() refuses"))
    }

    /// Where a node sends to.
    pub(crate) fn outlet<K: 'static, V: 'static>(&mut self, node: NodeId) -> Outlet<K, V> {
        let topology = self.topology;
        Outlet::new(topology.children[node].iter().map(|child| self.operator(*child)).collect())
    }

    /// Where a processor's records go, with the names of those that get them.
    pub(crate) fn way<K: Item, V: Item>(&mut self, node: NodeId) -> Way<K, V> {
        let names = self.children(node).iter().map(|child| self.stage(*child)).collect();
        Way::new(self.outlet(node), names)
    }

    /// Leaves a processor to the schedules of the task.
    pub(crate) fn put_punctuated(&mut self, processor: impl Punctuated + 'static) {
        self.punctuated.push(Box::new(processor));
    }

    /// A node's children one by one, for operators that choose between them.
    pub(crate) fn children(&self, node: NodeId) -> &'a [NodeId] {
        &self.topology.children[node]
    }

    /// An operator that was made: owned, or shared where streams meet.
    pub(crate) fn operator<K: 'static, V: 'static>(&mut self, node: NodeId) -> Box<dyn Operator<K, V>> {
        match self.part(&Part::Node(node)).expect("children are made first") {
            Made::Own(operator) => operator.take().expect("a node with one parent is taken once"),
            Made::Meeting(operator) => {
                let operator = operator.clone();
                Box::new(move |record: Record<K, V>, task: &mut Context| -> Flow { operator.borrow_mut().process(record, task) })
            }
        }
    }

    /// Leaves an operator to the node's parents.
    pub(crate) fn put<K: 'static, V: 'static>(&mut self, node: NodeId, operator: impl Operator<K, V> + 'static) {
        let operator: Box<dyn Operator<K, V>> = Box::new(operator);
        let meets = self.topology.nodes[node].parents.len() > 1;
        let made = if meets { Made::Meeting(Rc::new(RefCell::new(operator))) } else { Made::Own(Some(operator)) };
        self.made.insert(Part::Node(node), Box::new(made));
    }

    /// Leaves a source to the task.
    pub(crate) fn put_source(&mut self, node: NodeId, source: impl SourceNode + 'static) {
        let topics = match &self.topology.nodes[node].kind {
            Kind::Source(source) => source.topics.iter().map(|topic| Arc::from(*topic)).collect(),
            Kind::RepartitionSource { sink } => vec![self.repartition_topic(*sink)],
            other => unreachable!("{} is no source", other.operation()),
        };
        self.sources.push(WiredSource { topics, node: Box::new(source) });
    }

    /// A store of rows by key; the same one for every node that names it.
    pub(crate) fn key_value<K: Row, V: Row>(&mut self, store: &'static str) -> Rc<KeyValueRows<K, V>> {
        if let Some(known) = self.part::<Rc<KeyValueRows<K, V>>>(&Part::Store(store)) {
            return known.clone();
        }
        let rows = Rc::new(Rows::new(store, self.row_bytes(store), self.cache_bytes(store), self.undoes()));
        self.processors.stores.push((store, rows.clone()));
        self.keep_store(store, rows)
    }

    fn row_bytes(&mut self, store: &'static str) -> RowBytes {
        let versions = self.environment.state.borrow().versioned(store);
        match versions {
            Some(versions) => RowBytes::Versions(versions, self.counter(&format!("{store}/store"))),
            None => RowBytes::Last(self.bytes(store)),
        }
    }

    /// What is known of the stores.
    pub(crate) fn stores(&self) -> &'a Stores {
        &self.topology.stores
    }

    /// The store with the rows of a node's table, where it has one.
    pub(crate) fn own_rows<K: Row, V: Row>(&mut self, node: NodeId) -> Option<Rc<KeyValueRows<K, V>>> {
        self.topology.nodes[node].rows.store().map(|store| self.key_value(store))
    }

    /// Somebody downstream wants to know what rows were before.
    pub(crate) fn sends_old_values(&self, node: NodeId) -> bool {
        self.topology.nodes[node].sends_old_values
    }

    /// Out-of-order rows of a versioned table are no news to joins and aggregations (KIP-914).
    pub(crate) fn is_versioned(&self, table: NodeId) -> bool {
        is_versioned(&self.topology.nodes, &self.topology.stores, table)
    }

    /// A store of rows by key and window; the same one for every node that names it.
    pub(crate) fn window<K: Row, V: Row>(&mut self, store: &'static str) -> Rc<WindowRows<K, V>> {
        self.spans(store, TaskState::window)
    }

    /// A store of rows by key and session; the same one for every node that names it.
    pub(crate) fn session<K: Row, V: Row>(&mut self, store: &'static str) -> Rc<SessionRows<K, V>> {
        self.spans(store, TaskState::session)
    }

    fn spans<K: Row, V: Row, S: KeyEnd>(
        &mut self, store: &'static str, bytes: impl FnOnce(&TaskState, &str) -> Option<SpanHandle<S>>,
    ) -> Rc<SpanRows<K, V, S>> {
        if let Some(known) = self.part::<Rc<SpanRows<K, V, S>>>(&Part::Store(store)) {
            return known.clone();
        }
        let bytes = self.span_bytes(store, bytes);
        let rows = Rc::new(Rows::<Windowed<K>, V, _>::new(store, bytes, self.cache_bytes(store), self.undoes()));
        self.processors.stores.push((store, rows.clone()));
        self.keep_store(store, rows)
    }

    fn span_bytes<S: KeyEnd>(
        &mut self, store: &'static str, bytes: impl FnOnce(&TaskState, &str) -> Option<SpanHandle<S>>,
    ) -> SpanBytes<S> {
        let bytes = bytes(&self.environment.state.borrow(), store).expect("the state has the stores of the plan");
        SpanBytes::new(bytes, self.environment.context.rules.time, self.clock(&format!("{store}/store")))
    }

    /// What a suppressed table holds back.
    pub(crate) fn buffer<K: Row, V: Row>(&mut self, node: NodeId, rule: &Suppression<K>) -> Rc<Buffer<K, V>> {
        let store = self.topology.nodes[node].buffer.as_ref().expect("a suppressed table has a buffer").name;
        if let Some(known) = self.part::<Rc<Buffer<K, V>>>(&Part::Store(store)) {
            return known.clone();
        }
        let bytes = self.environment.state.borrow().key_value(store).expect("the state has the stores of the plan");
        let buffer = Rc::new(Buffer::new(store, bytes, rule.max_bytes.is_some(), self.undoes()));
        self.keep_store(store, buffer)
    }

    /// A suppressed table. Under [`TimeRule::Watermark`] commits look at what is due as well, because time moves without records too.
    pub(crate) fn suppress<K: Row, V: Row>(
        &mut self, node: NodeId, rule: Suppression<K>, next: Outlet<K, Change<V>>,
    ) -> impl Operator<K, Change<V>> + use<K, V> {
        let buffer = self.buffer::<K, V>(node, &rule);
        let store = self.topology.nodes[node].buffer.as_ref().expect("a suppressed table has a buffer").name;
        let observed = self.clock(store);
        let suppressing = Rc::new(RefCell::new(Suppressing::new(self.stage(node), rule, buffer, observed, next)));
        if self.environment.context.rules.time == TimeRule::Watermark {
            let suppressing = suppressing.clone();
            self.flushers.push(Box::new(move |task: &mut Context| suppressing.borrow_mut().emit_detached(task)));
        }
        suppress(suppressing)
    }

    /// A store of events by key and time; the same one for every node that names it.
    pub(crate) fn events<K: Row, V: Row>(&mut self, store: &'static str) -> Rc<EventRows<K, V>> {
        if let Some(known) = self.part::<Rc<EventRows<K, V>>>(&Part::Store(store)) {
            return known.clone();
        }
        let bytes = self.span_bytes(store, TaskState::window);
        let rows = Rc::new(EventRows::new(store, bytes, self.counter(&format!("{store}/sequence"))));
        self.made.insert(Part::Store(store), Box::new(rows.clone()));
        rows
    }

    /// What waits in a left or outer join of streams; the same for both sides.
    pub(crate) fn leftovers(&mut self, store: &'static str) -> Rc<Leftovers> {
        if let Some(known) = self.part::<Rc<Leftovers>>(&Part::Store(store)) {
            return known.clone();
        }
        let leftovers = Rc::new(Leftovers::new(store, self.bytes(store), self.counter(&format!("{store}/least"))));
        self.made.insert(Part::Store(store), Box::new(leftovers.clone()));
        leftovers
    }

    /// The rows of a global table.
    pub(crate) fn global(&self, store: &str) -> Arc<GlobalRows> {
        self.environment.globals.rows(store).expect("an instance has the global tables of its topology").clone()
    }

    /// A store of bytes, for an operator with a layout of its own.
    pub(crate) fn bytes(&self, store: &str) -> KeyValueHandle {
        self.environment.state.borrow().key_value(store).expect("the state has the stores of the plan")
    }

    fn keep_store<T: crate::task::Front + 'static>(&mut self, store: &'static str, rows: Rc<T>) -> Rc<T> {
        self.made.insert(Part::Store(store), Box::new(rows.clone()));
        self.processors.fronts.push(rows.clone());
        rows
    }

    /// The way on from the store of a table's node: the operator's own, or, where updates are held back, its flusher's.
    pub(crate) fn table_outlet<K: Clone + 'static, V: Row, B: Backing + 'static>(
        &mut self, node: NodeId, rows: &Rc<Rows<K, V, B>>,
    ) -> Option<Outlet<K, Change<V>>> {
        let mut next = self.outlet::<K, Change<V>>(node);
        rows.forward_changes(self.topology.nodes[node].sends_old_values);
        if !rows.is_cached() {
            return Some(next);
        }
        let rows = rows.clone();
        self.flushers.push(Box::new(move |task: &mut Context| rows.flush(&mut next, task)));
        None
    }

    /// The way on from an aggregation whose updates all go on.
    pub(crate) fn on_update<K: Clone + 'static, V: Row, B: Backing + 'static>(
        &mut self, node: NodeId, rows: &Rc<Rows<K, V, B>>,
    ) -> Update<K, V> {
        let next = self.table_outlet(node, rows);
        Update::new(self.stage(node), next).with_old_values(self.topology.nodes[node].sends_old_values)
    }

    /// The way on from a window aggregation of which only the last word goes on.
    pub(crate) fn on_close<K: Row, V: Row>(&mut self, node: NodeId, store: &str, closing: Closing, by_time: ByTime<K, V>) -> OnClose<K, V> {
        let emitted = self.counter(&format!("{store}/emitted"));
        let finals = Finals::new(self.stage(node), closing, by_time, emitted, self.outlet(node));
        let finals = Rc::new(RefCell::new(finals));
        if self.environment.context.rules.time == TimeRule::Watermark {
            let finals = finals.clone();
            self.flushers.push(Box::new(move |task: &mut Context| finals.borrow_mut().emit_detached(task)));
        }
        OnClose::new(finals)
    }

    fn cache_bytes(&self, store: &str) -> usize {
        self.topology.stores.get(store).map_or(0, |store| store.options.cache_bytes())
    }

    fn undoes(&self) -> bool {
        self.environment.context.rules.recovery == Recovery::Undo
    }

    /// A time that operators keep for themselves; the same one for all that name it. The name must be stable: the task finds the time again after a restart.
    /// Only [`TimeRule::Kafka`] has such times.
    pub(crate) fn clock(&mut self, name: &str) -> Rc<Cell<Timestamp>> {
        match self.environment.context.rules.time {
            TimeRule::Kafka => self.counter(name),
            TimeRule::Watermark => Rc::new(Cell::new(NO_TIMESTAMP)),
        }
    }

    /// A number that must not be forgotten, whatever the rule of time: the task saves it with its commits. A new one is [`NO_TIMESTAMP`].
    pub(crate) fn counter(&mut self, name: &str) -> Rc<Cell<i64>> {
        if let Some((_, known)) = self.processors.clocks.iter().find(|(known, _)| **known == *name) {
            return known.clone();
        }
        let clock = Clock::new();
        let count = clock.time.clone();
        self.processors.clocks.push((Arc::from(name), count.clone()));
        self.processors.fronts.push(Rc::new(clock));
        count
    }

    /// The task's partition.
    pub(crate) fn partition(&self) -> u32 {
        u32::try_from(self.environment.partition).expect("partitions are counted from zero")
    }

    /// A topic of the user's that the node writes to.
    pub(crate) fn output(&mut self, topic: &str) -> OutputId {
        self.output_to(Arc::from(topic))
    }

    /// The way of a sink whose records choose for themselves.
    pub(crate) fn routed<K, V: Nullable>(&mut self, node: NodeId, sink: &Sink<K, V>) -> Routed<K, V> {
        let (stage, there) = (self.stage(node), self.environment.destinations.clone());
        Routed::new(stage, &sink.target, sink.partitioner.clone(), &there, |topic| self.output(topic))
    }

    /// The internal topic that a repartition's sink side writes to.
    pub(crate) fn repartition_output(&mut self, sink: NodeId) -> OutputId {
        let topic = self.repartition_topic(sink);
        self.output_to(topic)
    }

    fn output_to(&mut self, topic: Arc<str>) -> OutputId {
        let partitions = (self.environment.partitions_of)(&topic);
        self.environment.context.outbox.output(&topic, partitions)
    }

    pub(crate) fn repartition_topic(&self, sink: NodeId) -> Arc<str> {
        let name = &self.topology.repartition_names[&sink];
        TopicName::Internal(format!("{name}-repartition")).resolve(self.environment.application_id)
    }

    /// The node's name in errors and dead letters.
    pub(crate) fn stage(&self, node: NodeId) -> Arc<str> {
        self.topology.stages[node].clone()
    }

    /// Whether a repartition lets records without a key pass.
    pub(crate) fn keeps_null_keys(&self, sink: NodeId) -> bool {
        matches!(&self.topology.nodes[sink].kind, Kind::Repartition(repartition) if repartition.keeps_null_keys)
    }
}
