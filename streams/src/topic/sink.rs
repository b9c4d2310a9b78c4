//! A topic with options for writing.

use super::Topic;
use crate::format::{Format, FormatError, Nullable};
use std::sync::Arc;

/// Writes a key or a value behind what the buffer holds; false: it is null.
pub(crate) type Encoder<T> = Arc<dyn Fn(&T, &mut Vec<u8>) -> Result<bool, FormatError> + Send + Sync>;

/// A topic to write to and how. Kafka: `Produced`.
///
/// It brings its encoders, so that `to` itself asks nothing of `K` and `V` and a missing format is reported once.
pub struct Sink<K, V> {
    pub(crate) topic: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) key: Encoder<K>,
    pub(crate) value: Encoder<V>,
}

impl<K: Nullable, V: Nullable> Sink<K, V> {
    /// Names the node in errors, dead letters and `describe()`.
    pub fn named(self, name: impl Into<String>) -> Self {
        Sink { name: Some(name.into()), ..self }
    }

    /// Writes keys in another format than their type's own.
    pub fn key_format(self, format: impl Format<K::Present>) -> Self {
        Sink { key: Arc::new(move |key: &K, out| encode_present(key.present(), &format, out)), ..self }
    }

    /// Writes values in another format than their type's own.
    pub fn value_format(self, format: impl Format<V::Present>) -> Self {
        Sink { value: Arc::new(move |value: &V, out| encode_present(value.present(), &format, out)), ..self }
    }
}

impl<K: Nullable, V: Nullable> Topic<K, V> {
    /// The topic with options for writing it.
    pub fn sink(self) -> Sink<K, V> {
        Sink { topic: self.name, name: None, key: Arc::new(encode::<K>), value: Arc::new(encode::<V>) }
    }
}

/// What can be written to: a [`Topic`], or a [`Sink`] with options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something to write to",
    note = "give a `Topic<K, V>`, or `TOPIC.sink()` with options"
)]
pub trait IntoSink {
    /// The keys that are written.
    type Key: Nullable;
    /// The values that are written.
    type Value: Nullable;
    /// The topic and its options.
    fn into_sink(self) -> Sink<Self::Key, Self::Value>;
}

impl<K: Nullable, V: Nullable> IntoSink for Topic<K, V> {
    type Key = K;
    type Value = V;
    fn into_sink(self) -> Sink<K, V> {
        self.sink()
    }
}

impl<K: Nullable, V: Nullable> IntoSink for Sink<K, V> {
    type Key = K;
    type Value = V;
    fn into_sink(self) -> Sink<K, V> {
        self
    }
}

/// Writes a value in its type's own format; false: it is null.
pub(crate) fn encode<T: Nullable>(value: &T, out: &mut Vec<u8>) -> Result<bool, FormatError> {
    encode_present(value.present(), &T::Format::default(), out)
}

fn encode_present<P>(value: Option<&P>, format: &(impl Format<P> + ?Sized), out: &mut Vec<u8>) -> Result<bool, FormatError> {
    match value {
        Some(value) => format.encode(value, out).map(|()| true),
        None => Ok(false),
    }
}
