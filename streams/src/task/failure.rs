//! Why a record, or a whole task, cannot go on.

use crate::format::FormatError;
use headwater_state::StateError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What an operator returns: done, or the reason to stop.
// Boxed, so that the common case is one word.
pub type Flow = Result<(), Box<Stop>>;

/// Any error of user code or of a format. Not itself an `Error`, so that `?` takes any.
#[derive(Debug)]
pub struct Failure(Box<dyn Error + Send + Sync>);

impl Failure {
    /// A failure that is only a text.
    pub fn text(reason: impl Into<String>) -> Self {
        Failure(Box::<dyn Error + Send + Sync>::from(reason.into()))
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What ends the processing of a record.
#[derive(Debug)]
pub enum Stop {
    /// This record failed; the application's policy decides what becomes of it.
    Record {
        /// The operator that failed.
        stage: Arc<str>,
        /// What it said.
        cause: Failure,
    },
    /// A `suppress` that shuts down when it is full holds more than it may.
    BufferFull {
        /// The operator.
        stage: Arc<str>,
    },
    /// The task itself cannot go on: its state is not readable or writable.
    State(StateError),
    /// A row of a store is not what its types say: it was written by another version, or has no place in its format.
    Row {
        /// The store.
        store: &'static str,
        /// What was wrong with the row.
        source: FormatError,
    },
}

impl From<StateError> for Box<Stop> {
    fn from(error: StateError) -> Self {
        Box::new(Stop::State(error))
    }
}
