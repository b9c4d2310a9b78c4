//! A stream joined with itself.

use super::KStream;
use super::join_windows::JoinWindows;
use super::materialized::declare::Declaration;
use crate::format::Nullable;
use crate::graph::{Kind, Repartition, StoreOptions};
use crate::operator::{SelfJoin, SelfPair};
use crate::record::{Item, Portable};
use crate::topic::intern;
use std::sync::Arc;

impl<K: Nullable, V: Nullable> KStream<K, V> {
    /// Joins each record with its neighbours in time, as the left and as the right side, and with itself: what [`join`](KStream::join) with the same
    /// stream on both sides does, but with one store, `<name>-this-join-store`, and each record written once.
    ///
    /// Kafka makes this of a join of a stream with itself where `topology.optimization` allows it (KIP-862), of left and outer joins too: since every
    /// record meets itself, none stays alone.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const LOGINS: Topic<String, String> = Topic::new("logins"); // user, country
    /// const JUMPS: Topic<String, String> = Topic::new("jumps");
    ///
    /// let app = StreamsBuilder::new();
    /// let pairs = app.stream(LOGINS).self_join("logins", JoinWindows::of_ms(60_000).after_ms(0), |_, here, before| (before, here));
    /// pairs.filter(|_, (before, here)| before != here).map_values(|_, (before, here)| format!("{before} {here}")).to(JUMPS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(LOGINS, "ann", "NO").at(5_000).send(LOGINS, "ann", "BR");
    /// assert_eq!(driver.latest(JUMPS, "ann").as_deref(), Some("NO BR"));
    /// ```
    pub fn self_join<Out: Item>(
        &self, name: impl AsRef<str>, windows: JoinWindows, f: impl Fn(&K::Present, V::Present, V::Present) -> Out + Portable,
    ) -> KStream<K::Present, Out> {
        self.paired(intern(name.as_ref()), windows, Arc::new(f))
    }

    /// The same pairs, for who counts what is dropped as Kafka does: in place of a left or an outer join, records without a key pass a repartition and are
    /// dropped, and counted, by the join. Before [`self_join`](KStream::self_join), as before an inner join, the repartition leaves them out uncounted. Kafka:
    /// `NodesWithRelaxedNullKeyJoinDownstream` (KIP-962).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const LOGINS: Topic<Option<String>, String> = Topic::new("logins"); // user, country
    /// const PAIRS: Topic<String, String> = Topic::new("pairs");
    ///
    /// let app = StreamsBuilder::new();
    /// let logins = app.stream(LOGINS).repartition(Repartitioned::named("by-user"));
    /// logins.left_self_join("logins", JoinWindows::of_ms(60_000), |_, one, other| format!("{one} {other}")).to(PAIRS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(LOGINS, None, "NO").send(LOGINS, Some("ann".to_owned()), "BR");
    /// assert_eq!(driver.all(PAIRS).len(), 1);
    /// assert_eq!(driver.dropped(), 1);
    /// ```
    pub fn left_self_join<Out: Item>(
        &self, name: impl AsRef<str>, windows: JoinWindows, f: impl Fn(&K::Present, V::Present, V::Present) -> Out + Portable,
    ) -> KStream<K::Present, Out> {
        let joined = self.paired(intern(name.as_ref()), windows, Arc::new(f));
        self.app.graph(|graph| graph.nodes[joined.node].takes_null_keys = true);
        joined
    }

    fn paired<Out: Item>(
        &self, name: &'static str, windows: JoinWindows, pair: SelfPair<K::Present, V::Present, Out>,
    ) -> KStream<K::Present, Out> {
        let (store, fallback) = (intern(&format!("{name}-this-join-store")), Some(intern(&format!("{name}-left"))));
        let stream = self.partitioned(Repartition { fallback, ..Repartition::default() }).0.present_key();
        let (app, reach) = (&self.app, windows.reach());
        let kind = Kind::Operator { operation: "self_join", changes_key: false };
        let node = app.operator::<K::Present, V, _>(kind, &[stream.node], move |wiring, id| SelfJoin::<K::Present, V, Out> {
            stage: wiring.stage(id),
            reach,
            rows: wiring.events(store),
            observed: wiring.clock(name),
            pair: pair.clone(),
            next: wiring.outlet(id),
            bytes: Vec::new(),
        });
        let options = StoreOptions { cache_bytes: Some(0), ..StoreOptions::default() };
        app.graph(|graph| graph.mistakes.extend(windows.mistakes(name)));
        app.declare_store::<K::Present, V::Present>(
            Declaration::owned(node, "self_join", store, options).events(reach.retention_ms().max(0)),
        );
        KStream::at(app, node, false)
    }
}
