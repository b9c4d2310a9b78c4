//! Options of an explicit repartition.

use crate::format::Nullable;
use crate::record::Portable;
use crate::topic::{Partitioner, Partitions};
use std::sync::Arc;

/// A repartition as the user wants it. Kafka: `Repartitioned`.
pub struct Repartitioned<K, V: Nullable> {
    pub(super) name: String,
    pub(super) partitions: Option<i32>,
    pub(super) partitioner: Option<Partitioner<K, V>>,
}

impl<K, V: Nullable> Repartitioned<K, V> {
    /// The topic is `<application id>-<name>-repartition`.
    pub fn named(name: impl Into<String>) -> Self {
        Repartitioned { name: name.into(), partitions: None, partitioner: None }
    }

    /// States the number of partitions; without it there are as many as upstream has.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// let by_word = app.stream(IN).select_key(|_, word| word.clone()).repartition(Repartitioned::named("by-word").partitions(12));
    /// by_word.for_each(|_, _| ());
    /// assert_eq!(app.build().unwrap().repartitions()[0].partitions, Some(12));
    /// ```
    pub fn partitions(self, partitions: i32) -> Self {
        Repartitioned { partitions: Some(partitions), ..self }
    }

    /// Chooses the partitions of each record, by topic, key, value (none: it is null) and the number of partitions. Kafka: `StreamPartitioner`.
    /// What is grouped or joined by its key afterwards relies on it that one key stays in one partition.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// const OUT: Topic<u64, String> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// let by_tenant = |_: &str, user: &u64, _: Option<&String>, partitions: i32| Partitions::One((user / 1_000) as i32 % partitions);
    /// app.stream(IN).repartition(Repartitioned::named("by-tenant").partitioned_by(by_tenant)).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, 7_012, "in");
    /// assert_eq!(driver.latest(OUT, 7_012_u64).as_deref(), Some("in"));
    /// ```
    pub fn partitioned_by(self, f: impl Fn(&str, &K, Option<&V::Present>, i32) -> Partitions + Portable) -> Self {
        Repartitioned { partitioner: Some(Arc::new(f)), ..self }
    }
}
