//! The settings of generators as flags.

use crate::generator::Settings;
use crate::iso8601;
use clap::Args;
use headwater_streams::record::Timestamp;
use std::time::Duration;

/// What decides the records of a generator.
#[derive(Debug, Clone, Args)]
pub(super) struct GeneratorOptions {
    /// Another seed, other records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// How many records there are; 0: no end
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(super) count: u64,

    /// Event time around which the first record lies, ISO 8601
    #[arg(long, value_name = "TIME", default_value = "2025-11-29T20:00:00Z", value_parser = time)]
    pub(super) start: Timestamp,

    /// Event time from one record to the next
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = step)]
    pub(super) step: Duration,

    /// Records a second; 0: as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) rate: u64,

    /// Share of late records, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(super) late: f64,

    /// Share of malformed records, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(super) bad: f64,

    /// Partitions of the topic, where it is not there yet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub(super) partitions: Option<i32>,
}

impl GeneratorOptions {
    pub(super) fn settings(&self) -> Settings {
        Settings { seed: self.seed, start: self.start, step: self.step, late: self.late, bad: self.bad }
    }

    pub(super) fn count(&self) -> Option<u64> {
        (self.count > 0).then_some(self.count)
    }
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    match iso8601::parse(text) {
        Some(time) if time >= 0 => Ok(time),
        Some(_) => Err("event time begins with 1970".into()),
        None => Err("not a time in ISO 8601, such as 2025-11-29T20:00:00Z".into()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 10ms, 1s or 2m"))
}

pub(super) fn step(text: &str) -> Result<Duration, String> {
    let step = duration(text)?;
    if step <= Duration::from_secs(86_400) { Ok(step) } else { Err("more than a day".into()) }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a share from 0 to 1, such as 0.01".into()),
    }
}
