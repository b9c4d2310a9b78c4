//! Migrations: each step in a transaction of its own, under a lock of the database, whoever starts first.

use super::database::Postgres;
use super::fault::Fault;
use super::session::Session;
use crate::migration::Migration;
use crate::sql_text::quote;
use headwater_streams::connector::ConnectorError;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS headwater_migrations (
    schema text NOT NULL, version integer NOT NULL, name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema, version)
)";

/// Applies the steps of `schema` that the database has not seen, in order; their versions count from 1. Returns how many that were.
///
/// Safe when several processes start at once. A database that knows more steps than the caller is [`ConnectorError::Refused`].
pub fn migrate(database: &Postgres, schema: &str, steps: &[Migration]) -> Result<usize, ConnectorError> {
    apply(database, schema, steps).map_err(|fault| fault.into_connector_error(schema, None))
}

pub(crate) fn apply(database: &Postgres, schema: &str, steps: &[Migration]) -> Result<usize, Fault> {
    // Who finds everything done needs no right to change anything.
    if database.transaction(async |session| version(session, schema).await)? == Some(steps.len()) {
        return Ok(0);
    }
    database.transaction(async |session| {
        lock(session).await?;
        make_namespace(session, database.schema()).await?;
        session.run(TABLE).await
    })?;
    let mut applied = 0;
    for (before, step) in steps.iter().enumerate() {
        let is_ours = database.transaction(async |session| apply_step(session, schema, before, step, steps.len()).await)?;
        applied += usize::from(is_ours);
    }
    Ok(applied)
}

/// Makes the table `name` where it is missing.
pub(crate) fn make_table(database: &Postgres, name: &str, create: &str) -> Result<(), Fault> {
    database.transaction(async |session| {
        if exists(session, name).await? {
            return Ok(());
        }
        lock(session).await?;
        session.run(create).await
    })
}

/// Held until the end of the transaction: whoever changes a schema changes it alone, in this database.
async fn lock(session: &Session) -> Result<(), Fault> {
    session.query("SELECT pg_advisory_xact_lock(hashtextextended('headwater migrations', 0))", &[]).await.map(|_| ())
}

/// `IF NOT EXISTS` would ask for the right to make it even where it is there.
async fn make_namespace(session: &Session, name: &str) -> Result<(), Fault> {
    if session.query("SELECT FROM pg_namespace WHERE nspname = $1", &[&name]).await?.is_empty() {
        session.run(&format!("CREATE SCHEMA {}", quote(name))).await?;
    }
    Ok(())
}

/// Whether it was this call that applied the step.
async fn apply_step(session: &Session, schema: &str, before: usize, step: &Migration, known: usize) -> Result<bool, Fault> {
    lock(session).await?;
    let version = version(session, schema).await?.unwrap_or(0);
    if version > known {
        let reason = format!("the database has schema {schema} in version {version}, this program knows {known}: use a newer program");
        return Err(Fault::Refused(reason));
    }
    if version > before {
        return Ok(false);
    }
    session.run(step.sql).await?;
    let insert = "INSERT INTO headwater_migrations (schema, version, name) VALUES ($1, $2, $3)";
    session.execute(insert, &[&schema, &(before as i32 + 1), &step.name]).await?;
    Ok(true)
}

/// `None` while nothing has been migrated.
async fn version(session: &Session, schema: &str) -> Result<Option<usize>, Fault> {
    if !exists(session, "headwater_migrations").await? {
        return Ok(None);
    }
    let highest = "SELECT max(version) FROM headwater_migrations WHERE schema = $1";
    let rows = session.query(highest, &[&schema]).await?;
    let version: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose()?.flatten();
    Ok(version.map(|version| version as usize))
}

async fn exists(session: &Session, table: &str) -> Result<bool, Fault> {
    let found = session.query("SELECT FROM pg_class WHERE oid = to_regclass($1::text)", &[&quote(table)]).await?;
    Ok(!found.is_empty())
}
