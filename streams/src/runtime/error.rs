//! Why an application stops, and what a person can do about it.

use crate::connector::ConnectorError;
use crate::log::{LogError, TopicPartition};
use crate::task::TaskError;
use headwater_state::StateError;
use std::time::Duration;

/// An error that ends an application. Everything committed before stands.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Reconfigure: the topics do not fit the topology.
    #[error("{0}")]
    Topics(String),
    /// A task cannot go on.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A record of a global table cannot be read, and the policy is to stop: mend the record or change the policy.
    #[error("global table: record {at} offset {offset}: {reason}")]
    GlobalTable {
        /// Where it was read.
        at: TopicPartition,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
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
    /// Give each process a state directory of its own: another process has the same transactional id, so it runs on a copy of this one's.
    #[error(
        "another process has taken the transactional id of this one over and over: each process needs a state directory of its own, not a copy"
    )]
    Fenced {
        /// What the log said, with the id.
        #[source]
        source: LogError,
    },
    /// Stop the others first. A closed Kafka Streams application stays in its group for its `session.timeout.ms`, 45 s by default.
    #[error(
        "group {group} has members that share work out in another way, Kafka Streams or another assignment policy, and they have not gone within {} s: stop all of them, wait until their session.timeout.ms is over (45 s by default), then start again",
        waited.as_secs()
    )]
    Strangers {
        /// The group, which is the application id.
        group: String,
        /// How long the start has waited.
        waited: Duration,
    },
    /// The log did not answer while the application was to end. Nothing is lost: what was not committed is done again.
    #[error("ended without the last commit: what was not committed will be processed again")]
    Unfinished,
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
