//! How a dead letter looks as a record of `<application id>-dlq`: the one place where this format is written down.
//!
//! Key, value and timestamp are those of the record that failed. Its own headers come first, unchanged; behind them stand these, in
//! this order, all as UTF-8 text:
//!
//! | header | value |
//! |---|---|
//! | `headwater.application.id` | the application |
//! | `headwater.reason` | why, in words |
//! | `headwater.stage` | the operator or sink that gave up |
//! | `headwater.topic`, `headwater.partition`, `headwater.offset` | where the record was read |
//! | `headwater.timestamp` | its timestamp in milliseconds, -1 for none |
//! | `__streams.errors.exception` | stage and reason; here and below as Kafka Streams has it (KIP-1034) |
//! | `__streams.errors.message` | the reason |
//! | `__streams.errors.topic`, `.partition`, `.offset` | where the record was read |
//!
//! A letter that was redriven and failed again carries its former lineage among its own headers: only the last twelve count.

use crate::connector::DeadLetter;
use crate::log::{Header, Headers, RecordRef, Records};

/// The application whose letter it is.
pub const APPLICATION_ID: &str = "headwater.application.id";
/// Why the record could not be used.
pub const REASON: &str = "headwater.reason";
/// The operator or sink that gave up.
pub const STAGE: &str = "headwater.stage";
/// The topic of the record that failed.
pub const TOPIC: &str = "headwater.topic";
/// Its partition.
pub const PARTITION: &str = "headwater.partition";
/// Its offset.
pub const OFFSET: &str = "headwater.offset";
/// Its timestamp in milliseconds.
pub const TIMESTAMP: &str = "headwater.timestamp";

const LINEAGE: [&str; 12] = [
    APPLICATION_ID,
    REASON,
    STAGE,
    TOPIC,
    PARTITION,
    OFFSET,
    TIMESTAMP,
    "__streams.errors.exception",
    "__streams.errors.message",
    "__streams.errors.topic",
    "__streams.errors.partition",
    "__streams.errors.offset",
];

/// A record of a dead-letter topic that is no dead letter of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dead letter: header {header} is missing or unreadable")]
pub struct NotALetter {
    /// The header that should be there.
    pub header: &'static str,
}

impl DeadLetter {
    /// The name of an application's dead-letter topic.
    pub fn topic_of(application_id: &str) -> String {
        format!("{application_id}-dlq")
    }

    /// Appends the letter to what is to be sent to the dead-letter topic.
    pub fn to_record(&self, application_id: &str, out: &mut Records) {
        let headers = self.record_headers(application_id);
        out.push(crate::log::NO_OFFSET, self.timestamp, self.key.as_deref(), self.value.as_deref(), &headers);
    }

    /// The headers of the letter as a record: the record's own, then its lineage.
    pub(crate) fn record_headers(&self, application_id: &str) -> Headers {
        let (partition, offset) = (self.partition.to_string(), self.offset.to_string());
        let (timestamp, exception) = (self.timestamp.to_string(), format!("{}: {}", self.stage, self.reason));
        let values: [&str; LINEAGE.len()] = [
            application_id,
            &self.reason,
            &self.stage,
            &self.topic,
            &partition,
            &offset,
            &timestamp,
            &exception,
            &self.reason,
            &self.topic,
            &partition,
            &offset,
        ];
        let lineage = LINEAGE.iter().zip(values).map(|(name, value)| Header { name: (*name).into(), value: Some(value.as_bytes().into()) });
        self.headers.as_slice().iter().cloned().chain(lineage).collect()
    }

    /// Reads a letter back, with the application that it belongs to.
    pub fn from_record(record: RecordRef<'_>) -> Result<(String, DeadLetter), NotALetter> {
        let headers = record.headers.to_headers();
        let all = headers.as_slice();
        let (own, lineage) = all.split_at(all.len().saturating_sub(LINEAGE.len()));
        let text = |place: usize| text(lineage, place).ok_or(NotALetter { header: LINEAGE[place] });
        for place in 0..LINEAGE.len() {
            text(place)?;
        }
        let letter = DeadLetter {
            topic: text(3)?.into(),
            partition: text(4)?.parse().map_err(|_| NotALetter { header: PARTITION })?,
            offset: text(5)?.parse().map_err(|_| NotALetter { header: OFFSET })?,
            stage: text(2)?.into(),
            reason: text(1)?.into(),
            key: record.key.map(Into::into),
            value: record.value.map(Into::into),
            timestamp: text(6)?.parse().map_err(|_| NotALetter { header: TIMESTAMP })?,
            headers: own.iter().cloned().collect(),
        };
        Ok((text(0)?.into(), letter))
    }
}

fn text(lineage: &[Header], place: usize) -> Option<&str> {
    let header = lineage.get(place).filter(|header| &*header.name == LINEAGE[place])?;
    std::str::from_utf8(header.value.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            topic: "transactions".into(),
            partition: 3,
            offset: 42,
            stage: "parse".into(),
            reason: "amount is missing".into(),
            key: Some(b"k\xff".to_vec()),
            value: None,
            timestamp: -1,
            headers: Headers::new().with("trace", Some(b"\x00\xfe")).with("empty", None),
        }
    }

    #[test]
    fn comes_back_as_it_was_written_even_after_a_redrive() {
        let mut records = Records::new();
        letter().to_record("sales", &mut records);
        let (application, first) = DeadLetter::from_record(records.get(0).unwrap()).unwrap();
        assert_eq!((application.as_str(), &first), ("sales", &letter()));

        let again = DeadLetter { headers: records.get(0).unwrap().headers.to_headers(), offset: 99, ..letter() };
        again.to_record("sales", &mut records);
        assert_eq!(DeadLetter::from_record(records.get(1).unwrap()), Ok(("sales".into(), again)));
    }

    #[test]
    fn a_foreign_record_is_told_by_the_header_that_it_lacks() {
        let mut records = Records::new();
        letter().to_record("sales", &mut records);
        let full = records.get(0).unwrap().headers.to_headers();
        let foreign = |headers: Headers| {
            let mut records = Records::new();
            records.push(0, 0, None, None, &headers);
            DeadLetter::from_record(records.get(0).unwrap()).unwrap_err().header
        };
        let cut = full.as_slice()[..full.len() - 1].iter().cloned().collect();
        let spoilt = full.iter().map(|(name, value)| {
            let value = if name == OFFSET { Some(&b"many"[..]) } else { value };
            Header { name: name.into(), value: value.map(Into::into) }
        });
        assert_eq!(foreign(Headers::new()), APPLICATION_ID);
        assert_eq!(foreign(cut), APPLICATION_ID);
        assert_eq!(foreign(spoilt.collect()), OFFSET);
    }
}
