//! Processors: user code that sees whole records and has stores. The stores it may touch are its parameters.

pub(super) use self::opened::Open;
use super::materialized::declare::{self, Declaration};
use super::{IntoStore, KStream, Materialized, Store};
use crate::format::{Nullable, Row};
use crate::graph::{Graph, Kind, NodeId, Wiring};
use crate::operator::{self, Out, Processing};
use crate::record::{Item, NO_TIMESTAMP, Portable, Record, Timestamp};
use crate::task::Failure;
use crate::task::store::{Handles, StoreHandle};
use std::cell::Cell;
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
        &self, stores: S, f: impl Fn(Record<K, V>, &mut S::Handles, &mut Out<K2, V2>) -> Result<(), Failure> + Portable,
    ) -> KStream<K2, V2> {
        let (f, opened) = (Arc::new(f), stores.clone());
        let stream = self.then_rekeyed("process", move |wiring: &mut Wiring<'_>, id| {
            let f = f.clone();
            operator::process(processing(&opened, wiring, id), move |record, handles, out| f(record, handles, out), wiring.outlet(id))
        });
        self.app.graph(|graph| stores.declare(graph, stream.node));
        stream
    }

    /// The same for a function that sends nothing.
    pub fn absorb<S: Stores>(&self, stores: S, f: impl Fn(Record<K, V>, &mut S::Handles) -> Result<(), Failure> + Portable) {
        let (f, opened) = (Arc::new(f), stores.clone());
        let kind = Kind::Operator { operation: "absorb", changes_key: false };
        let node = self.app.operator::<K, V, _>(kind, &[self.node], move |wiring, id| {
            let f = f.clone();
            operator::absorb(processing(&opened, wiring, id), move |record, handles| f(record, handles))
        });
        self.app.graph(|graph| stores.declare(graph, node));
    }

    /// The same as [`process`](KStream::process) with a type of its own in place of a function.
    pub fn process_with<P: Processor<K, V>>(&self, stores: P::Stores, make: impl Fn() -> P + Portable) -> KStream<P::Key, P::Value> {
        let (make, opened) = (Arc::new(make), stores.clone());
        let stream = self.then_rekeyed("process", move |wiring: &mut Wiring<'_>, id| {
            let processor = make();
            let f = move |record: Record<K, V>, handles: &mut _, out: &mut _| processor.process(record, handles, out);
            operator::process(processing(&opened, wiring, id), f, wiring.outlet(id))
        });
        self.app.graph(|graph| stores.declare(graph, stream.node));
        stream
    }
}

/// A call of user code in one task, with the stores that it asked for.
pub(super) fn processing<S: Stores>(stores: &S, wiring: &mut Wiring<'_>, id: NodeId) -> Processing<S::Handles> {
    let now = Rc::new(Cell::new(NO_TIMESTAMP));
    Processing::new(wiring.stage(id), stores.open(wiring, &now), now)
}

/// A processor as a type: made once per task, it holds what is not state (a model, a compiled pattern). Kafka: `Processor`.
pub trait Processor<K, V>: 'static {
    /// The stores it asks for.
    type Stores: Stores;
    /// The keys it sends.
    type Key: Item;
    /// The values it sends.
    type Value: Item;

    /// Takes one record.
    fn process(
        &self, record: Record<K, V>, stores: &mut <Self::Stores as Open>::Handles, out: &mut Out<Self::Key, Self::Value>,
    ) -> Result<(), Failure>;
}

/// The stores that a processor may touch: none, `()`; one; or a tuple of them. A function gets `&mut Handles`, so `|change, (a, b), out|` takes it apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store or a tuple of stores",
    note = "give `()`, a `Store<K, V>`, or a tuple such as `(CURRENT, HISTORY)`"
)]
pub trait Stores: Open + Clone + Send + Sync + 'static {}
impl<S: Open + Clone + Send + Sync + 'static> Stores for S {}

mod opened {
    use super::{Cell, Graph, Handles, NodeId, Rc, Timestamp, Wiring};

    /// What stores are to the graph and to a task, which is nobody's business outside.
    pub trait Open {
        /// The stores of one task.
        type Handles: Handles;
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn declare(&self, graph: &mut Graph, node: NodeId);
        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn open(&self, wiring: &mut Wiring<'_>, now: &Rc<Cell<Timestamp>>) -> Self::Handles;
    }
}

impl<K: Row, V: Nullable> Open for Store<K, V> {
    type Handles = StoreHandle<K, V::Present>;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn declare(&self, graph: &mut Graph, node: NodeId) {
        self.into_store().declare(graph, node);
    }

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn open(&self, wiring: &mut Wiring<'_>, now: &Rc<Cell<Timestamp>>) -> Self::Handles {
        self.into_store().open(wiring, now)
    }
}

impl<K: Row, V: Nullable> Open for Materialized<K, V> {
    type Handles = StoreHandle<K, V::Present>;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn declare(&self, graph: &mut Graph, node: NodeId) {
        declare::declare::<K, V::Present>(graph, Declaration::shared(node, self.name, self.options));
    }

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn open(&self, wiring: &mut Wiring<'_>, now: &Rc<Cell<Timestamp>>) -> Self::Handles {
        StoreHandle::new(wiring.key_value(self.name), now.clone())
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
        fn open(&self, _wiring: &mut Wiring<'_>, _now: &Rc<Cell<Timestamp>>) -> Self::Handles {
            ($(self.$i.open(_wiring, _now),)*)
        }
    }
)* } }
tuples!(() (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
