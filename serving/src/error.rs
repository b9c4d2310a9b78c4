//! Why nothing can be served, or nothing new.

use std::net::SocketAddr;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// Another program listens there, or the address is not one of this machine: choose another.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// No thread could be started.
    #[error("cannot start the server: {0}")]
    Start(std::io::Error),
}

/// Why a store was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store does not answer: it is asked again, and the page says that what it shows is old.
    #[error("the store cannot be read: {0}")]
    Unavailable(String),
    /// A row is not what it should be; a person must repair it. No number is shown that leaves it out.
    #[error("row {window} {category}: {column} is {value:?}: {reason}")]
    Unreadable {
        /// The row's window.
        window: String,
        /// The row's category.
        category: String,
        /// The column that cannot be read.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A column of a plain table is not what it should be; a person must repair it.
    #[error("table {table}: {column} is {value:?}: {reason}")]
    UnreadableColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}
