//! The tables of an application: where they lie, and what can be done with them.

use super::CommandError;
use super::data::DataOptions;
use super::postgres_options::PostgresOptions;
use clap::Args;
use headwater_connectors::sqlite::{self, SinkProgress, SqliteDeadLetters, SqliteSink};
use headwater_connectors::table::Table;
use headwater_serving::{SalesSource, SqliteSales};
use headwater_streams::dsl::StreamsBuilder;
use headwater_streams::format::Bytes;
use headwater_streams::topic::Topic;
use std::fmt;
use std::path::PathBuf;

/// Which tables are meant.
#[derive(Debug, Clone, Args)]
pub(super) struct WarehouseOptions {
    #[command(flatten)]
    data: DataOptions,

    #[command(flatten, next_help_heading = "PostgreSQL")]
    postgres: PostgresOptions,
}

impl WarehouseOptions {
    pub(super) fn warehouse(&self) -> Result<Warehouse, CommandError> {
        Warehouse::open(&self.data, &self.postgres)
    }
}

/// Where the tables lie.
#[derive(Debug, Clone)]
pub(super) enum Warehouse {
    /// In a file of the data directory.
    Sqlite(PathBuf),
}

impl Warehouse {
    /// The one that the settings name.
    pub(super) fn open(data: &DataOptions, postgres: &PostgresOptions) -> Result<Self, CommandError> {
        if postgres.url.is_some() {
            return Err(CommandError::NextRelease {
                flag: "--postgres",
                what: "the sink into PostgreSQL is not part of this one",
                instead: "leave --postgres away and unset HEADWATER_POSTGRES to keep the tables in headwater.sqlite in --data",
            });
        }
        Ok(Warehouse::Sqlite(data.directory().sqlite()))
    }

    /// Lets a topic of results fill this table.
    pub(super) fn connect<K, V>(&self, app: &StreamsBuilder, topic: Topic<K, V>, name: &str, table: Table) -> Result<(), CommandError> {
        match self {
            Warehouse::Sqlite(path) => app.connect(topic, SqliteSink::new(name, path, table)?),
        }
        Ok(())
    }

    /// Lets the topic of dead letters fill their table.
    pub(super) fn connect_dead_letters(&self, app: &StreamsBuilder, topic: Topic<(), Bytes>) {
        match self {
            Warehouse::Sqlite(path) => app.connect(topic, SqliteDeadLetters::new(path)),
        }
    }

    /// The results for the page.
    pub(super) fn sales(&self) -> Box<dyn SalesSource> {
        match self {
            Warehouse::Sqlite(path) => Box::new(SqliteSales::new(path)),
        }
    }

    /// How far each sink has come.
    pub(super) fn progress(&self) -> Result<Vec<SinkProgress>, CommandError> {
        match self {
            Warehouse::Sqlite(path) if !path.exists() => Err(CommandError::NoTables { path: path.clone() }),
            Warehouse::Sqlite(path) => Ok(sqlite::progress(path)?),
        }
    }

    /// Lets a sink start over; returns what was forgotten.
    pub(super) fn reset(&self, application_id: &str, sink: &str) -> Result<Vec<SinkProgress>, CommandError> {
        match self {
            Warehouse::Sqlite(path) if !path.exists() => Err(CommandError::NoTables { path: path.clone() }),
            Warehouse::Sqlite(path) => Ok(sqlite::reset(path, application_id, sink)?),
        }
    }
}

impl fmt::Display for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warehouse::Sqlite(path) => write!(f, "{}", path.display()),
        }
    }
}
