//! Processors: user code that sees whole records and has stores. The stores it may touch are its parameters.

pub(super) use self::opened::Open;
use super::materialized::declare::{self, Declaration};
use super::{IntoStore, KStream, Materialized, Store};
use crate::format::{Nullable, Row};
use crate::graph::{Graph, Kind, NodeId, TopologyError, Wiring};
use crate::operator::{self, Out, OutValues, Processing, ProcessorContext, SharedProcessor, Work};
use crate::record::{Item, Portable, Record};
use crate::task::store::{Call, Handles, StoreHandle};
use crate::task::{Due, Failure, Schedules};
use std::rc::Rc;
use std::sync::Arc;

impl<K: Item, V: Item> KStream<K, V> {
    /// Calls a function with each record, the stores it asked for, and what it may send through. Its errors go the way of
    /// [`OnFailure`](crate::runtime::OnFailure). Name the stream that results if it is grouped or joined: the key may have changed.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const READINGS: Topic<u64, f64> = Topic::new("readings");
    /// const LAST: Store<u64, f64> = Store::new("last-reading");
    /// const JUMPS: Topic<u64, f64> = Topic::new("jumps");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(READINGS)
    ///     .process(LAST, |reading, last, out| {
    ///         if let Some(before) = last.get(&reading.key)? {
    ///             out.send(reading.key, reading.value - before);
    ///         }
    ///         last.put(&reading.key, reading.value)?;
    ///         Ok(())
    ///     })
    ///     .to(JUMPS);
    ///
    /// # use headwater_streams::testing::TestDriver;
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(READINGS, 1, 20.0).send(READINGS, 1, 23.5);
    /// assert_eq!((driver.latest(JUMPS, 1), driver.row(LAST, 1)), (Some(3.5), Some(23.5)));
    /// ```
    pub fn process<S: Stores, K2: Item, V2: Item>(
        &self, stores: S, f: impl Fn(Record<K, V>, &mut S::Handles, &mut Out<'_, K2, V2>) -> Result<(), Failure> + Portable,
    ) -> KStream<K2, V2> {
        let (f, opened) = (Arc::new(f), stores.clone());
        let stream = self.then_rekeyed("process", move |wiring: &mut Wiring<'_>, id| {
            let f = f.clone();
            operator::process(processing(&opened, wiring, id), wiring.way(id), move |record, handles, out| f(record, handles, out))
        });
        self.give(&stores, stream.node);
        stream
    }

    /// The same for a function that keeps the key: it sees the key but sends only values, so that nothing has to be repartitioned afterwards.
    /// Kafka: `processValues` (KIP-820).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const PRICES: Topic<String, u64> = Topic::new("prices");
    /// const RUNNING: Store<String, u64> = Store::new("running-total");
    /// const TOTALS: Topic<String, u64> = Topic::new("totals");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(PRICES)
    ///     .process_values(RUNNING, |price, running, out| {
    ///         let total = running.get(price.key)?.unwrap_or(0) + price.value;
    ///         running.put(price.key, total)?;
    ///         out.send(total);
    ///         Ok(())
    ///     })
    ///     .to(TOTALS);
    ///
    /// # use headwater_streams::testing::TestDriver;
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(PRICES, "tea", 3).send(PRICES, "tea", 4);
    /// assert_eq!(driver.latest(TOTALS, "tea"), Some(7));
    /// ```
    pub fn process_values<S: Stores, V2: Item>(
        &self, stores: S, f: impl Fn(Record<&K, V>, &mut S::Handles, &mut OutValues<'_, K, V2>) -> Result<(), Failure> + Portable,
    ) -> KStream<K, V2> {
        let (f, opened) = (Arc::new(f), stores.clone());
        let stream = self.then("process_values", move |wiring: &mut Wiring<'_>, id| {
            let f = f.clone();
            let call = move |record: Record<&K, V>, handles: &mut S::Handles, out: &mut OutValues<'_, K, V2>| f(record, handles, out);
            operator::process_values(processing(&opened, wiring, id), wiring.way(id), call)
        });
        self.give(&stores, stream.node);
        stream
    }

    /// The same for a function that sends nothing.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<String, u64> = Topic::new("in");
    /// const LARGEST: Store<String, u64> = Store::new("largest");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).absorb(LARGEST, |record, largest| {
    ///     Ok(largest.update(&record.key, |known| known.max(Some(record.value)))?)
    /// });
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, "a", 7).send(IN, "a", 3);
    /// assert_eq!(driver.row(LARGEST, "a"), Some(7));
    /// ```
    pub fn absorb<S: Stores>(&self, stores: S, f: impl Fn(Record<K, V>, &mut S::Handles) -> Result<(), Failure> + Portable) {
        let (f, opened) = (Arc::new(f), stores.clone());
        let kind = Kind::Operator { operation: "absorb", changes_key: false };
        let node = self.app.operator::<K, V, _>(kind, &[self.node], move |wiring, id| {
            let f = f.clone();
            operator::absorb(processing(&opened, wiring, id), move |record, handles| f(record, handles))
        });
        self.give(&stores, node);
    }

    /// The same as [`process`](KStream::process) with a type of its own in place of a function: a [`Processor`] can do something when a time has come.
    pub fn process_with<P: Processor<K, V>>(&self, stores: P::Stores, make: impl Fn() -> P + Portable) -> KStream<P::Key, P::Value> {
        let (make, opened) = (Arc::new(make), stores.clone());
        let stream = self.then_rekeyed("process", move |wiring: &mut Wiring<'_>, id| {
            let processor = SharedProcessor::new(Own(make()), processing(&opened, wiring, id), wiring.way::<P::Key, P::Value>(id));
            wiring.put_punctuated(processor.clone());
            processor
        });
        self.give(&stores, stream.node);
        stream
    }
}

impl<K, V> KStream<K, V> {
    /// A node behind this stream has these stores. They hold what belongs to the keys of their partition: where the key has changed, records of
    /// one key may meet several of them.
    fn give<S: Stores>(&self, stores: &S, node: NodeId) {
        self.app.graph(|graph| {
            stores.declare(graph, node);
            if let (true, Some(store)) = (self.rekeyed, graph.nodes[node].stores.first().copied()) {
                let (before, after) = (graph.nodes[node].kind.operation(), graph.key_changed_by(node));
                graph.astray.push(TopologyError::StateBehindChangedKey { before, after, store });
            }
        });
    }
}

/// A call of user code in one task, with the stores that it asked for.
pub(super) fn processing<S: Stores>(stores: &S, wiring: &mut Wiring<'_>, id: NodeId) -> Processing<S::Handles> {
    let call = Rc::new(Call::default());
    Processing::new(wiring.stage(id), stores.open(wiring, &call), call)
}

/// A processor as a type. It is made once per task and holds what is not state: a model, a compiled pattern, the schedules it has made. Kafka: `Processor`.
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
///
/// const VISITS: Topic<String, ()> = Topic::new("visits");
/// const SEEN: Store<String, u64> = Store::new("seen");
/// const PER_MINUTE: Topic<String, u64> = Topic::new("visits-per-minute");
///
/// /// Counts in a store, and tells the counts once a minute of stream time.
/// struct Counter;
///
/// impl Processor<String, ()> for Counter {
///     type Stores = Store<String, u64>;
///     type Key = String;
///     type Value = u64;
///
///     fn init(&mut self, schedules: &mut Schedules) {
///         schedules.stream_time(Duration::from_secs(60));
///     }
///
///     fn process(
///         &self, visit: Record<String, ()>, seen: &mut StoreHandle<String, u64>, _: &mut ProcessorContext<String, u64>,
///     ) -> Result<(), Failure> {
///         Ok(seen.update(&visit.key, |count| Some(count.unwrap_or(0) + 1))?)
///     }
///
///     fn punctuate(
///         &self, _: Due, seen: &mut StoreHandle<String, u64>, context: &mut ProcessorContext<String, u64>,
///     ) -> Result<(), Failure> {
///         for (page, count) in seen.all()? {
///             seen.delete(&page)?;
///             context.send(page, count);
///         }
///         Ok(())
///     }
/// }
///
/// let app = StreamsBuilder::new();
/// app.stream(VISITS).process_with(SEEN, || Counter).to(PER_MINUTE);
///
/// # use headwater_streams::testing::TestDriver;
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.at(1_000).send(VISITS, "home", ()); // the first slot is 0, so this is told at once
/// driver.at(30_000).send(VISITS, "home", ()).send(VISITS, "home", ());
/// driver.at(61_000).send(VISITS, "home", ());
/// assert_eq!(driver.latest(PER_MINUTE, "home"), Some(3));
/// ```
pub trait Processor<K, V>: 'static {
    /// The stores it asks for.
    type Stores: Stores;
    /// The keys it sends.
    type Key: Item;
    /// The values it sends.
    type Value: Item;

    /// Makes its schedules, before the first record and again after each restart.
    fn init(&mut self, _schedules: &mut Schedules) {}

    /// Takes one record.
    fn process(
        &self, record: Record<K, V>, stores: &mut <Self::Stores as Open>::Handles,
        context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), Failure>;

    /// The time of one of its schedules has come. Kafka: `Punctuator`. What is written and sent here has the time of the punctuation and is
    /// committed like all else. A failure goes the way of those of processing; there is no record then, so a dead letter has neither key nor value.
    fn punctuate(
        &self, _due: Due, _stores: &mut <Self::Stores as Open>::Handles, _context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

/// A user's processor as the operator knows it.
struct Own<P>(P);

impl<K: Item, V: Item, P: Processor<K, V>> Work<K, V, <P::Stores as Open>::Handles, P::Key, P::Value> for Own<P> {
    fn init(&mut self, schedules: &mut Schedules) {
        self.0.init(schedules);
    }

    fn process(
        &self, record: Record<K, V>, handles: &mut <P::Stores as Open>::Handles, context: &mut ProcessorContext<'_, P::Key, P::Value>,
    ) -> Result<(), Failure> {
        self.0.process(record, handles, context)
    }

    fn punctuate(
        &self, due: Due, handles: &mut <P::Stores as Open>::Handles, context: &mut ProcessorContext<'_, P::Key, P::Value>,
    ) -> Result<(), Failure> {
        self.0.punctuate(due, handles, context)
    }
}

/// The stores that a processor may touch: none, `()`; one; or a tuple of them. Those of windows and versions are
/// [read](crate::task::store::ReadHandle) only. A function gets `&mut Handles`, so `|change, (a, b), out|` takes it apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store or a tuple of stores",
    note = "give `()`, a `Store<K, V>`, or a tuple such as `(CURRENT, HISTORY)`"
)]
pub trait Stores: Open + Clone + Send + Sync + 'static {}
impl<S: Open + Clone + Send + Sync + 'static> Stores for S {}

mod opened {
    use super::{Call, Graph, Handles, NodeId, Rc, Wiring};

    /// What stores are to the graph and to a task, which is nobody's business outside.
    pub trait Open {
        /// The stores of one task.
        type Handles: Handles;
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn declare(&self, graph: &mut Graph, node: NodeId);
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn open(&self, wiring: &mut Wiring<'_>, call: &Rc<Call>) -> Self::Handles;
    }
}

impl<K: Row, V: Nullable> Open for Store<K, V> {
    type Handles = StoreHandle<K, V::Present>;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn declare(&self, graph: &mut Graph, node: NodeId) {
        self.into_store().declare(graph, node);
    }

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn open(&self, wiring: &mut Wiring<'_>, call: &Rc<Call>) -> Self::Handles {
        self.into_store().open(wiring, call)
    }
}

impl<K: Row, V: Nullable> Open for Materialized<K, V> {
    type Handles = StoreHandle<K, V::Present>;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn declare(&self, graph: &mut Graph, node: NodeId) {
        declare::declare::<K, V::Present>(graph, Declaration::shared(node, self.name, self.options));
    }

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn open(&self, wiring: &mut Wiring<'_>, call: &Rc<Call>) -> Self::Handles {
        StoreHandle::new(wiring.key_value(self.name), call.clone())
    }
}

macro_rules! tuples { ($(($($store:ident $i:tt),*))*) => { $(
    impl<$($store: Stores),*> Open for ($($store,)*) {
        type Handles = ($($store::Handles,)*);

        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn declare(&self, _graph: &mut Graph, _node: NodeId) {
            $(self.$i.declare(_graph, _node);)*
        }

        #[allow(private_interfaces, clippy::unused_unit, reason = "nobody outside can name this trait; the macro has an empty case")]
        fn open(&self, _wiring: &mut Wiring<'_>, _call: &Rc<Call>) -> Self::Handles {
            ($(self.$i.open(_wiring, _call),)*)
        }
    }
)* } }
tuples!(() (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
