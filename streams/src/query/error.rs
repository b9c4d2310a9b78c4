//! Why a query has no answer, by what the caller can do about it.

use crate::format::FormatError;
use crate::task::store::RowError;
use headwater_state::StateError;

/// A query without an answer. It is never answered in part instead.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Ask again soon, or ask `owner`: the rows are on their way to this instance or from it, or are being restored.
    #[error("store {store}: partition {partition} is moving or being restored{}", at(owner.as_deref()))]
    Moving {
        /// The store.
        store: &'static str,
        /// The partition of the rows.
        partition: i32,
        /// The advertised address of the instance that has the partition or is to have it, if it is known.
        owner: Option<String>,
    },
    /// Ask `owner`: another instance has the rows.
    #[error("store {store}: partition {partition} is not here{}", at(owner.as_deref()))]
    NotHere {
        /// The store.
        store: &'static str,
        /// The partition of the rows.
        partition: i32,
        /// The advertised address of the instance that has the partition, if it is known.
        owner: Option<String>,
    },
    /// The topology has no such store.
    #[error("the topology has no store {store}")]
    NoSuchStore {
        /// The store.
        store: &'static str,
    },
    /// The store is another one than the typed constant says.
    #[error("store {store} is one of {is}, not of {asked}")]
    WrongType {
        /// The store.
        store: &'static str,
        /// Its types in the topology.
        is: &'static str,
        /// The types of the question.
        asked: &'static str,
    },
    /// The key cannot be written in its format, so no row has it.
    #[error("key for store {store}: {source}")]
    Key {
        /// The store.
        store: &'static str,
        /// What the format said.
        source: FormatError,
    },
    /// A row is not what its types say: the store was written by another version.
    #[error("row of store {store}: {source}")]
    Row {
        /// The store.
        store: &'static str,
        /// What the format said.
        source: FormatError,
    },
    /// Ask again: the application did not answer within a second, since it commits or works on something long.
    #[error("store {store}: no answer within {waited_ms} ms")]
    Busy {
        /// The store.
        store: &'static str,
        /// How long the query waited, in milliseconds.
        waited_ms: u64,
    },
    /// Ask again: the stream thread was not heard of for so long that its session may be over, and others may have its tasks without its
    /// knowing. The process was stopped, or hangs.
    #[error("store {store}: the stream thread is silent for {silent_ms} ms, others may have its tasks")]
    Silent {
        /// The store.
        store: &'static str,
        /// For how long, in milliseconds.
        silent_ms: i64,
    },
    /// The store has no such partition.
    #[error("store {store} has {partitions} partitions, so there is no partition {partition}")]
    NoSuchPartition {
        /// The store.
        store: &'static str,
        /// The partition that was asked for.
        partition: i32,
        /// How many there are.
        partitions: i32,
    },
    /// The application has ended.
    #[error("store {store}: the application has ended")]
    Ended {
        /// The store.
        store: &'static str,
    },
    /// The bytes cannot be read.
    #[error("store {store} cannot be read")]
    State {
        /// The store.
        store: &'static str,
        /// What the state said.
        #[source]
        source: StateError,
    },
}

impl QueryError {
    pub(crate) fn of_row(store: &'static str, error: RowError) -> Self {
        match error {
            RowError::Key { source, .. } => QueryError::Key { store, source },
            RowError::Row { source, .. } => QueryError::Row { store, source },
            RowError::State(source) => QueryError::State { store, source },
        }
    }
}

fn at(owner: Option<&str>) -> String {
    owner.map_or_else(String::new, |owner| format!(", its owner is {owner}"))
}
