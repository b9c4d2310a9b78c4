//! Dead letters on their way out of a task.

use super::Outbox;
use super::context::Letter;
use super::running::Letters;
use crate::connector::DeadLetter;
use crate::log::{RecordRef, TopicPartition};
use crate::record::Timestamp;
use std::convert::Infallible;

impl Letters {
    /// A letter about the record that the task read.
    pub(super) fn send(&self, outbox: &mut Outbox, at: &TopicPartition, record: RecordRef<'_>, letter: Letter) {
        let (key, value) = letter.stands_for.unwrap_or_else(|| (record.key.map(Into::into), record.value.map(Into::into)));
        self.put(
            outbox,
            DeadLetter {
                topic: at.topic.to_string(),
                partition: at.partition,
                offset: record.offset,
                stage: letter.stage.to_string(),
                reason: letter.reason,
                key,
                value,
                timestamp: record.timestamp,
                headers: record.headers.to_headers(),
            },
        );
    }

    /// A letter of a flush or a punctuation: key and value stand for a record, the position of the commit and `during` for the offset.
    pub(super) fn send_detached(
        &self, outbox: &mut Outbox, at: &TopicPartition, position: i64, during: &str, time: Timestamp, letter: Letter,
    ) {
        let (key, value) = letter.stands_for.unwrap_or_default();
        self.put(
            outbox,
            DeadLetter {
                topic: at.topic.to_string(),
                partition: at.partition,
                offset: position,
                stage: format!("{}/{during}", letter.stage),
                reason: letter.reason,
                key,
                value,
                timestamp: time,
                headers: crate::log::Headers::EMPTY,
            },
        );
    }

    fn put(&self, outbox: &mut Outbox, letter: DeadLetter) {
        metrics::counter!("headwater_dead_letters_total", "application" => self.application_id.to_string(), "stage" => letter.stage.clone()).increment(1);
        let headers = letter.record_headers(&self.application_id);
        let value = |out: &mut Vec<u8>| {
            out.extend_from_slice(letter.value.as_deref().unwrap_or_default());
            Ok::<_, Infallible>(letter.value.is_some())
        };
        match outbox.send(self.to, letter.key.as_deref(), letter.timestamp, &headers, value) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}
