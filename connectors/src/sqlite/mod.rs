//! SQLite as a warehouse: one file, exactly once, dead letters beside the rows.
//!
//! Each writer has its own connection (WAL mode), so that any number of readers sees whole batches while they are written. A commit
//! is not synced to the disk: it survives a kill of the process; after a loss of power the file holds an earlier commit,
//! rows and progress alike.
//!
//! Beside the tables of the application the file holds
//!
//! | table | one row per |
//! |---|---|
//! | `headwater_sink_progress` | application, sink, topic, partition: next offset, epoch of its writer, id of the topic |
//! | `dead_letters` | record that could not be used, by its identity |
//! | `headwater_migrations` | migration that has been applied |

mod database;
mod dead_letters;
mod fault;
mod letters;
mod migrations;
mod progress;
mod schema;
mod sink;
mod statements;
mod writer;

pub use crate::migration::Migration;
pub use crate::progress::SinkProgress;
pub use dead_letters::SqliteDeadLetters;
pub use migrations::migrate;
pub use progress::{progress, reset};
pub use sink::SqliteSink;
