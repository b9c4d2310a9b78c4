//! How far a sink has come, in the same file as its rows, and who may write them.

use super::database;
use super::fault::Fault;
use crate::progress::{Claimed, SinkProgress};
use headwater_streams::connector::ConnectorError;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::path::Path;

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

/// Raises the epoch, which fences whoever wrote before.
pub(crate) fn take_over(transaction: &Transaction<'_>, claimed: &Claimed) -> Result<SinkProgress, Fault> {
    let sql = "INSERT INTO headwater_sink_progress (application_id, sink, topic, partition, topic_id, epoch)
        VALUES (?1, ?2, ?3, ?4, ?5, 1)
        ON CONFLICT (application_id, sink, topic, partition) DO UPDATE SET epoch = epoch + 1
        RETURNING application_id, sink, topic, partition, topic_id, next_offset, epoch";
    let task = &claimed.task;
    let parameters = (&task.application_id, &claimed.sink, &task.topic, task.partition, claimed.topic_id());
    let found = transaction.prepare_cached(sql)?.query_row(parameters, read_row)?;
    claimed.misfit(&found).map_or(Ok(found), |reason| Err(Fault::Refused(reason)))
}

/// Where the next batch begins, or [`Fault::Fenced`] where the partition is no longer ours.
pub(crate) fn next_offset(transaction: &Transaction<'_>, claimed: &Claimed) -> Result<Option<i64>, Fault> {
    let sql = "SELECT next_offset FROM headwater_sink_progress
        WHERE application_id = ?1 AND sink = ?2 AND topic = ?3 AND partition = ?4 AND epoch = ?5";
    let found = transaction.prepare_cached(sql)?.query_row(key(claimed), |row| row.get(0)).optional()?;
    found.ok_or(Fault::Fenced)
}

/// Moves on, in the transaction of the rows.
pub(crate) fn advance(transaction: &Transaction<'_>, claimed: &Claimed, next_offset: i64) -> Result<(), Fault> {
    let sql = "UPDATE headwater_sink_progress SET next_offset = max(?6, coalesce(next_offset, ?6))
        WHERE application_id = ?1 AND sink = ?2 AND topic = ?3 AND partition = ?4 AND epoch = ?5";
    let (application_id, sink, topic, partition, epoch) = key(claimed);
    let changed = transaction.prepare_cached(sql)?.execute((application_id, sink, topic, partition, epoch, next_offset))?;
    if changed == 1 { Ok(()) } else { Err(Fault::Fenced) }
}

fn key(claimed: &Claimed) -> (&str, &str, &str, i32, i64) {
    (&claimed.task.application_id, &claimed.sink, &claimed.task.topic, claimed.task.partition, claimed.epoch)
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
