//! One row as a query finds it.

use crate::record::Timestamp;

/// A row of a store. Kafka: `KeyValue<K, ValueAndTimestamp<V>>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<K, V> {
    /// The key, with its window where the store has windows.
    pub key: K,
    /// The value.
    pub value: V,
    /// The time of the row's last update, in milliseconds.
    pub timestamp: Timestamp,
}
