//! What can go wrong with state, by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A failure of a store, its database or its directory.
#[derive(Debug, Error)]
pub enum StateError {
    /// Another process (or another owner in this one) holds the directory. Stop it, or choose another directory.
    #[error("{} is in use by process {}", path.display(), owner.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()))]
    InUse {
        /// The directory that is held.
        path: PathBuf,
        /// The process id of the holder, where it could be read.
        owner: Option<u32>,
    },
    /// The operating system refused: permissions, space, file handles. The data is as it was; try again when that is mended.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// There is no database yet. Wait for its writer.
    #[error("no database in {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The writer has removed what this reader still believed to be there. Catch up and read again.
    #[error("reader of {} is behind its writer", path.display())]
    Behind {
        /// The directory of the database.
        path: PathBuf,
        /// The engine's reason.
        source: EngineError,
    },
    /// The database's bytes are damaged. Set the directory aside and restore from the changelog.
    #[error("database {} is damaged", path.display())]
    Damaged {
        /// The directory of the database.
        path: PathBuf,
        /// The engine's reason.
        source: EngineError,
    },
    /// A later version of this program wrote the database. Run that one, or set the directory aside and restore.
    #[error("{} has layout version {found}, known is {known}", path.display())]
    NewerLayout {
        /// The directory of the database.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The highest version that this program reads.
        known: u32,
    },
    /// The store was of another kind (key-value, window, session, found by time or not) when it was written. Give the new store another name.
    #[error("store {store} of task {task} was written with another layout")]
    LayoutChanged {
        /// The task.
        task: String,
        /// The store.
        store: String,
    },
    /// The task has no store of that name: the caller's plan and the state's differ.
    #[error("task {task} has no store {store}")]
    UnknownStore {
        /// The task.
        task: String,
        /// The store.
        store: String,
    },
    /// The changelog holds a record that cannot belong to the store. Something else writes to the topic.
    #[error("record at offset {offset} of the changelog is not one of store {store}")]
    NotOfThisStore {
        /// The store.
        store: String,
        /// The record's offset.
        offset: i64,
    },
    /// The task whose state was to be read has closed it.
    #[error("the task has closed its state")]
    Closed,
    /// The engine failed for another reason than damage. The data is as it was; stop, and start again when the reason is mended.
    #[error("cannot {action} in database {}", path.display())]
    Engine {
        /// What was tried, as a verb.
        action: &'static str,
        /// The directory of the database.
        path: PathBuf,
        /// The engine's reason.
        source: EngineError,
    },
}

/// The engine's own words about a failure.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct EngineError(pub(crate) String);
