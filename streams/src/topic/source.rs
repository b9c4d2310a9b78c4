//! A topic, or several, with options for reading.

use super::Topic;
use crate::format::{Format, Nullable};
use crate::record::{Portable, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Topics to read and how. Kafka: `Consumed`.
///
/// ```
/// use headwater_streams::prelude::*;
/// const ORDERS: Topic<u64, (i64, u64)> = Topic::new("orders");
/// let app = StreamsBuilder::new();
/// let _orders = app.stream(ORDERS.source().timestamp(|_, order| order.0).latest());
/// ```
pub struct Source<K: Nullable, V: Nullable> {
    pub(crate) topics: Vec<&'static str>,
    /// In place of topics: all whose names it matches.
    pub(crate) pattern: Option<&'static str>,
    pub(crate) name: Option<String>,
    pub(crate) reset: Reset,
    pub(crate) key_format: Option<Arc<dyn Format<K::Present>>>,
    pub(crate) value_format: Option<Arc<dyn Format<V::Present>>>,
    pub(crate) timestamps: TimestampRule<K, V>,
    pub(crate) is_changelog: bool,
}

/// Where a group without a position begins. Kafka: `AutoOffsetReset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reset {
    /// At the first record.
    #[default]
    Earliest,
    /// Behind the last one.
    Latest,
    /// At the first record whose timestamp in the log is at most this old; behind the last one where there is none.
    ByDuration(Duration),
    /// Nowhere: the application stops and says which input has no position.
    Fail,
}

/// Where event time comes from. Kafka: `TimestampExtractor`.
pub(crate) enum TimestampRule<K, V> {
    /// The record's own; a negative one is a failure.
    Record,
    /// The record's own; a record with a negative one is dropped. Kafka: `LogAndSkipOnInvalidTimestamp`.
    SkipInvalid,
    /// The record's own, or, where that is negative, the partition's largest so far. Kafka: `UsePartitionTimeOnInvalidTimestamp`.
    PartitionTime,
    /// The wall clock of the step that reads the record. Kafka: `WallclockTimestampExtractor`.
    WallClock,
    /// From key and value, or, where they have none, the record's own; a record with a negative one is dropped.
    Extract(Arc<dyn Fn(&K, &V) -> Option<Timestamp> + Send + Sync>),
}

/// How a source reads, as far as it can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    reset: Reset,
    times: ComparableTimes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ComparableTimes {
    FailIfInvalid,
    SkipInvalid,
    PartitionTimeIfInvalid,
    WallClock,
}

impl<K: Nullable, V: Nullable> Source<K, V> {
    pub(super) fn of(topics: Vec<&'static str>) -> Self {
        Source {
            topics,
            pattern: None,
            name: None,
            reset: Reset::default(),
            key_format: None,
            value_format: None,
            timestamps: TimestampRule::Record,
            is_changelog: false,
        }
    }

    /// Names the source in errors, dead letters and `describe()`.
    pub fn named(self, name: impl Into<String>) -> Self {
        Source { name: Some(name.into()), ..self }
    }

    /// Takes event time, in milliseconds since the epoch, from the record. A record whose time is negative is dropped, as in Kafka.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const SALES: Topic<u64, (i64, String)> = Topic::new("sales"); // when it was sold, what
    /// const OUT: Topic<u64, (i64, String)> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(SALES.source().timestamp(|_, (sold, _)| *sold)).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(9_000).send(SALES, 1, (2_000, "tea".to_owned()));
    /// assert_eq!(driver.all(OUT)[0].2, 2_000);
    /// ```
    pub fn timestamp(self, f: impl Fn(&K, &V) -> Timestamp + Portable) -> Self {
        self.timestamp_if_any(move |key, value| Some(f(key, value)))
    }

    /// The same where some records have no time in them: these keep the one that they were stored with.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const SALES: Topic<u64, (i64, String)> = Topic::new("sales");
    /// const OUT: Topic<u64, (i64, String)> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(SALES.source().timestamp_if_any(|_, (sold, _)| (*sold > 0).then_some(*sold))).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(9_000).send(SALES, 1, (2_000, "tea".to_owned())).send(SALES, 2, (0, "milk".to_owned()));
    /// let times: Vec<_> = driver.all(OUT).into_iter().map(|(_, _, time)| time).collect();
    /// assert_eq!(times, [2_000, 9_000]);
    /// ```
    pub fn timestamp_if_any(self, f: impl Fn(&K, &V) -> Option<Timestamp> + Portable) -> Self {
        Source { timestamps: TimestampRule::Extract(Arc::new(f)), ..self }
    }

    /// Drops records whose own timestamp is negative, instead of failing. Kafka: `LogAndSkipOnInvalidTimestamp`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// const OUT: Topic<u64, u64> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN.source().skip_invalid_timestamps()).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(-1).send(IN, 1, 1).at(5).send(IN, 1, 2);
    /// assert_eq!(driver.all(OUT), [(Some(1), Some(2), 5)]);
    /// assert_eq!(driver.dropped(), 1);
    /// ```
    pub fn skip_invalid_timestamps(self) -> Self {
        Source { timestamps: TimestampRule::SkipInvalid, ..self }
    }

    /// Gives records whose own timestamp is negative the largest time seen in their partition. Kafka: `UsePartitionTimeOnInvalidTimestamp`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// const OUT: Topic<u64, u64> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN.source().partition_time_for_invalid_timestamps()).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(5).send(IN, 1, 1).at(-1).send(IN, 1, 2);
    /// assert_eq!(driver.all(OUT)[1], (Some(1), Some(2), 5));
    /// ```
    pub fn partition_time_for_invalid_timestamps(self) -> Self {
        Source { timestamps: TimestampRule::PartitionTime, ..self }
    }

    /// Gives each record the time at which it is read: processing time instead of event time. A record that is read again, as after a crash, gets
    /// another one, so results depend on when the application ran. There is no time too far in the future; under
    /// [`TimeRule::Watermark`](crate::runtime::TimeRule::Watermark) a backlog is read as of now and nothing in it is late, unless a wall clock is set back
    /// by more than the grace. Kafka: `WallclockTimestampExtractor`.
    ///
    /// ```
    /// # use headwater_streams::prelude::*;
    /// # use headwater_streams::runtime::{Config, TimeRule};
    /// # use headwater_streams::testing::TestDriver;
    /// const CLICKS: Topic<u64, String> = Topic::new("clicks");
    /// const SEEN: Topic<u64, String> = Topic::new("seen");
    /// let app = StreamsBuilder::new();
    /// app.stream(CLICKS.source().wall_clock_timestamps()).to(SEEN);
    ///
    /// let config = Config { time_rule: TimeRule::Kafka, ..Config::new("app") };
    /// let mut driver = TestDriver::with_config(app.build().unwrap(), &config);
    /// driver.advance_wall_clock(5_000).at(7).send(CLICKS, 1, "home");
    /// assert_eq!(driver.all(SEEN), [(Some(1), Some("home".to_owned()), 5_000)]);
    /// ```
    pub fn wall_clock_timestamps(self) -> Self {
        Source { timestamps: TimestampRule::WallClock, ..self }
    }

    /// Reads keys in another format than their type's own.
    pub fn key_format(self, format: impl Format<K::Present>) -> Self {
        Source { key_format: Some(Arc::new(format)), ..self }
    }

    /// Reads values in another format than their type's own.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const LINES: Topic<u64, String> = Topic::new("lines");
    /// const OUT: Topic<u64, String> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(LINES.source().value_format(Json)).to(OUT); // a text within quotes
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send_bytes("lines", Some(&[0, 0, 0, 0, 0, 0, 0, 1]), Some(br#""to be""#));
    /// assert_eq!(driver.latest(OUT, 1_u64).as_deref(), Some("to be"));
    /// ```
    pub fn value_format(self, format: impl Format<V::Present>) -> Self {
        Source { value_format: Some(Arc::new(format)), ..self }
    }

    /// A group that has no position yet starts behind the last record.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN.source().latest()).for_each(|_, _| ());
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].inputs[0].reset, Reset::Latest);
    /// ```
    pub fn latest(self) -> Self {
        Source { reset: Reset::Latest, ..self }
    }

    /// A group that has no position yet starts at the first record whose timestamp in the log is at most `age` old by the wall clock, and behind the
    /// last one where all are older. In a partition whose records are out of order older ones may follow. KIP-1106; Kafka: `AutoOffsetReset.byDuration`.
    ///
    /// ```
    /// # use headwater_streams::prelude::*;
    /// use std::time::Duration;
    /// const ORDERS: Topic<u64, String> = Topic::new("orders");
    /// const DAY: Duration = Duration::from_secs(86_400);
    /// let app = StreamsBuilder::new();
    /// app.stream(ORDERS.source().by_duration(DAY)).for_each(|_, _| ()); // a day of the past, not all of it
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].inputs[0].reset, Reset::ByDuration(DAY));
    /// ```
    pub fn by_duration(self, age: Duration) -> Self {
        Source { reset: Reset::ByDuration(age), ..self }
    }

    /// A group that has no position yet does not start: somebody has to set one. Kafka: `none`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const IN: Topic<u64, u64> = Topic::new("in");
    /// let app = StreamsBuilder::new();
    /// app.stream(IN.source().no_reset()).for_each(|_, _| ());
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].inputs[0].reset, Reset::Fail);
    /// ```
    pub fn no_reset(self) -> Self {
        Source { reset: Reset::Fail, ..self }
    }

    /// Reads another topic as well, in the same way. There is no order between records of different topics but that of their times.
    ///
    /// ```
    /// # use headwater_streams::prelude::*;
    /// const WEB: Topic<u64, String> = Topic::new("web-orders");
    /// const SHOP: Topic<u64, String> = Topic::new("shop-orders");
    /// let app = StreamsBuilder::new();
    /// app.stream(WEB.source().and(SHOP).skip_invalid_timestamps()).for_each(|_, _| ());
    /// assert_eq!(app.build().unwrap().sub_topologies()[0].inputs.len(), 2);
    /// ```
    pub fn and(mut self, topic: Topic<K, V>) -> Self {
        self.topics.push(topic.name);
        self
    }

    /// The (compacted) topic itself serves as the changelog of the table that is read from it; otherwise the table has one of its own.
    /// Restoring then reads what the topic holds: formats, times and failures that are not the types' own cannot be repeated, so
    /// `build()` refuses them with [`TopologyError::NoChangelog`](crate::graph::TopologyError::NoChangelog).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const USERS: Topic<u64, String> = Topic::new("users");
    /// let app = StreamsBuilder::new();
    /// let _users = app.table(USERS.source().as_changelog(), Store::new("known-users"));
    /// let described = app.build().unwrap().describe_as("shop").to_string();
    /// assert!(described.contains("changelog users"), "{described}");
    /// ```
    pub fn as_changelog(self) -> Self {
        Source { is_changelog: true, ..self }
    }

    /// How it reads, where that can be compared with another source: functions and formats cannot.
    pub(crate) fn manner(&self) -> Option<Manner> {
        let times = match self.timestamps {
            TimestampRule::Record => ComparableTimes::FailIfInvalid,
            TimestampRule::SkipInvalid => ComparableTimes::SkipInvalid,
            TimestampRule::PartitionTime => ComparableTimes::PartitionTimeIfInvalid,
            TimestampRule::WallClock => ComparableTimes::WallClock,
            TimestampRule::Extract(_) => return None,
        };
        let is_typical = self.key_format.is_none() && self.value_format.is_none() && !self.is_changelog;
        is_typical.then_some(Manner { reset: self.reset, times })
    }

    /// Times are those of the wall clock, whatever the log says.
    pub(crate) fn stamps(&self) -> bool {
        matches!(self.timestamps, TimestampRule::WallClock)
    }

    /// Formats and times are those that the types and records bring.
    pub(crate) fn reads_plainly(&self) -> bool {
        self.key_format.is_none() && self.value_format.is_none() && matches!(self.timestamps, TimestampRule::Record)
    }
}

impl<K: Nullable, V: Nullable> Topic<K, V> {
    /// The topic with options for reading it.
    pub fn source(self) -> Source<K, V> {
        Source::of(vec![self.name])
    }
}

/// What can be read: a [`Topic`], an array of topics, or a [`Source`] with options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source",
    note = "give a `Topic<K, V>`, an array of topics, or `TOPIC.source()` with options"
)]
pub trait IntoSource {
    /// The keys that are read.
    type Key: Nullable;
    /// The values that are read.
    type Value: Nullable;
    /// The topics and their options.
    fn into_source(self) -> Source<Self::Key, Self::Value>;
}

impl<K: Nullable, V: Nullable> IntoSource for Topic<K, V> {
    type Key = K;
    type Value = V;
    fn into_source(self) -> Source<K, V> {
        self.source()
    }
}

impl<K: Nullable, V: Nullable> IntoSource for Source<K, V> {
    type Key = K;
    type Value = V;
    fn into_source(self) -> Source<K, V> {
        self
    }
}

impl<K: Nullable, V: Nullable, const N: usize> IntoSource for [Topic<K, V>; N] {
    type Key = K;
    type Value = V;
    fn into_source(self) -> Source<K, V> {
        Source::of(self.map(|topic| topic.name).to_vec())
    }
}

/// Topics whose number is known at run time only. None at all is a mistake that `build()` finds.
impl<K: Nullable, V: Nullable> IntoSource for Vec<Topic<K, V>> {
    type Key = K;
    type Value = V;
    fn into_source(self) -> Source<K, V> {
        Source::of(self.into_iter().map(|topic| topic.name).collect())
    }
}
