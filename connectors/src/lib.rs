//! The edges: sinks and sources outside of the log. What a sink promises stands in [`headwater_streams::connector`].
//!
//! [`table`] says what a table of the target looks like and where its columns come from, [`postgres`] writes into PostgreSQL,
//! [`sqlite`] into SQLite.
//! Nothing here knows tasks, stores or RocksDB.

pub mod postgres;
pub mod sqlite;
pub mod table;

mod change;
mod decimal_text;
mod header_text;
mod migration;
mod portions;
mod progress;
mod sql_text;
mod time_text;
