//! What a person reads when a command fails: what happened, and what to do.

use crate::feed::FeedError;
use headwater_serving::ServingError;
use headwater_state::StateError;
use headwater_streams::connector::ConnectorError;
use headwater_streams::graph::TopologyErrors;
use headwater_streams::log::{ErrorCode, LogError};
use headwater_streams::runtime::AppError;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// A flag for what this release does not do yet.
    #[error("{flag} comes with the next release: {what}")]
    NextRelease {
        /// The flag.
        flag: &'static str,
        /// What is missing.
        what: &'static str,
        /// What works today.
        instead: &'static str,
    },
    /// The log said no.
    #[error("{0}")]
    Log(#[from] LogError),
    /// Another process writes the log.
    #[error("{} is in use: {error}", directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// What the log said; it names the owner.
        error: LogError,
    },
    /// There is nothing to read yet.
    #[error("no log in {}", directory.display())]
    NoLog {
        /// The data directory.
        directory: PathBuf,
    },
    /// A topic that is not there.
    #[error("no topic {topic}; there {}", list(topics))]
    UnknownTopic {
        /// What was asked for.
        topic: String,
        /// What there is.
        topics: Vec<String>,
    },
    /// Records did not reach their topic.
    #[error("{0}")]
    Feed(#[from] FeedError),
    /// A file or the terminal.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// A directory that the demo did not make.
    #[error("{} holds data that `headwater demo` did not begin", directory.display())]
    NotADemo {
        /// The directory.
        directory: PathBuf,
    },
    /// A sink that has no progress.
    #[error("application {application_id} has no sink {sink} here; there {}", list(known))]
    UnknownSink {
        /// The application.
        application_id: String,
        /// What was asked for.
        sink: String,
        /// What there is, application and sink.
        known: Vec<String>,
    },
    /// The topology has mistakes.
    #[error("{0}")]
    Topology(#[from] TopologyErrors),
    /// The state directory cannot be had.
    #[error("{0}")]
    State(#[from] StateError),
    /// A sink cannot work.
    #[error("{0}")]
    Sink(#[from] ConnectorError),
    /// The page cannot be served.
    #[error("{0}")]
    Page(#[from] ServingError),
    /// The application could not start or go on.
    #[error("{}", with_sources(error))]
    App {
        /// What it said.
        #[from]
        error: AppError,
    },
    /// A part of this process ended by itself.
    #[error("{0}")]
    Broken(String),
}

fn list(topics: &[String]) -> String {
    if topics.is_empty() { "is none".to_owned() } else { format!("are {}", topics.join(", ")) }
}

/// An error with everything below it, on one line.
fn with_sources(error: &dyn Error) -> String {
    let (mut text, mut below) = (error.to_string(), error.source());
    while let Some(error) = below {
        text.push_str(&format!(": {error}"));
        below = error.source();
    }
    text
}

impl CommandError {
    /// An error of the system, with what was being done.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| CommandError::Io { what, error }
    }

    /// What a person can do about it.
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            CommandError::NextRelease { instead, .. } => instead,
            CommandError::InUse { .. } => "stop that process, or choose another directory with --data",
            CommandError::NoLog { .. } => {
                "fill it with `headwater demo` or `headwater generate transactions`, or name another directory with --data"
            }
            CommandError::Feed(FeedError::Foreign { .. }) => {
                "go on with the --seed, --start, --step, --late and --bad that began the topic, or choose another --data"
            }
            CommandError::Feed(FeedError::Partitions { .. }) => {
                "leave --partitions away to take the topic as it is, or choose another --data"
            }
            CommandError::NotADemo { .. } => "choose another directory with --data, or delete this one by hand if nobody needs it",
            CommandError::Log(error) if error.code() == ErrorCode::Corrupt => {
                "restore the directory from a backup, or start anew in another --data"
            }
            CommandError::Page(_) => "choose another address with --listen; port 0 takes any that is free",
            CommandError::Log(_)
            | CommandError::UnknownTopic { .. }
            | CommandError::UnknownSink { .. }
            | CommandError::Feed(_)
            | CommandError::Io { .. }
            | CommandError::Topology(_)
            | CommandError::State(_)
            | CommandError::Sink(_)
            | CommandError::App { .. }
            | CommandError::Broken(_) => return None,
        })
    }

    /// Tells it on standard error.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("error: {self}");
        if let Some(hint) = self.hint() {
            eprintln!("  try: {hint}");
        }
        ExitCode::FAILURE
    }
}
