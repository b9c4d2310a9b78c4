//! Why an application stops, and what a person can do about it.

use crate::connector::ConnectorError;
use crate::log::LogError;
use crate::task::TaskError;
use headwater_state::StateError;

/// An error that ends an application. Everything committed before stands.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Reconfigure: the topics do not fit the topology.
    #[error("{0}")]
    Topics(String),
    /// A task cannot go on.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A sink cannot go on.
    #[error(transparent)]
    Sink(#[from] ConnectorError),
    /// The log refused or failed.
    #[error("{doing}")]
    Log {
        /// What the runtime was doing.
        doing: String,
        /// What the log said.
        #[source]
        source: LogError,
    },
    /// The state directory cannot be used.
    #[error("cannot open the state directory")]
    State(#[from] StateError),
    /// A bug: a thread of the runtime died.
    #[error("a thread of the runtime ended by itself: {0}")]
    Died(String),
}

impl AppError {
    pub(crate) fn log(doing: impl Into<String>) -> impl FnOnce(LogError) -> AppError {
        let doing = doing.into();
        move |source| AppError::Log { doing, source }
    }
}
