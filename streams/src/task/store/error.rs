//! Why a row could not be read or written, by who is at fault.

use crate::format::FormatError;
use crate::task::{Context, Flow, Stop};
use headwater_state::StateError;
use std::sync::Arc;

/// A failure of a typed store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    /// The record brought a key that cannot be written: the record is at fault.
    #[error("key of store {store}: {source}")]
    Key { store: &'static str, source: FormatError },
    /// A row is not what its types say: the store was written by another version, or the value has no place in its format.
    #[error("row of store {store}: {source}")]
    Row { store: &'static str, source: FormatError },
    /// The bytes are not to be had.
    #[error(transparent)]
    State(#[from] StateError),
}

impl RowError {
    /// What the task does about it: the record fails, or the task stops.
    #[cold]
    pub(crate) fn settle(self, stage: &Arc<str>, task: &mut Context) -> Flow {
        match self {
            RowError::Key { .. } => task.fail(stage, self.into()),
            other => Err(other.into_stop()),
        }
    }

    /// The same where there is no record.
    pub(crate) fn into_stop(self) -> Box<Stop> {
        match self {
            RowError::State(error) => Box::new(Stop::State(error)),
            RowError::Key { store, source } | RowError::Row { store, source } => Box::new(Stop::Row { store, source }),
        }
    }
}
