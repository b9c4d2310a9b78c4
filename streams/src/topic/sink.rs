//! A topic with options for writing.

use super::Topic;
use super::route::{Partitioner, Partitions, Target};
use crate::format::{Format, FormatError, Nullable};
use crate::graph::Kind;
use crate::record::Portable;
use std::sync::Arc;

/// Writes a key or a value behind what the buffer holds; false: it is null.
pub(crate) type Encoder<T> = Arc<dyn Fn(&T, &mut Vec<u8>) -> Result<bool, FormatError> + Send + Sync>;

/// A topic to write to and how. Kafka: `Produced`.
///
/// It brings its encoders, so that `to` itself asks nothing of `K` and `V` and a missing format is reported once.
pub struct Sink<K, V: Nullable> {
    pub(crate) target: Target<K, V>,
    pub(crate) name: Option<String>,
    pub(crate) key: Encoder<K>,
    pub(crate) value: Encoder<V>,
    pub(crate) partitioner: Option<Partitioner<K, V>>,
}

impl<K: Nullable, V: Nullable> Sink<K, V> {
    fn of(target: Target<K, V>) -> Self {
        Sink { target, name: None, key: Arc::new(encode::<K>), value: Arc::new(encode::<V>), partitioner: None }
    }

    /// A topic for each record, by its key and value (none: it is null). Kafka: `TopicNameExtractor`.
    ///
    /// The topics must exist when the application starts: a record for another one is a failure of sending, see
    /// [`Config::on_send_failure`](crate::runtime::Config::on_send_failure).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const ORDERS: Topic<String, u64> = Topic::new("orders"); // country, cents
    /// let app = StreamsBuilder::new();
    /// app.stream(ORDERS).to(Sink::chosen_by(|country: &String, _| format!("orders-{country}")));
    ///
    /// # use headwater_streams::testing::TestDriver;
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(ORDERS, "no", 100).send(ORDERS, "se", 200);
    /// assert_eq!(driver.latest(Topic::<String, u64>::new("orders-se"), "se"), Some(200));
    /// ```
    pub fn chosen_by<T: Into<String>>(f: impl Fn(&K, Option<&V::Present>) -> T + Portable) -> Self {
        Sink::of(Target::Chosen(Arc::new(move |key, value| f(key, value).into())))
    }

    /// Chooses the partitions of each record, by topic, key, value (none: it is null) and the number of partitions. Kafka: `StreamPartitioner` (KIP-837).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const ALERTS: Topic<u64, String> = Topic::new("alerts");
    /// const URGENT: Topic<u64, String> = Topic::new("urgent");
    /// let app = StreamsBuilder::new();
    /// let by_rank = |_: &str, rank: &u64, _: Option<&String>, partitions| match rank {
    ///     0 => Partitions::All,
    ///     1..=3 => Partitions::One(*rank as i32 % partitions),
    ///     _ => Partitions::Nowhere,
    /// };
    /// app.stream(ALERTS).to(URGENT.sink().partitioned_by(by_rank));
    /// ```
    pub fn partitioned_by(self, f: impl Fn(&str, &K, Option<&V::Present>, i32) -> Partitions + Portable) -> Self {
        Sink { partitioner: Some(Arc::new(f)), ..self }
    }

    /// Names the node in errors, dead letters and `describe()`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).to(Topic::<u64, u64>::new("out").sink().named("results"));
    /// assert!(app.build().unwrap().describe().to_string().contains("results"));
    /// ```
    pub fn named(self, name: impl Into<String>) -> Self {
        Sink { name: Some(name.into()), ..self }
    }

    /// Writes keys in another format than their type's own.
    pub fn key_format(self, format: impl Format<K::Present>) -> Self {
        Sink { key: Arc::new(move |key: &K, out| encode_present(key.present(), &format, out)), ..self }
    }

    /// Writes values in another format than their type's own.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, String> = Topic::new("in");
    /// const OUT: Topic<u64, String> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN).to(OUT.sink().value_format(Json));
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(IN, 1, "to be");
    /// assert_eq!(driver.take_written()[0].value.as_deref(), Some(&br#""to be""#[..]));
    /// ```
    pub fn value_format(self, format: impl Format<V::Present>) -> Self {
        Sink { value: Arc::new(move |value: &V, out| encode_present(value.present(), &format, out)), ..self }
    }
}

impl<K, V: Nullable> Sink<K, V> {
    /// Its topic, where neither topic nor partitions depend on the record.
    pub(crate) fn plain_topic(&self) -> Option<&'static str> {
        match (&self.target, &self.partitioner) {
            (Target::Topic(topic), None) => Some(topic),
            (Target::Topic(_) | Target::Chosen(_), _) => None,
        }
    }

    /// What it is to the graph.
    pub(crate) fn kind(&self) -> Kind {
        match self.target {
            Target::Topic(topic) => Kind::Sink { topic },
            Target::Chosen(_) => Kind::ChosenSink,
        }
    }
}

impl<K: Nullable, V: Nullable> Topic<K, V> {
    /// The topic with options for writing it.
    pub fn sink(self) -> Sink<K, V> {
        Sink::of(Target::Topic(self.name))
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
