//! The sink into one table of a SQLite file, as a topology names it.

use super::database;
use super::fault::Fault;
use super::statements;
use super::writer::SqliteWriter;
use crate::progress::Claimed;
use crate::table::{Shape, Table};
use headwater_streams::connector::{Connector, ConnectorError, Level, SinkTask, Writer};
use rusqlite::Connection;
use std::path::PathBuf;

/// Keeps a table of a SQLite file current, exactly once.
#[derive(Clone, Debug)]
pub struct SqliteSink {
    name: String,
    path: PathBuf,
    table: Table,
    shape: Shape,
}

impl SqliteSink {
    /// A sink named `name` into `table` of the file at `path`. File and table are made where they are missing.
    ///
    /// [`ConnectorError::Refused`] says what is wrong with the description of the table.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>, table: Table) -> Result<SqliteSink, ConnectorError> {
        let (name, path) = (name.into(), path.into());
        match table.mistake() {
            Some(reason) => Err(ConnectorError::Refused { sink: name, reason }),
            None => Ok(SqliteSink { name, path, table, shape: Shape::Row }),
        }
    }

    /// Lets each record bring several rows that belong together: its value is `{"upserts": [row, ..], "deletes": [key, ..]}`, either of which
    /// may be missing; deletes go first. All of them are applied in one transaction, or none, and then the record is a dead letter.
    #[must_use]
    pub fn several_rows(self) -> Self {
        SqliteSink { shape: Shape::Rows, ..self }
    }

    fn connect(&self) -> Result<Connection, Fault> {
        let connection = database::open(&self.path)?;
        connection.execute_batch(&statements::create(&self.table))?;
        // A table that was there before may lack columns or the key.
        for sql in [statements::upsert(&self.table), statements::delete(&self.table)] {
            connection.prepare_cached(&sql)?;
        }
        Ok(connection)
    }
}

impl Connector for SqliteSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        Level::ExactlyOnce
    }

    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        let connection = self.connect().map_err(|fault| fault.into_connector_error(&self.name, Some(task)))?;
        Ok(Box::new(SqliteWriter::new(connection, self.table, self.shape, Claimed::nothing_yet(task, &self.name))))
    }
}
