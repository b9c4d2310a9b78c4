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

    /// The error of this type that it was made of, if it was.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
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

/// Where a record has failed: each place has a policy of its own in [`Config`](crate::runtime::Config).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its bytes are not what the source's types say. Kafka: `DeserializationExceptionHandler`.
    Undecodable,
    /// It has no time that an operator may see. Kafka stops here, whatever its handlers say.
    Time,
    /// A processor has given a record that it sends a negative time; what it does is processing.
    SentTime,
    /// An operator or a function of the user's did not take it. Kafka: `ProcessingExceptionHandler` (KIP-1033).
    Processing,
    /// What came of it cannot be written, or the log did not take it. Kafka: `ProductionExceptionHandler`.
    Sending,
}

/// What ends the processing of a record.
#[derive(Debug)]
pub enum Stop {
    /// This record failed; the application's policy decides what becomes of it.
    Record {
        /// Where in its way.
        fault: Fault,
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
