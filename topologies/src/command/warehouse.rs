//! The tables of an application: where they lie, and what can be done with them.

use super::CommandError;
use super::data::DataOptions;
use super::postgres_options::PostgresOptions;
use clap::Args;
use headwater_connectors::postgres::{self, PoolStatus, Postgres, PostgresConfig, PostgresDeadLetters, PostgresSink, SinkProgress};
use headwater_connectors::sqlite::{self, SqliteDeadLetters, SqliteSink};
use headwater_connectors::table::Table;
use headwater_serving::{Page, PostgresSales, PostgresTables, SqliteSales, SqliteTables, TablesPage};
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
    pub(super) fn open(&self) -> Result<Warehouse, CommandError> {
        WarehousePlace::of(&self.data, &self.postgres)?.open()
    }
}

/// Where the tables lie. Nothing is connected yet.
#[derive(Debug, Clone)]
pub(super) enum WarehousePlace {
    /// In a file of the data directory.
    Sqlite(PathBuf),
    /// In a database.
    Postgres(Box<PostgresConfig>),
}

impl WarehousePlace {
    /// The one that the settings name.
    pub(super) fn of(data: &DataOptions, postgres: &PostgresOptions) -> Result<Self, CommandError> {
        let config = postgres.config()?.map(|config| WarehousePlace::Postgres(Box::new(config)));
        Ok(config.unwrap_or_else(|| WarehousePlace::Sqlite(data.directory().sqlite())))
    }

    /// Connects to a database; a file is opened by whoever writes it.
    pub(super) fn open(self) -> Result<Warehouse, CommandError> {
        Ok(match self {
            WarehousePlace::Sqlite(path) => Warehouse::Sqlite(path),
            WarehousePlace::Postgres(config) => {
                let at = format!("PostgreSQL at {}:{}/{}", config.host, config.port, config.database);
                Warehouse::Postgres { at, database: Postgres::connect(*config).map_err(CommandError::Database)? }
            }
        })
    }
}

/// The tables, reachable.
#[derive(Debug, Clone)]
pub(super) enum Warehouse {
    /// In a file of the data directory.
    Sqlite(PathBuf),
    /// In a database.
    Postgres {
        /// Which one, without its secrets.
        at: String,
        /// Its connections.
        database: Postgres,
    },
}

impl Warehouse {
    /// Lets a topic of results fill this table.
    pub(super) fn connect<K, V>(&self, app: &StreamsBuilder, topic: Topic<K, V>, name: &str, table: Table) -> Result<(), CommandError> {
        match self {
            Warehouse::Sqlite(path) => app.connect(topic, SqliteSink::new(name, path, table)?),
            Warehouse::Postgres { database, .. } => app.connect(topic, PostgresSink::new(name, database.clone(), table)?),
        }
        Ok(())
    }

    /// The same for a topic whose records bring several rows that belong together.
    pub(super) fn connect_several<K, V>(
        &self, app: &StreamsBuilder, topic: Topic<K, V>, name: &str, table: Table,
    ) -> Result<(), CommandError> {
        match self {
            Warehouse::Sqlite(path) => app.connect(topic, SqliteSink::new(name, path, table)?.several_rows()),
            Warehouse::Postgres { database, .. } => {
                app.connect(topic, PostgresSink::new(name, database.clone(), table)?.several_rows());
            }
        }
        Ok(())
    }

    /// Lets the topic of dead letters fill their table.
    pub(super) fn connect_dead_letters(&self, app: &StreamsBuilder, topic: Topic<(), Bytes>) {
        match self {
            Warehouse::Sqlite(path) => app.connect(topic, SqliteDeadLetters::new(path)),
            Warehouse::Postgres { database, .. } => app.connect(topic, PostgresDeadLetters::new(database.clone())),
        }
    }

    /// The page of the category sales.
    pub(super) fn sales_page(&self) -> Page {
        Page::CategorySales(match self {
            Warehouse::Sqlite(path) => Box::new(SqliteSales::new(path)),
            Warehouse::Postgres { database, .. } => Box::new(PostgresSales::new(database.clone())),
        })
    }

    /// A page of plain tables.
    pub(super) fn tables_page(&self, page: TablesPage) -> Page {
        match self {
            Warehouse::Sqlite(path) => Page::Tables(page, Box::new(SqliteTables::new(path, page))),
            Warehouse::Postgres { database, .. } => Page::Tables(page, Box::new(PostgresTables::new(database.clone(), page))),
        }
    }

    /// How busy the connections are, where there are some.
    pub(super) fn pool(&self) -> Option<PoolStatus> {
        match self {
            Warehouse::Sqlite(_) => None,
            Warehouse::Postgres { database, .. } => Some(database.pool_status()),
        }
    }

    /// How far each sink has come.
    pub(super) fn progress(&self) -> Result<Vec<SinkProgress>, CommandError> {
        match self {
            Warehouse::Sqlite(path) if !path.exists() => Err(CommandError::NoTables { path: path.clone() }),
            Warehouse::Sqlite(path) => Ok(sqlite::progress(path)?),
            Warehouse::Postgres { database, .. } => Ok(postgres::progress(database)?),
        }
    }

    /// Lets a sink start over; returns what was forgotten.
    pub(super) fn reset(&self, application_id: &str, sink: &str) -> Result<Vec<SinkProgress>, CommandError> {
        match self {
            Warehouse::Sqlite(path) if !path.exists() => Err(CommandError::NoTables { path: path.clone() }),
            Warehouse::Sqlite(path) => Ok(sqlite::reset(path, application_id, sink)?),
            Warehouse::Postgres { database, .. } => Ok(postgres::reset(database, application_id, sink)?),
        }
    }
}

impl fmt::Display for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warehouse::Sqlite(path) => write!(f, "{}", path.display()),
            Warehouse::Postgres { at, .. } => f.write_str(at),
        }
    }
}
