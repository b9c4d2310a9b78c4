//! `headwater tail`: a topic as JSON lines, also beside a running application.

use super::CommandError;
use super::log::LogOptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use headwater_streams::log::{FetchLimit, Fetched, Isolation, Log, OffsetQuery, ReaderConfig, RecordRef, Reset, StartAt, TopicPartition};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
One line a record: partition, offset, timestamp, key, value, headers (pairs). Bytes are a string where they are UTF-8,
otherwise {\"base64\": ..}; null is null. Only committed records are shown.

Examples:
  headwater tail category-sales                                follow the results as they come
  headwater tail category-sales --from start --to end          all that is there, then stop
  headwater tail category-sales-dlq --from start | jq .headers what went wrong, and where";

/// Print a topic as JSON lines
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Tail {
    /// The topic
    topic: String,

    /// Where to begin [default: end, or start with --to end]
    #[arg(long, value_name = "WHERE")]
    from: Option<Place>,

    /// Where to stop; without it, new records are followed until interrupted
    #[arg(long, value_name = "WHERE")]
    to: Option<End>,

    #[command(flatten)]
    log: LogOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// The first record there is
    Start,
    /// Behind the last record there is now
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// Behind the last record there is now
    End,
}

impl Tail {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let log = self.log.place()?.open_reader()?;
        let from = self.from.unwrap_or(if self.to.is_some() { Place::Start } else { Place::End });
        let start = match from {
            Place::Start => StartAt::Earliest,
            Place::End => StartAt::Latest,
        };
        let partitions = partitions(&*log, &self.topic)?;
        let ends = match self.to {
            Some(End::End) => Some(ends(&*log, &partitions)?),
            None => None,
        };
        match print(&*log, &partitions, start, ends, &mut io::stdout().lock()) {
            // The reader has what it wanted.
            Err(CommandError::Io { error, .. }) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

fn partitions(log: &dyn Log, topic: &str) -> Result<Vec<TopicPartition>, CommandError> {
    match log.admin().describe_topic(topic)? {
        Some(found) => Ok((0..found.partitions).map(|partition| TopicPartition::new(topic, partition)).collect()),
        None => {
            let topics = log.admin().topics()?.iter().map(ToString::to_string).collect();
            Err(CommandError::UnknownTopic { topic: topic.into(), topics })
        }
    }
}

/// Up to where committed records go now.
fn ends(log: &dyn Log, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, CommandError> {
    let end = |at: &TopicPartition| {
        let found = log.admin().list_offset(at, OffsetQuery::Latest, Isolation::Committed)?;
        Ok((at.clone(), found.map_or(0, |found| found.offset)))
    };
    partitions.iter().map(end).collect()
}

fn print(
    log: &dyn Log, partitions: &[TopicPartition], start: StartAt, mut ends: Option<HashMap<TopicPartition, i64>>, out: &mut impl Write,
) -> Result<(), CommandError> {
    let mut reader = log.reader(ReaderConfig { isolation: Isolation::Committed, group: None, reset: Reset::Earliest })?;
    partitions.iter().for_each(|at| reader.assign(at, start));
    let (mut fetched, mut lines) = (Vec::new(), Vec::new());
    while ends.as_ref().is_none_or(|ends| !ends.is_empty()) {
        reader.poll(FetchLimit::default(), POLL, &mut fetched)?;
        for part in fetched.drain(..) {
            take(&part, ends.as_mut(), &mut lines)?;
            reader.recycle(part.records);
        }
        out.write_all(&lines).and_then(|()| out.flush()).map_err(CommandError::io("writing to standard output"))?;
        lines.clear();
    }
    Ok(())
}

/// Writes the records before the end, and forgets the end where it is reached.
fn take(part: &Fetched, ends: Option<&mut HashMap<TopicPartition, i64>>, lines: &mut Vec<u8>) -> Result<(), CommandError> {
    if let Some(error) = &part.error {
        return Err(error.clone().into());
    }
    let end = ends.as_ref().map_or(i64::MAX, |ends| ends.get(&part.partition).copied().unwrap_or(0));
    for record in part.records.iter().filter(|record| record.offset < end) {
        write_line(part.partition.partition, record, lines);
    }
    if let Some(ends) = ends.filter(|_| part.next >= end || part.at_end) {
        ends.remove(&part.partition);
    }
    Ok(())
}

fn write_line(partition: i32, record: RecordRef<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!(r#"{{"partition":{partition},"offset":{},"timestamp":{},"key":"#, record.offset, record.timestamp).as_bytes(),
    );
    write_bytes(record.key, out);
    out.extend_from_slice(b",\"value\":");
    write_bytes(record.value, out);
    out.extend_from_slice(b",\"headers\":[");
    for (place, (name, value)) in record.headers.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"[" } else { b",[" });
        write_text(name, out);
        out.push(b',');
        write_bytes(value, out);
        out.push(b']');
    }
    out.extend_from_slice(b"]}\n");
}

fn write_bytes(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => out.extend_from_slice(b"null"),
        Some((_, Ok(text))) => write_text(text, out),
        Some((bytes, Err(_))) => out.extend_from_slice(format!(r#"{{"base64":"{}"}}"#, STANDARD.encode(bytes)).as_bytes()),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string is JSON, and memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_streams::log::{Headers, Records};

    #[test]
    fn lines_show_bytes_nulls_and_headers_as_documented() {
        let mut records = Records::new();
        records.push(7, 1_000, Some(b"k\n"), Some(&[0xff, 0]), &Headers::new().with("a", Some(b"1")).with("a", None));
        records.push(8, -1, None, None, &Headers::EMPTY);
        let part = Fetched { partition: TopicPartition::new("t", 3), records, next: 9, at_end: true, error: None };
        let mut lines = Vec::new();
        take(&part, None, &mut lines).unwrap();
        let expected = [
            r#"{"partition":3,"offset":7,"timestamp":1000,"key":"k\n","value":{"base64":"/wA="},"headers":[["a","1"],["a",null]]}"#,
            r#"{"partition":3,"offset":8,"timestamp":-1,"key":null,"value":null,"headers":[]}"#,
            "",
        ];
        assert_eq!(String::from_utf8(lines).unwrap(), expected.join("\n"));
    }

    #[test]
    fn stops_before_the_end_that_was_seen_at_the_start() {
        let mut records = Records::new();
        (0..4).for_each(|offset| records.push(offset, 0, None, Some(b"x"), &Headers::EMPTY));
        let at = TopicPartition::new("t", 0);
        let mut ends = HashMap::from([(at.clone(), 2)]);
        let mut lines = Vec::new();
        take(&Fetched { partition: at, records, next: 4, at_end: false, error: None }, Some(&mut ends), &mut lines).unwrap();
        assert_eq!((lines.iter().filter(|byte| **byte == b'\n').count(), ends.len()), (2, 0));
    }
}
