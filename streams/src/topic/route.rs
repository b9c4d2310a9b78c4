//! Where a record goes: the topic, where the data chooses it, and the partitions.

use crate::format::Nullable;
use std::sync::Arc;

/// The partitions of a topic that get a record. Kafka: `StreamPartitioner.partitions` (KIP-837).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partitions {
    /// That of its key, by murmur2 as everywhere in Kafka. Kafka: an empty `Optional`.
    OfKey,
    /// This one.
    One(i32),
    /// Each of these.
    Each(Vec<i32>),
    /// Each that there is: a broadcast.
    All,
    /// None: the record is dropped and counted. Kafka: an empty set.
    Nowhere,
}

/// Chooses a topic by key and value; a null value is none.
pub(crate) type TopicChoice<K, V> = Arc<dyn Fn(&K, Option<&<V as Nullable>::Present>) -> String + Send + Sync>;

/// Chooses partitions by topic, key, value and the number of partitions.
pub(crate) type Partitioner<K, V> = Arc<dyn Fn(&str, &K, Option<&<V as Nullable>::Present>, i32) -> Partitions + Send + Sync>;

/// The topic of a sink.
pub(crate) enum Target<K, V: Nullable> {
    Topic(&'static str),
    Chosen(TopicChoice<K, V>),
}
