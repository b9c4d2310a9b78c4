//! Migrations: ordered SQL, each applied once, in a transaction of its own, whoever starts first.

use super::database;
use super::fault::Fault;
use crate::migration::Migration;
use headwater_streams::connector::ConnectorError;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::Path;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS headwater_migrations (
    schema TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (schema, version)
) WITHOUT ROWID";

/// Applies the steps of `schema` that the file has not seen, in order; their versions count from 1. Returns how many that were.
///
/// Safe when several processes start at once. A file that knows more steps than the caller is [`ConnectorError::Refused`].
pub fn migrate(path: impl AsRef<Path>, schema: &str, steps: &[Migration]) -> Result<usize, ConnectorError> {
    let applied = database::connect(path.as_ref(), OpenFlags::SQLITE_OPEN_CREATE).and_then(|mut open| apply(&mut open, schema, steps));
    applied.map_err(|fault| fault.into_connector_error(schema, None))
}

pub(crate) fn apply(connection: &mut Connection, schema: &str, steps: &[Migration]) -> Result<usize, Fault> {
    if version(connection, schema)? == Some(steps.len()) {
        return Ok(0);
    }
    connection.execute_batch(TABLE)?;
    let mut applied = 0;
    for (before, step) in steps.iter().enumerate() {
        applied += usize::from(apply_step(connection, schema, before, step, steps.len())?);
    }
    Ok(applied)
}

/// Whether it was this call that applied the step.
fn apply_step(connection: &mut Connection, schema: &str, before: usize, step: &Migration, known: usize) -> Result<bool, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction, schema)?.unwrap_or(0);
    if version > known {
        let reason = format!("the database has schema {schema} in version {version}, this program knows {known}: use a newer program");
        return Err(Fault::Refused(reason));
    }
    if version > before {
        return Ok(false);
    }
    transaction.execute_batch(step.sql)?;
    let insert = "INSERT INTO headwater_migrations (schema, version, name) VALUES (?1, ?2, ?3)";
    transaction.execute(insert, (schema, before as i64 + 1, step.name))?;
    transaction.commit()?;
    Ok(true)
}

/// `None` while nothing has been migrated.
fn version(connection: &Connection, schema: &str) -> Result<Option<usize>, Fault> {
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'headwater_migrations'";
    if connection.query_row(table, (), |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    let highest = "SELECT max(version) FROM headwater_migrations WHERE schema = ?1";
    let version: Option<i64> = connection.query_row(highest, [schema], |row| row.get(0))?;
    Ok(version.map(|version| version as usize))
}
