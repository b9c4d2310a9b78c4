//! Stores that are fed from a topic and that processors only read.

use super::process::Open;
use super::{IntoStore, Store, StreamsBuilder};
use crate::format::{Nullable, Row};
use crate::graph::{Graph, NodeId, StoreRead, TopologyError, Wiring};
use crate::query::Queryable;
use crate::task::store::{Call, ReadOnlyHandle, StoreHandle};
use crate::topic::IntoSource;
use std::marker::PhantomData;
use std::rc::Rc;

/// A store by key for a processor that does not write to it, made by [`Store::read_only`]: it gets a [`ReadOnlyHandle`].
pub struct ReadOnlyStore<K, V> {
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for ReadOnlyStore<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for ReadOnlyStore<K, V> {}

impl<K, V> Store<K, V> {
    /// The store for a processor that does not write to it. Something else has to fill it: a table, an aggregation, another processor, or
    /// [`read_only_store`](StreamsBuilder::read_only_store).
    pub fn read_only(self) -> ReadOnlyStore<K, V> {
        ReadOnlyStore { name: self.name(), types: PhantomData }
    }
}

impl StreamsBuilder {
    /// Fills a store from a topic, which is its changelog at once, for processors that read it: each record is the new state of its row, null
    /// deletes. Processors ask for it as [`STORE.read_only()`](Store::read_only), for a versioned store as the store itself. Kafka: `Topology#addReadOnlyStateStore` (KIP-813).
    ///
    /// There is no function between topic and store, since a restore would not call it; a compacted topic is what it is for. The topic must be
    /// partitioned as the records of those who read the store, since a task sees only its own rows.
    ///
    /// `build()` returns [`TopologyError::NoChangelog`] where the topic is one of several or read with another format or time,
    /// [`TopologyError::TopicFillsStore`] where something else may write to the store, and [`TopologyError::TopicIsChangelog`] for a store
    /// that is said to be unlogged.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const RATES: Topic<String, u64> = Topic::new("rates"); // cents for a unit of a currency
    /// const RATE: Store<String, u64> = Store::new("rate");
    /// const PAID: Topic<String, u64> = Topic::new("paid");
    /// const CENTS: Topic<String, u64> = Topic::new("cents");
    ///
    /// let app = StreamsBuilder::new();
    /// app.read_only_store(RATES, RATE);
    /// app.stream(PAID)
    ///     .process_values(RATE.read_only(), |paid, rates, out| {
    ///         out.send(paid.value * rates.get(paid.key)?.unwrap_or(0));
    ///         Ok(())
    ///     })
    ///     .to(CENTS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(RATES, "EUR", 110).send(PAID, "EUR", 2);
    /// assert_eq!(driver.latest(CENTS, "EUR"), Some(220));
    /// ```
    pub fn read_only_store<S: IntoSource, M: IntoStore<Value: Row>>(&self, source: S, store: M)
    where
        S::Key: Nullable<Present = M::Key>,
        S::Value: Nullable<Present = M::Value>,
    {
        let (source, store) = (source.into_source().as_changelog(), store.into_store());
        let name = store.name;
        if store.options.logged == Some(false) {
            self.mistake(TopologyError::TopicIsChangelog { store: name });
        }
        if let Some(pattern) = source.pattern {
            self.mistake(TopologyError::NoChangelog { topic: pattern, store: name });
        }
        let changelog = self.source_changelog(&source, name);
        let _filled = self.table_of(source, "read_only_store", None).stored_from(store, changelog);
    }
}

impl<K: Row, V: Nullable> Open for ReadOnlyStore<K, V> {
    type Handles = ReadOnlyHandle<K, V::Present>;

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn declare(&self, graph: &mut Graph, node: NodeId) {
        let (types, type_name) = <Store<K, V> as Queryable>::types();
        graph.read_store(node, StoreRead { store: self.name, types, type_name });
    }

    #[allow(private_interfaces, reason = "nobody outside can name this trait")]
    fn open(&self, wiring: &mut Wiring<'_>, call: &Rc<Call>) -> Self::Handles {
        ReadOnlyHandle::new(StoreHandle::new(wiring.key_value(self.name), call.clone()))
    }
}
