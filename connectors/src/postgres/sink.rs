//! The sink into one table of a PostgreSQL database, as a topology names it.

use super::database::Postgres;
use super::rows::Rows;
use super::writer::PostgresWriter;
use crate::progress::Claimed;
use crate::table::{Shape, Table};
use headwater_streams::connector::{Connector, ConnectorError, Level, SinkTask, Writer};
use std::sync::Arc;

/// Keeps a table of a PostgreSQL database current, exactly once.
#[derive(Clone, Debug)]
pub struct PostgresSink {
    name: String,
    database: Postgres,
    rows: Arc<Rows>,
}

impl PostgresSink {
    /// A sink named `name` into `table`, which is made where it is missing.
    ///
    /// [`ConnectorError::Refused`] says what is wrong with the description of the table.
    pub fn new(name: impl Into<String>, database: Postgres, table: Table) -> Result<PostgresSink, ConnectorError> {
        let name = name.into();
        match table.mistake() {
            Some(reason) => Err(ConnectorError::Refused { sink: name, reason }),
            None => Ok(PostgresSink { name, database, rows: Arc::new(Rows::of(table, Shape::Row)) }),
        }
    }

    /// Lets each record bring several rows that belong together: its value is `{"upserts": [row, ..], "deletes": [key, ..]}`, either of which
    /// may be missing; deletes go first. All of them are applied in one transaction, or none, and then the record is a dead letter.
    #[must_use]
    pub fn several_rows(self) -> Self {
        PostgresSink { rows: Arc::new(self.rows.several()), ..self }
    }
}

impl Connector for PostgresSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        Level::ExactlyOnce
    }

    fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
        self.rows.prepare(&self.database).map_err(|fault| fault.into_connector_error(&self.name, Some(task)))?;
        let claimed = Claimed::nothing_yet(task, &self.name);
        Ok(Box::new(PostgresWriter::new(self.database.clone(), self.rows.clone(), claimed)))
    }
}
