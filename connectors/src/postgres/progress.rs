//! How far a sink has come, in the same database as its rows, and who may write them.

use super::config::NAME;
use super::database::Postgres;
use super::fault::Fault;
use super::session::{Parameters, Session};
use crate::progress::{Claimed, SinkProgress};
use headwater_streams::connector::ConnectorError;
use tokio_postgres::{Error, Row};

/// The progress of all sinks that the database knows, in order.
pub fn progress(database: &Postgres) -> Result<Vec<SinkProgress>, ConnectorError> {
    let sql = "SELECT * FROM headwater_sink_progress ORDER BY application_id, sink, topic, partition";
    rows(database, sql, &[]).map_err(|fault| fault.into_connector_error(NAME, None))
}

/// Forgets the progress of one sink, so that it starts over from the beginning of its topic; returns what was forgotten.
///
/// Rows and dead letters stay; rows that are written again are the same rows. A writer that is at work is fenced.
pub fn reset(database: &Postgres, application_id: &str, sink: &str) -> Result<Vec<SinkProgress>, ConnectorError> {
    let sql = "DELETE FROM headwater_sink_progress WHERE application_id = $1 AND sink = $2 RETURNING *";
    rows(database, sql, &[&application_id, &sink]).map_err(|fault| fault.into_connector_error(sink, None))
}

/// Raises the epoch, which fences whoever wrote before.
pub(crate) async fn take_over(session: &Session, claimed: &Claimed) -> Result<SinkProgress, Fault> {
    let sql = "INSERT INTO headwater_sink_progress AS known (application_id, sink, topic, partition, topic_id, epoch)
        VALUES ($1, $2, $3, $4, $5, 1)
        ON CONFLICT (application_id, sink, topic, partition) DO UPDATE SET epoch = known.epoch + 1
        RETURNING *";
    let task = &claimed.task;
    let parameters: &Parameters<'_> = &[&task.application_id, &claimed.sink, &task.topic, &task.partition, &claimed.topic_id()];
    let found = session.query(sql, parameters).await?;
    let found = found.first().map(read_row).transpose()?.ok_or(Fault::Fenced)?;
    claimed.misfit(&found).map_or(Ok(found), |reason| Err(Fault::Refused(reason)))
}

/// Where the next batch begins, or [`Fault::Fenced`] where the partition is no longer ours; nobody can take it until the transaction ends.
pub(crate) async fn next_offset(session: &Session, claimed: &Claimed) -> Result<Option<i64>, Fault> {
    let sql = "SELECT next_offset FROM headwater_sink_progress
        WHERE application_id = $1 AND sink = $2 AND topic = $3 AND partition = $4 AND epoch = $5 FOR UPDATE";
    let task = &claimed.task;
    let parameters: &Parameters<'_> = &[&task.application_id, &claimed.sink, &task.topic, &task.partition, &claimed.epoch];
    let found = session.query(sql, parameters).await?;
    Ok(found.first().ok_or(Fault::Fenced)?.try_get(0)?)
}

/// Moves on, in the transaction of the rows.
pub(crate) async fn advance(session: &Session, claimed: &Claimed, next_offset: i64) -> Result<(), Fault> {
    let sql = "UPDATE headwater_sink_progress SET next_offset = greatest($6, next_offset)
        WHERE application_id = $1 AND sink = $2 AND topic = $3 AND partition = $4 AND epoch = $5";
    let task = &claimed.task;
    let parameters: &Parameters<'_> = &[&task.application_id, &claimed.sink, &task.topic, &task.partition, &claimed.epoch, &next_offset];
    let changed = session.execute(sql, parameters).await?;
    if changed == 1 { Ok(()) } else { Err(Fault::Fenced) }
}

fn rows(database: &Postgres, sql: &str, parameters: &Parameters<'_>) -> Result<Vec<SinkProgress>, Fault> {
    let found = database.transaction(async |session| session.query(sql, parameters).await)?;
    let read: Result<Vec<_>, Error> = found.iter().map(read_row).collect();
    Ok(read?)
}

fn read_row(row: &Row) -> Result<SinkProgress, Error> {
    Ok(SinkProgress {
        application_id: row.try_get("application_id")?,
        sink: row.try_get("sink")?,
        topic: row.try_get("topic")?,
        partition: row.try_get("partition")?,
        topic_id: row.try_get("topic_id")?,
        next_offset: row.try_get("next_offset")?,
        epoch: row.try_get("epoch")?,
    })
}
