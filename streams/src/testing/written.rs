//! What the tasks of a driver have written, and what they have not taken.

use super::{Given, TestDriver};
use crate::connector::DeadLetter;
use crate::format::{Format, Nullable};
use crate::log::Headers;
use crate::record::Timestamp;
use crate::task::Task;
use crate::topic::Topic;
use std::sync::Arc;

/// A record as it stands in a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRecord {
    /// The topic; an internal one begins with the application id.
    pub topic: String,
    /// The key's bytes.
    pub key: Option<Vec<u8>>,
    /// The value's bytes.
    pub value: Option<Vec<u8>>,
    /// Event time in milliseconds.
    pub timestamp: Timestamp,
    /// Its headers.
    pub headers: Headers,
}

/// A record that was written: key, value and timestamp.
type Written<K, V> = (Option<<K as Nullable>::Present>, Option<<V as Nullable>::Present>, Timestamp);

impl TestDriver {
    /// What the tasks have written since this was last asked, in the order in which they wrote it; changelogs after the records of a commit.
    pub fn take_written(&mut self) -> Vec<TestRecord> {
        let topics = &self.topics;
        let record = |(topic, offset): (Arc<str>, i64)| {
            let record = topics.record(&topic, offset).expect("what was written is kept");
            TestRecord {
                topic: topic.to_string(),
                key: record.key.map(Into::into),
                value: record.value.map(Into::into),
                timestamp: record.timestamp,
                headers: record.headers.to_headers(),
            }
        };
        self.written.drain(..).map(record).collect()
    }

    /// The value that was last written to a topic under a key; none: nothing was, or a tombstone.
    ///
    /// # Panics
    /// Where what was written cannot be read.
    pub fn latest<K: Nullable, V: Nullable>(&self, topic: Topic<K, V>, key: impl Given<K::Present>) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let last = self.topics.records(topic.name()).filter(|record| record.key == Some(&bytes[..])).last()?;
        last.value.map(|value| V::Format::default().decode(value).expect("the value of a topic can be read"))
    }

    /// Everything that was written to a topic, in order.
    ///
    /// # Panics
    /// Where what was written cannot be read.
    pub fn all<K: Nullable, V: Nullable>(&self, topic: Topic<K, V>) -> Vec<Written<K, V>> {
        let (keys, values) = (K::Format::default(), V::Format::default());
        let key = |bytes| keys.decode(bytes).expect("the key of a topic can be read");
        let value = |bytes| values.decode(bytes).expect("the value of a topic can be read");
        self.topics.records(topic.name()).map(|record| (record.key.map(key), record.value.map(value), record.timestamp)).collect()
    }

    /// Headers of everything that was written to a topic, in order.
    pub fn headers<K, V>(&self, topic: Topic<K, V>) -> Vec<Headers> {
        self.topics.records(topic.name()).map(|record| record.headers.to_headers()).collect()
    }

    /// The names of the topics that hold anything; internal ones begin with the application id.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.names()
    }

    /// The dead letters so far.
    ///
    /// # Panics
    /// Where something else than dead letters was written to their topic.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let letter = |record| DeadLetter::from_record(record).expect("only dead letters are written here").1;
        self.topics.records(&self.opening.dead_letter_topic).map(letter).collect()
    }

    /// How many records were dropped without a letter.
    pub fn dropped(&self) -> u64 {
        self.dropped_before + self.unread + self.opening.globals.dropped() + self.tasks.iter().map(Task::dropped).sum::<u64>()
    }
}
