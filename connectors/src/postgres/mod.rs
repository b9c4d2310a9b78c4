//! PostgreSQL as a warehouse: exactly once, dead letters beside the rows.
//!
//! Writers and readers share one pool of connections; a writer holds one while it is in a transaction. Nothing waits without a bound:
//! not for a connection, not for an answer, not for a lock.
//!
//! Beside the tables of the application the schema holds
//!
//! | table | one row per |
//! |---|---|
//! | `headwater_sink_progress` | application, sink, topic, partition: next offset, epoch of its writer, id of the topic |
//! | `dead_letters` | record that could not be used, by its identity |
//! | `headwater_migrations` | migration that has been applied |

mod arrays;
mod backoff;
mod config;
mod connect;
mod database;
mod dead_letters;
mod exact_columns;
mod fault;
mod letters;
mod migrations;
mod progress;
mod rows;
mod schema;
mod session;
mod sink;
mod statements;
mod url;
mod writer;

pub use crate::migration::Migration;
pub use crate::progress::SinkProgress;
pub use config::{PostgresConfig, TlsMode};
pub use database::{PoolStatus, Postgres};
pub use dead_letters::PostgresDeadLetters;
pub use migrations::migrate;
pub use progress::{progress, reset};
pub use sink::PostgresSink;
pub use tokio_postgres::Row;
pub use tokio_postgres::types::ToSql;
