//! What went wrong with a database, and what that means to the runtime.

use crate::progress::Claimed;
use headwater_streams::connector::{ConnectorError, SinkTask};
use rusqlite::{Error, ErrorCode};

/// Why a transaction did not happen.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database said so.
    Database(Error),
    /// Another writer has raised the epoch, or somebody has reset the sink.
    Fenced,
    /// A person must decide.
    Refused(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Database(error)
    }
}

impl Fault {
    /// The error as the runtime of this claim wants it.
    pub(crate) fn of(self, claimed: &Claimed) -> ConnectorError {
        self.into_connector_error(&claimed.sink, Some(&claimed.task))
    }

    /// The error as the runtime wants it.
    pub(crate) fn into_connector_error(self, sink: &str, task: Option<&SinkTask>) -> ConnectorError {
        let sink = sink.to_string();
        match (self, task) {
            (Fault::Database(error), _) if is_temporary(&error) => ConnectorError::Unavailable { sink, reason: error.to_string() },
            (Fault::Database(error), _) => ConnectorError::Refused { sink, reason: error.to_string() },
            (Fault::Refused(reason), _) => ConnectorError::Refused { sink, reason },
            (Fault::Fenced, Some(task)) => ConnectorError::Fenced { sink, topic: task.topic.clone(), partition: task.partition },
            (Fault::Fenced, None) => ConnectorError::Refused { sink, reason: "another writer has taken over".into() },
        }
    }
}

/// Whether the database refuses what the statement would write, whoever tries and however often.
pub(crate) fn is_refusal_of_row(error: &Error) -> bool {
    let codes = [ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch, ErrorCode::TooBig];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

/// Whether the statement failed with SQLite's general error: a row that a trigger cannot compute with, or a statement that no
/// longer fits the schema.
pub(crate) fn is_general(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// Whether the same call may succeed later: somebody else holds the file, the disk is full or does not answer.
fn is_temporary(error: &Error) -> bool {
    let Some(code) = error.sqlite_error_code() else { return false };
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::ReadOnly
        | ErrorCode::OperationInterrupted
        | ErrorCode::OperationAborted
        | ErrorCode::SystemIoFailure
        | ErrorCode::DiskFull
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SchemaChanged => true,
        ErrorCode::InternalMalfunction
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotFound
        | ErrorCode::TooBig
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::ApiMisuse
        | ErrorCode::NoLargeFileSupport
        | ErrorCode::AuthorizationForStatementDenied
        | ErrorCode::ParameterOutOfRange
        | ErrorCode::NotADatabase
        | ErrorCode::Unknown => false,
        // The enum is open: what SQLite adds later is no reason to lose a row.
        _ => false,
    }
}
