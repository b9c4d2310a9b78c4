//! What went wrong with a database, and what that means to the runtime. The server's error codes (SQLSTATE) decide.

use crate::progress::Claimed;
use headwater_streams::connector::{ConnectorError, SinkTask};
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

/// Why a transaction did not happen.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server does not answer, or not now: try again later.
    Unavailable(String),
    /// Two transactions stood in each other's way and this one gave way: the same again may succeed at once.
    Conflict(String),
    /// The database refuses what a row would write, whoever tries and however often.
    Row(String),
    /// Another writer has raised the epoch, or somebody has reset the sink.
    Fenced,
    /// A person must decide.
    Refused(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let is_io = || causes(&error).iter().any(|cause| cause.is::<io::Error>());
        match error.as_db_error() {
            Some(said) => Fault::said_by_server(said),
            // The connection is gone: nothing is known about the transaction.
            None if error.is_closed() || is_io() => Fault::Unavailable(chain(&error)),
            // A value of another type than the column's, or no PostgreSQL at all.
            None => Fault::Refused(chain(&error)),
        }
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
            (Fault::Unavailable(reason) | Fault::Conflict(reason), _) => ConnectorError::Unavailable { sink, reason },
            (Fault::Row(reason) | Fault::Refused(reason), _) => ConnectorError::Refused { sink, reason },
            (Fault::Fenced, Some(task)) => ConnectorError::Fenced { sink, topic: task.topic.clone(), partition: task.partition },
            (Fault::Fenced, None) => ConnectorError::Refused { sink, reason: "another writer has taken over".into() },
        }
    }

    fn said_by_server(error: &DbError) -> Fault {
        let (code, reason) = (error.code().code(), format!("{} (SQLSTATE {})", error.message(), error.code().code()));
        match (&code[..2], code) {
            // Serialization failure, deadlock.
            (_, "40001" | "40P01") => Fault::Conflict(reason),
            // A plan or a statement that the server has forgotten or must make anew: a new connection has neither.
            (_, "26000") => Fault::Unavailable(reason),
            (_, "0A000") if error.message().contains("cached plan") => Fault::Unavailable(reason),
            // Lock not available, statement timeout, a transaction that was idle for too long, a standby that cannot write.
            (_, "55P03" | "57014" | "25P03" | "25006") => Fault::Unavailable(reason),
            // Connection, other rollbacks, resources, shutdown or crash, the server's disk.
            ("08" | "40" | "53" | "58", _) => Fault::Unavailable(reason),
            ("57", code) if code.starts_with("57P0") => Fault::Unavailable(reason),
            // Data, integrity, check options of views, limits of a row or an index, exceptions that triggers raise.
            ("22" | "23" | "44" | "54" | "P0", _) => Fault::Row(reason),
            _ => Fault::Refused(format!("{reason}{}", advice(code))),
        }
    }
}

/// What a person can do about it.
fn advice(code: &str) -> &'static str {
    match code {
        "42501" => ": let the role select, insert, update and delete in the tables of this schema, or let it create them",
        "42P01" | "3F000" => ": restore it, or start the application anew, which makes what is missing",
        "42703" | "42804" => ": the table does not have the columns that the sink writes, alter or rename it",
        "42P10" => ": the table needs a primary key or unique constraint over the sink's key columns",
        "21000" => ": the table takes two keys for one that the sink tells apart, its key columns must compare exactly",
        _ => "",
    }
}

/// An error with what caused it: its own text says only where it happened.
pub(crate) fn chain(error: &Error) -> String {
    causes(error).iter().fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What caused an error, from the nearest on.
pub(crate) fn causes(error: &Error) -> Vec<&(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source()).collect()
}
