//! The edges: sinks and sources outside of the log. What a sink promises stands in [`headwater_streams::connector`].
//!
//! [`table`] says what a table of the target looks like and where its columns come from, [`sqlite`] writes into SQLite.
//! Nothing here knows tasks, stores or RocksDB.

pub mod sqlite;
pub mod table;

mod change;
mod header_text;
mod time_text;
