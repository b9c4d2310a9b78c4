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
use std::time::Duration;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The command line was not understood, or asked for help.
    #[error("{0}")]
    Usage(#[from] clap::Error),
    /// The log said no.
    #[error("{0}")]
    Log(#[from] LogError),
    /// `HEADWATER_LOG` is not what it should be.
    #[error("HEADWATER_LOG={text}: {reason}")]
    LogFilter {
        /// What it is.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process writes the log.
    #[error("{}", error.at())]
    InUse {
        /// What the log said; it names the directory and the owner.
        error: LogError,
    },
    /// There is nothing to read yet.
    #[error("no log in {}", directory.display())]
    NoLog {
        /// The data directory.
        directory: PathBuf,
    },
    /// No sink has written yet.
    #[error("no {}", path.display())]
    NoTables {
        /// Where they would be.
        path: PathBuf,
    },
    /// A setting is not what it should be, or one is missing.
    #[error("{at}: {what}")]
    Setting {
        /// The setting, with where it was set if that is known.
        at: String,
        /// What is wrong with it, and what is allowed.
        what: String,
    },
    /// An orderly end took too long.
    #[error("not stopped within {}: {what} does not answer", humantime::format_duration(*patience))]
    StopTimedOut {
        /// How long was waited.
        patience: Duration,
        /// Whom it waited for.
        what: String,
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
    /// A line of a file that cannot be used.
    #[error("{file}:{line}: {reason}")]
    BadLine {
        /// The file.
        file: String,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory that the demo did not make.
    #[error("{} holds data that `headwater demo` did not begin", directory.display())]
    NotADemo {
        /// The directory.
        directory: PathBuf,
    },
    /// The file that says how a demo began says nothing.
    #[error("{} is not what a demo wrote: {error}", path.display())]
    BrokenDemo {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// Flags that are not those of the demo that lies there.
    #[error("the demo in {} began with {began}", directory.display())]
    OtherDemo {
        /// The directory.
        directory: PathBuf,
        /// Its flags, where they differ.
        began: String,
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
    #[error("{}", with_sources(.0))]
    State(#[from] StateError),
    /// The database cannot be reached, or does not let us in; its text says what to do.
    #[error("{0}")]
    Database(ConnectorError),
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
    /// What was measured is not what it must be.
    #[error("{0}")]
    BelowMark(String),
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
            CommandError::LogFilter { .. } => "off, error, warn, info, debug or trace, also by module: warn,headwater_streams=debug",
            CommandError::InUse { .. } => "stop that process, or choose another directory with --data",
            CommandError::NoLog { .. } => {
                "fill it with `headwater demo` or `headwater generate transactions`, or name another directory with --data"
            }
            CommandError::NoTables { .. } => "an application makes it when it starts; or name another directory with --data",
            CommandError::UnknownTopic { .. } => {
                "one of those; an application makes its topics when it first starts: `headwater run category-sales`"
            }
            CommandError::UnknownSink { .. } => "`headwater sink list` shows applications and sinks as they are to be named",
            CommandError::Feed(FeedError::Foreign { .. }) => {
                "go on with the --seed, --start, --step, --late and --bad that began the topic, or choose another --data"
            }
            CommandError::Feed(FeedError::Partitions { .. }) => {
                "leave --partitions away to take the topic as it is, or choose another --data"
            }
            CommandError::NotADemo { .. } | CommandError::BrokenDemo { .. } => {
                "choose another directory with --data, or delete this one by hand if nobody needs it"
            }
            CommandError::BadLine { .. } => "mend or remove that line; nothing was written",
            CommandError::OtherDemo { .. } => "leave those flags away to go on with it, or start anew with --fresh",
            CommandError::Page(_) => "choose another address with --listen; port 0 takes any that is free",
            CommandError::State(StateError::InUse { .. }) => "stop that process, or choose another directory with --state-dir",
            CommandError::Io { .. } | CommandError::State(StateError::Io { .. }) => DISK,
            CommandError::Sink(ConnectorError::Refused { .. })
            | CommandError::App { error: AppError::Sink(ConnectorError::Refused { .. }) } => {
                "follow the command if one is named; SQLite: a file that is damaged can be moved away, what the topics hold is written again"
            }
            CommandError::Log(error)
            | CommandError::Feed(FeedError::Log(error) | FeedError::Refused { error, .. })
            | CommandError::App { error: AppError::Log { source: error, .. } } => return log_hint(error),
            CommandError::StopTimedOut { .. } => {
                "nothing is lost: what was committed is kept, the next start goes on from there; --stop-timeout waits longer"
            }
            CommandError::Setting { .. } => "`headwater config` shows every setting and where it comes from",
            CommandError::Feed(FeedError::Unreadable { .. })
            | CommandError::Usage(_)
            | CommandError::Topology(_)
            | CommandError::State(_)
            | CommandError::Database(_)
            | CommandError::Sink(_)
            | CommandError::App { .. }
            | CommandError::BelowMark(_)
            | CommandError::Broken(_) => return None,
        })
    }

    /// Tells it on standard error; what the process ends with.
    pub(super) fn report(&self) -> u8 {
        if let CommandError::Usage(error) = self {
            // Nobody reads what cannot be written.
            let _ = error.print();
            return error.exit_code() as u8;
        }
        eprintln!("error: {self}");
        if let Some(hint) = self.hint() {
            eprintln!("  try: {hint}");
        }
        1
    }
}

const DISK: &str = "look at the space and the permissions there, then start again: what is committed is kept";

fn log_hint(error: &LogError) -> Option<&'static str> {
    match error.code() {
        ErrorCode::Corrupt => Some("restore the directory from a backup, or start anew in another --data"),
        ErrorCode::Storage => Some(DISK),
        _ => None,
    }
}
