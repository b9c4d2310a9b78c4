//! How far a sink has come, in the same file as its rows, and who may write them.

use super::database;
use super::fault::Fault;
use super::letters;
use headwater_streams::connector::{ConnectorError, DeadLetter, SinkTask};
use headwater_streams::log::RecordRef;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::fmt::Write;
use std::path::Path;

/// A row of `headwater_sink_progress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkProgress {
    /// The application.
    pub application_id: String,
    /// Its sink.
    pub sink: String,
    /// The topic that the sink reads.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The topic's id in hexadecimal digits.
    pub topic_id: String,
    /// Where the sink reads on; `None` while nothing has been written.
    pub next_offset: Option<i64>,
    /// How often the partition has been taken over.
    pub epoch: i64,
}

/// The progress of all sinks that the file knows, in order.
pub fn progress(path: impl AsRef<Path>) -> Result<Vec<SinkProgress>, ConnectorError> {
    let read = database::open_existing(path.as_ref()).and_then(|open| Ok(rows(&open, "SELECT * FROM headwater_sink_progress", &[])?));
    read.map_err(|fault| fault.into_connector_error("all", None))
}

/// Forgets the progress of one sink, so that it starts over from the beginning of its topic; returns what was forgotten.
///
/// Rows and dead letters stay; rows that are written again are the same rows. A writer that is at work is fenced.
pub fn reset(path: impl AsRef<Path>, application_id: &str, sink: &str) -> Result<Vec<SinkProgress>, ConnectorError> {
    let delete = "DELETE FROM headwater_sink_progress WHERE application_id = ?1 AND sink = ?2 RETURNING *";
    let forgotten = database::open_existing(path.as_ref()).and_then(|open| Ok(rows(&open, delete, &[application_id, sink])?));
    forgotten.map_err(|fault| fault.into_connector_error(sink, None))
}

/// The claim of one writer on one partition.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) task: SinkTask,
    pub(crate) sink: String,
    /// 0 before the first claim, which no row has.
    epoch: i64,
}

impl Claimed {
    pub(crate) fn nothing_yet(task: &SinkTask, sink: &str) -> Self {
        Claimed { task: task.clone(), sink: sink.to_string(), epoch: 0 }
    }

    /// Raises the epoch, which fences whoever wrote before, and says where to read on.
    pub(crate) fn take_over(&mut self, transaction: &Transaction<'_>) -> Result<Option<i64>, Fault> {
        let sql = "INSERT INTO headwater_sink_progress (application_id, sink, topic, partition, topic_id, epoch)
            VALUES (?1, ?2, ?3, ?4, ?5, 1)
            ON CONFLICT (application_id, sink, topic, partition) DO UPDATE SET epoch = epoch + 1
            RETURNING application_id, sink, topic, partition, topic_id, next_offset, epoch";
        let (task, topic_id) = (&self.task, hex(&self.task.topic_id));
        let parameters = (&task.application_id, &self.sink, &task.topic, task.partition, &topic_id);
        let found = transaction.prepare_cached(sql)?.query_row(parameters, read_row)?;
        if let Some(reason) = self.misfit(&found, &topic_id) {
            return Err(Fault::Refused(reason));
        }
        self.epoch = found.epoch;
        Ok(found.next_offset)
    }

    /// Where the next batch begins, or [`Fault::Fenced`] where the partition is no longer ours.
    pub(crate) fn next_offset(&self, transaction: &Transaction<'_>) -> Result<Option<i64>, Fault> {
        let sql = "SELECT next_offset FROM headwater_sink_progress
            WHERE application_id = ?1 AND sink = ?2 AND topic = ?3 AND partition = ?4 AND epoch = ?5";
        let found = transaction.prepare_cached(sql)?.query_row(self.key(), |row| row.get(0)).optional()?;
        found.ok_or(Fault::Fenced)
    }

    /// Moves on, in the transaction of the rows.
    pub(crate) fn advance(&self, transaction: &Transaction<'_>, next_offset: i64) -> Result<(), Fault> {
        let sql = "UPDATE headwater_sink_progress SET next_offset = max(?6, coalesce(next_offset, ?6))
            WHERE application_id = ?1 AND sink = ?2 AND topic = ?3 AND partition = ?4 AND epoch = ?5";
        let (application_id, sink, topic, partition, epoch) = self.key();
        let changed = transaction.prepare_cached(sql)?.execute((application_id, sink, topic, partition, epoch, next_offset))?;
        if changed == 1 { Ok(()) } else { Err(Fault::Fenced) }
    }

    /// The letter for a record of the claimed partition that this sink cannot use.
    pub(crate) fn letter(&self, record: RecordRef<'_>, reason: String) -> DeadLetter {
        DeadLetter {
            topic: self.task.topic.clone(),
            partition: self.task.partition,
            offset: record.offset,
            stage: self.sink.clone(),
            reason,
            key: record.key.map(Into::into),
            value: record.value.map(Into::into),
            timestamp: record.timestamp,
            headers: record.headers.to_headers(),
        }
    }

    /// Stores letters of this sink; returns those that are still to be published.
    pub(crate) fn keep(&self, transaction: &Transaction<'_>, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, Fault> {
        let mut unpublished = Vec::new();
        for letter in letters {
            if letters::add(transaction, &self.task.application_id, &letter)? {
                unpublished.push(letter);
            }
        }
        Ok(unpublished)
    }

    /// The fault as the runtime wants it.
    pub(crate) fn error(&self, fault: Fault) -> ConnectorError {
        fault.into_connector_error(&self.sink, Some(&self.task))
    }

    fn key(&self) -> (&str, &str, &str, i32, i64) {
        (&self.task.application_id, &self.sink, &self.task.topic, self.task.partition, self.epoch)
    }

    /// Why the progress that was found does not belong to this log.
    fn misfit(&self, found: &SinkProgress, topic_id: &str) -> Option<String> {
        let SinkTask { application_id, topic, partition, log_start, log_end, .. } = &self.task;
        let decide = format!("to start over: headwater sink reset {application_id} {}", self.sink);
        if found.topic_id != topic_id {
            let (known, now) = (&found.topic_id, topic_id);
            return Some(format!(
                "progress in {topic}-{partition} is that of another topic of this name (id {known}, now {now}); {decide}"
            ));
        }
        let next = found.next_offset?;
        if next < *log_start {
            let lost = log_start - next;
            return Some(format!(
                "progress in {topic}-{partition} is offset {next}, the log begins at {log_start}: {lost} offsets are gone; {decide}"
            ));
        }
        (next > *log_end).then(|| {
            let ahead = next - log_end;
            format!("progress in {topic}-{partition} is offset {next}, the log ends at {log_end}: {ahead} offsets are missing; {decide}")
        })
    }
}

fn rows(connection: &Connection, sql: &str, parameters: &[&str]) -> rusqlite::Result<Vec<SinkProgress>> {
    connection.prepare(sql)?.query_map(rusqlite::params_from_iter(parameters), read_row)?.collect()
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<SinkProgress> {
    Ok(SinkProgress {
        application_id: row.get("application_id")?,
        sink: row.get("sink")?,
        topic: row.get("topic")?,
        partition: row.get("partition")?,
        topic_id: row.get("topic_id")?,
        next_offset: row.get("next_offset")?,
        epoch: row.get("epoch")?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
