//! Topics as a test sees them: one partition each, everything kept.

use crate::log::{Fetched, Headers, RecordRef, Records, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All topics by name.
#[derive(Debug, Default)]
pub(super) struct Topics(BTreeMap<Arc<str>, Records>);

impl Topics {
    /// Appends a record; returns it as a reader would bring it.
    pub(super) fn append(&mut self, topic: &Arc<str>, record: RecordRef<'_>) -> Fetched {
        let stored = self.0.entry(topic.clone()).or_default();
        let offset = stored.len() as i64;
        let headers: Headers = record.headers.to_headers();
        stored.push(offset, record.timestamp, record.key, record.value, &headers);
        let mut records = Records::new();
        records.push(offset, record.timestamp, record.key, record.value, &headers);
        let partition = TopicPartition { topic: topic.clone(), partition: 0 };
        Fetched { partition, records, next: offset + 1, at_end: true, error: None }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub(super) fn records(&self, topic: &str) -> impl Iterator<Item = RecordRef<'_>> {
        self.0.get(topic).into_iter().flat_map(Records::iter)
    }

    /// One record.
    pub(super) fn record(&self, topic: &str, offset: i64) -> Option<RecordRef<'_>> {
        self.0.get(topic)?.get(usize::try_from(offset).ok()?)
    }

    /// Everything from an offset on, as a reader would bring it.
    pub(super) fn fetch(&self, at: &TopicPartition, from: i64) -> Fetched {
        let mut records = Records::new();
        self.records(&at.topic).filter(|record| record.offset >= from).for_each(|record| records.push_ref(record));
        let next = records.last_offset().map_or(from, |last| last + 1);
        Fetched { partition: at.clone(), records, next, at_end: true, error: None }
    }

    /// The offset of the last record.
    pub(super) fn last_offset(&self, topic: &str) -> Option<i64> {
        self.0.get(topic).and_then(Records::last_offset)
    }
}
