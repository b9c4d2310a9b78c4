//! How an application runs: all that `run` can be told and that is not about this one run.

use super::CommandError;
use super::data::DataOptions;
use super::generator_options::duration;
use super::kafka_options::KafkaOptions;
use super::log::LogPlace;
use super::names::application_id;
use super::page::{advertised_address, listen_address};
use super::postgres_options::PostgresOptions;
use super::warehouse::WarehousePlace;
use clap::{Args, ValueEnum};
use headwater_streams::runtime::Config;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What decides how an application runs.
#[derive(Debug, Clone, Args)]
pub(super) struct RunSettings {
    /// What a commit promises
    #[arg(long, value_name = "GUARANTEE", env = "HEADWATER_GUARANTEE", default_value = "exactly-once")]
    guarantee: Promise,

    /// How long work is collected before it is committed [default: 100ms; under at-least-once 1s]
    #[arg(long, value_name = "DURATION", env = "HEADWATER_COMMIT_INTERVAL", value_parser = interval)]
    commit_interval: Option<Duration>,

    /// Group id and prefix of internal topics [default: the application's name]
    #[arg(long, value_name = "ID", env = "HEADWATER_APPLICATION_ID", value_parser = application_id)]
    application_id: Option<String>,

    /// Directory of the state, one for each instance of the application [default: state/ in the data directory]
    #[arg(long, value_name = "DIR", env = "HEADWATER_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// How long the group waits for a sign of life before others take over
    #[arg(long, value_name = "DURATION", env = "HEADWATER_SESSION_TIMEOUT", default_value = "10s", value_parser = session_timeout)]
    session_timeout: Duration,

    /// A fixed name in the group, another one for each instance: who is back within the session timeout causes no rebalance
    #[arg(long, value_name = "NAME", env = "HEADWATER_INSTANCE_ID", value_parser = application_id)]
    instance_id: Option<String>,

    /// Where other instances and clients reach this one: what a query is told that must go elsewhere
    #[arg(long, value_name = "HOST:PORT", env = "HEADWATER_ADVERTISED_ADDRESS", value_parser = advertised_address)]
    advertised_address: Option<String>,

    /// How long an orderly end may take
    #[arg(long, value_name = "DURATION", env = "HEADWATER_STOP_TIMEOUT", default_value = "25s", value_parser = stop_timeout)]
    pub(super) stop_timeout: Duration,

    /// Serve the page and /prometheus at this address
    #[arg(long, value_name = "HOST:PORT", env = "HEADWATER_LISTEN", value_parser = listen_address)]
    pub(super) listen: Option<SocketAddr>,

    #[command(flatten)]
    pub(super) data: DataOptions,

    #[command(flatten, next_help_heading = "Kafka")]
    kafka: KafkaOptions,

    #[command(flatten, next_help_heading = "PostgreSQL")]
    postgres: PostgresOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Promise {
    /// Results, state and positions stand or fall together
    ExactlyOnce,
    /// Nothing is lost; after a kill, what was not committed counts again
    AtLeastOnce,
}

impl RunSettings {
    /// For the runtime; `name` is the application's.
    pub(super) fn config(&self, name: &str) -> Config {
        let id = self.id(name);
        let config = match self.guarantee {
            Promise::ExactlyOnce => Config::new(id),
            Promise::AtLeastOnce => Config::new(id).at_least_once(),
        };
        Config {
            commit_interval: self.commit_interval.unwrap_or(config.commit_interval),
            session_timeout: self.session_timeout,
            advertised_address: self.advertised_address.clone(),
            instance_id: self.instance_id.clone(),
            ..config
        }
    }

    pub(super) fn state(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| self.data.directory().state())
    }

    pub(super) fn log(&self) -> Result<LogPlace, CommandError> {
        Ok(self.kafka.config()?.map_or_else(|| LogPlace::Embedded(self.data.directory()), LogPlace::Kafka))
    }

    pub(super) fn warehouse(&self) -> Result<WarehousePlace, CommandError> {
        WarehousePlace::of(&self.data, &self.postgres)
    }

    /// The id under which the application of this name runs.
    pub(super) fn id<'a>(&'a self, name: &'a str) -> &'a str {
        self.application_id.as_deref().unwrap_or(name)
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_millis(1), Duration::from_secs(60))
}

/// What brokers allow by default: `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
fn session_timeout(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(6), Duration::from_secs(1800))
}

fn stop_timeout(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1), Duration::from_secs(3600))
}

fn between(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let duration = duration(text)?;
    if (least..=most).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("not between {} and {}", humantime::format_duration(least), humantime::format_duration(most)))
    }
}
