//! A SQLite file.

use super::Warehouse;
use headwater_connectors::sqlite::{self, Migration, SinkProgress, SqliteDeadLetters, SqliteSink};
use headwater_connectors::table::Table;
use headwater_streams::connector::{Connector, ConnectorError};
use rusqlite::Connection;
use std::fmt;
use std::path::PathBuf;

pub struct File {
    directory: tempfile::TempDir,
}

impl File {
    pub fn new() -> Self {
        File { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("headwater.sqlite")
    }

    pub fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

impl Warehouse for File {
    fn sink_into(&self, table: Table) -> Result<Box<dyn Connector>, ConnectorError> {
        Ok(Box::new(SqliteSink::new("category_sales", self.path(), table)?))
    }

    fn several_rows_into(&self, table: Table) -> Box<dyn Connector> {
        Box::new(SqliteSink::new("versions", self.path(), table).unwrap().several_rows())
    }

    fn dead_letters(&self) -> Box<dyn Connector> {
        Box::new(SqliteDeadLetters::new(self.path()))
    }

    fn progress(&self) -> Vec<SinkProgress> {
        sqlite::progress(self.path()).unwrap()
    }

    fn reset(&self, application_id: &str, sink: &str) -> Vec<SinkProgress> {
        sqlite::reset(self.path(), application_id, sink).unwrap()
    }

    fn migrate(&self, schema: &str, steps: &[Migration]) -> Result<usize, ConnectorError> {
        sqlite::migrate(self.path(), schema, steps)
    }

    fn run(&self, sql: &str) {
        self.sql().execute_batch(sql).unwrap();
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let connection = self.sql();
        let mut statement = connection.prepare(sql).unwrap();
        let texts = statement.query_map((), |row| row.get(0)).unwrap();
        texts.collect::<Result<_, _>>().unwrap()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SQLite")
    }
}
