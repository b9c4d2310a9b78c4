//! What flows: a typed record with its time and headers, and keys that belong to a window.

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
    /// Headers travel with the record; what an aggregation or a table makes has none, as in Kafka.
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
