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
    pub fn partitions(self, partitions: i32) -> Self {
        Repartitioned { partitions: Some(partitions), ..self }
    }

    /// Chooses the partitions of each record, by topic, key, value (none: it is null) and the number of partitions. Kafka: `StreamPartitioner`.
    /// What is grouped or joined by its key afterwards relies on it that one key stays in one partition.
    pub fn partitioned_by(self, f: impl Fn(&str, &K, Option<&V::Present>, i32) -> Partitions + Portable) -> Self {
        Repartitioned { partitioner: Some(Arc::new(f)), ..self }
    }
}
