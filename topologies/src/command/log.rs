//! Opens the log that is meant: a Kafka cluster, or the embedded one of a data directory.

use super::CommandError;
use super::data::{DataDirectory, DataOptions};
use super::kafka_options::KafkaOptions;
use clap::Args;
use headwater_state::MemoryBudget;
use headwater_streams::log::{EmbeddedLog, EmbeddedOptions, ErrorCode, KafkaConfig, KafkaLog, Log, LogError};
use std::fmt;
use std::sync::Arc;

/// Which log is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct LogOptions {
    #[command(flatten)]
    pub(super) data: DataOptions,

    #[command(flatten, next_help_heading = "Kafka")]
    pub(super) kafka: KafkaOptions,
}

/// Where the log is.
#[derive(Debug, Clone)]
pub(super) enum LogPlace {
    /// In a directory of this machine.
    Embedded(DataDirectory),
    /// In a cluster.
    Kafka(KafkaConfig),
}

impl LogOptions {
    pub(super) fn place(&self) -> Result<LogPlace, CommandError> {
        Ok(self.kafka.config()?.map_or_else(|| LogPlace::Embedded(self.data.directory()), LogPlace::Kafka))
    }
}

impl LogPlace {
    /// For writing. The embedded log takes its memory from the process' one budget.
    pub(super) fn open(&self, memory: &MemoryBudget) -> Result<Arc<dyn Log>, CommandError> {
        match self {
            LogPlace::Embedded(directory) => open_writer(directory, memory),
            LogPlace::Kafka(config) => connect(config),
        }
    }

    /// For reading, beside whoever writes.
    pub(super) fn open_reader(&self) -> Result<Arc<dyn Log>, CommandError> {
        match self {
            LogPlace::Embedded(directory) => open_reader(directory),
            LogPlace::Kafka(config) => connect(config),
        }
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogPlace::Embedded(directory) => write!(f, "{}", directory.log().display()),
            LogPlace::Kafka(config) => write!(f, "Kafka at {}", config.brokers),
        }
    }
}

/// One process at a time.
pub(super) fn open_writer(directory: &DataDirectory, memory: &MemoryBudget) -> Result<Arc<dyn Log>, CommandError> {
    std::fs::create_dir_all(&directory.root).map_err(CommandError::io(format!("making {}", directory.root.display())))?;
    let options = EmbeddedOptions { memory: memory.clone(), ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open_with(directory.log(), options).map_err(explain)?;
    Ok(Arc::new(log))
}

fn open_reader(directory: &DataDirectory) -> Result<Arc<dyn Log>, CommandError> {
    if !directory.log().exists() {
        return Err(CommandError::NoLog { directory: directory.root.clone() });
    }
    let log = EmbeddedLog::open_reader(directory.log()).map_err(explain)?;
    Ok(Arc::new(log))
}

fn connect(config: &KafkaConfig) -> Result<Arc<dyn Log>, CommandError> {
    Ok(Arc::new(KafkaLog::connect(config.clone())?))
}

fn explain(error: LogError) -> CommandError {
    match error.code() {
        ErrorCode::Owned => CommandError::InUse { error },
        _ => CommandError::Log(error),
    }
}
