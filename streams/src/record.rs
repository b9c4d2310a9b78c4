//! What flows: a typed record with its time and headers, changes of rows, keys that belong to a window; and what functions on them must be.

pub use crate::log::{Header, Headers};

/// Milliseconds since the epoch. Negative times exist in logs; no operator takes them.
pub type Timestamp = i64;

/// The time of nobody: before the first record has been seen. Kafka: `ConsumerRecord.NO_TIMESTAMP`.
pub const NO_TIMESTAMP: Timestamp = -1;

/// A typed record on its way through the operators. Kafka: `org.apache.kafka.streams.processor.api.Record`.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<K, V> {
    /// The key; null keys are a matter of `K`.
    pub key: K,
    /// The value; null values are a matter of `V`.
    pub value: V,
    /// Event time in milliseconds.
    pub timestamp: Timestamp,
    /// Headers travel with the record; an aggregate and a table's row carry those of their last record, as in Kafka.
    pub headers: Headers,
}

impl<K, V> Record<K, V> {
    /// A record without headers.
    pub fn new(key: K, value: V, timestamp: Timestamp) -> Self {
        Record { key, value, timestamp, headers: Headers::default() }
    }

    /// The same time and headers with another key and value.
    #[inline]
    pub fn carry<K2, V2>(self, f: impl FnOnce(K, V) -> (K2, V2)) -> Record<K2, V2> {
        let (key, value) = f(self.key, self.value);
        Record { key, value, timestamp: self.timestamp, headers: self.headers }
    }
}

/// What became of a row of a table. Kafka: `Change`.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<V> {
    /// The row before; known only where somebody downstream asks for it.
    pub old: Option<V>,
    /// The row now; none: it is deleted.
    pub new: Option<V>,
    /// Nothing later is known of the row; only versioned tables know better (KIP-914). Kafka: `Change.isLatest`.
    pub is_latest: bool,
}

impl<V> Change<V> {
    /// A change of the row as it stands.
    #[inline]
    pub fn new(old: Option<V>, new: Option<V>) -> Self {
        Change { old, new, is_latest: true }
    }
}

/// A key within one window: `start` inclusive, `end` exclusive for time windows. Kafka: `Windowed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windowed<K> {
    /// The key that was grouped by.
    pub key: K,
    /// First millisecond of the window.
    pub start: Timestamp,
    /// End of the window in milliseconds.
    pub end: Timestamp,
}

/// Anything may flow; [`Data`](crate::format::Data) is asked for where bytes begin.
pub trait Item: Clone + 'static {}

impl<T: Clone + 'static> Item for T {}

/// A user's function goes to the thread of every task and holds no state of its own.
pub trait Portable: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> Portable for T {}
