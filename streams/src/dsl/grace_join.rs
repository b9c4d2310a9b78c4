//! Joins of a stream with a versioned table that wait for the table.

use super::join::{RightSide, joined};
use super::materialized::{declare::Declaration, millis};
use super::{KStream, KTable};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, Repartition, StoreOptions, TopologyError};
use crate::operator::{Buffer, BufferedJoin, StreamTableJoin, Unmatched};
use crate::record::{Item, Portable, Timestamp};
use crate::topic::intern;
use std::sync::Arc;
use std::time::Duration;

/// The right side of a join that waits, made by [`KTable::with_grace`].
#[must_use = "it is the right side of a join"]
pub struct WithGrace<K, V> {
    table: KTable<K, V>,
    grace_ms: Timestamp,
    name: Option<&'static str>,
}

impl<K, V> Clone for WithGrace<K, V> {
    fn clone(&self) -> Self {
        WithGrace { table: self.table.clone(), ..*self }
    }
}

impl<K: Row, V: Row> KTable<K, V> {
    /// This table, which must be versioned, as the right side of a join in which records of the stream wait so long, in stream time, so that late
    /// updates of the table count. [`stored`](WithGrace::stored) names where they wait. KIP-923; Kafka: `Joined.withGracePeriod`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// use std::time::Duration;
    ///
    /// const RATES: Topic<String, u64> = Topic::new("rates");
    /// const KNOWN: VersionedStore<String, u64> = VersionedStore::new("known-rates", Duration::from_secs(60));
    /// const SUMS: Topic<String, u64> = Topic::new("sums");
    /// const CONVERTED: Topic<String, u64> = Topic::new("converted");
    ///
    /// let app = StreamsBuilder::new();
    /// let rates = app.table(RATES, KNOWN).with_grace(Duration::from_millis(500)).stored("conversion");
    /// app.stream(SUMS).join(&rates, |_, sum, rate| sum * rate).to(CONVERTED);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(1_000).send(RATES, "yen", 2).at(2_000).send(SUMS, "yen", 10);
    /// driver.at(1_900).send(RATES, "yen", 3); // late, but in time
    /// driver.at(2_600).send(SUMS, "yen", 1).send(SUMS, "yen", 1);
    /// assert_eq!(driver.latest(CONVERTED, "yen"), Some(30));
    /// ```
    pub fn with_grace(&self, grace: Duration) -> WithGrace<K, V> {
        self.with_grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero, and [`TopologyError::GraceOfTable`] where the table does not
    /// know its rows so far back.
    pub fn with_grace_ms(&self, grace: Timestamp) -> WithGrace<K, V> {
        WithGrace { table: self.clone(), grace_ms: grace, name: None }
    }
}

impl<K, V> WithGrace<K, V> {
    /// Names the store in which records wait: `<name>-Buffer`, as in Kafka.
    pub fn stored(self, name: impl AsRef<str>) -> Self {
        WithGrace { name: Some(intern(name.as_ref())), ..self }
    }
}

impl<K: Nullable<Present = P>, V: Nullable, P: Row, R: Row> RightSide<K, V, P> for WithGrace<P, R> {}

impl<K: Nullable, V: Nullable, R: Row> joined::JoinedWith<K, V> for WithGrace<K::Present, R> {
    type Key = K::Present;
    type Value = R;

    fn inner<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K::Present, V::Present, R) -> Out + Portable) -> KStream<K::Present, Out> {
        let (stream, _) = left.partitioned(Repartition { fallback: self.name, ..Repartition::default() });
        let f = move |key: &K::Present, left, right: Option<R>| f(key, left, right.expect("an inner join has both sides"));
        self.look_up(&stream.present_key(), "join", Unmatched::Ends, f)
    }

    fn left<Out: Item>(&self, left: &KStream<K, V>, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable) -> KStream<K, Out> {
        let (stream, _) = left.partitioned(Repartition { fallback: self.name, ..Repartition::default() });
        self.look_up(&stream, "left_join", Unmatched::GoesOn, f)
    }
}

impl<P: Row, R: Row> WithGrace<P, R> {
    fn look_up<K: Nullable<Present = P>, V: Nullable, Out: Item>(
        &self, left: &KStream<K, V>, operation: &'static str, unmatched: Unmatched, f: impl Fn(&K, V::Present, Option<R>) -> Out + Portable,
    ) -> KStream<K, Out> {
        let (app, table, f, grace_ms) = (&left.app, self.table.seen_by(&left.app, operation), Arc::new(f), self.grace_ms);
        let view = table.view;
        let join = self.name.unwrap_or_else(|| {
            app.mistake(TopologyError::UnnamedBuffer { operation });
            intern(&format!("unnamed-{}", left.node))
        });
        let store = intern(&format!("{join}-Buffer"));
        let node = app.operator::<K, V, _>(Kind::Operator { operation, changes_key: false }, &[left.node], move |wiring, id| {
            let row_of = view(wiring);
            let join = StreamTableJoin { stage: wiring.stage(id), row_of, unmatched, join: f.clone(), next: wiring.outlet(id) };
            let buffer = Buffer::new(store, wiring.bytes(store), |of| wiring.counter(&format!("{store}/{of}")));
            BufferedJoin::<K, V, _, _, _> { join, buffer, grace_ms, keys: P::Format::default(), values: V::Format::default() }
        });
        let options = StoreOptions { cache_bytes: Some(0), ..StoreOptions::default() };
        app.declare_store::<K::Present, V::Present>(Declaration::owned(node, operation, store, options).of_bytes());
        app.graph(|graph| {
            if grace_ms < 0 {
                graph.mistakes.push(TopologyError::NegativeGrace { store: join, grace_ms });
            }
            graph.look_at(node, table.node);
            graph.nodes[node].takes_null_keys = unmatched == Unmatched::GoesOn;
            graph.nodes[node].copartitioned = vec![left.node, table.node];
            graph.nodes[node].grace_ms = Some(grace_ms);
            graph.nodes[node].takes_null_keys = unmatched == Unmatched::GoesOn;
        });
        KStream::at(app, node, false)
    }
}
