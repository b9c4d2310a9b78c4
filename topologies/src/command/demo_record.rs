//! How a demo began: a small file in the data directory, so that the next one goes on with the same records, and so that
//! `--fresh` knows what it may delete.

use super::CommandError;
use super::data::DataDirectory;
use super::generator_options::{share, step, time};
use crate::generator::Settings;
use crate::iso8601;
use clap::Args;
use headwater_streams::record::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
const LATE: f64 = 0.005;
const BAD: f64 = 0.002;

/// What a person asks of a demo's records. It decides a demo that begins; one that goes on must have begun with it.
#[derive(Debug, Clone, Args)]
pub(super) struct Wishes {
    /// Another seed, other records [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Event time around which the first record lies, ISO 8601 [default: a day ago]
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,

    /// Event time from one record to the next [default: such that a second brings a minute]
    #[arg(long, value_name = "DURATION", value_parser = step)]
    step: Option<Duration>,

    /// Share of late records, 0 to 1 [default: 0.005]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    late: Option<f64>,

    /// Share of malformed records, 0 to 1 [default: 0.002]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    bad: Option<f64>,
}

impl Wishes {
    /// A demo that begins now.
    pub(super) fn begin(&self, now: Timestamp, rate: u64) -> DemoRecord {
        DemoRecord {
            seed: self.seed.unwrap_or(1),
            start: self.start.unwrap_or(now - DAY_MS),
            step_us: self.step.map_or(60_000_000 / rate, |step| step.as_micros() as u64),
            late: self.late.unwrap_or(LATE),
            bad: self.bad.unwrap_or(BAD),
        }
    }

    /// The flags with which the demo began, where they are not the wishes.
    pub(super) fn misfit(&self, began: &DemoRecord) -> Option<String> {
        let DemoRecord { seed, start, late, bad, .. } = *began;
        let Settings { step, .. } = began.settings();
        let flags = [
            self.seed.is_some_and(|wish| wish != seed).then(|| format!("--seed {seed}")),
            self.start.is_some_and(|wish| wish != start).then(|| format!("--start {}", iso8601::to_text(start))),
            self.step.is_some_and(|wish| wish != step).then(|| format!("--step {}", humantime::format_duration(step))),
            self.late.is_some_and(|wish| wish != late).then(|| format!("--late {late}")),
            self.bad.is_some_and(|wish| wish != bad).then(|| format!("--bad {bad}")),
        ];
        flags.into_iter().flatten().reduce(|all, flag| format!("{all} {flag}"))
    }
}

/// The settings of a demo's generator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct DemoRecord {
    pub(super) seed: u64,
    /// Milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) step_us: u64,
    pub(super) late: f64,
    pub(super) bad: f64,
}

impl DemoRecord {
    /// The record that lies in the directory, if one does.
    pub(super) fn read(directory: &DataDirectory) -> Result<Option<Self>, CommandError> {
        let path = directory.demo();
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::io(format!("reading {}", path.display()))(error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| CommandError::BrokenDemo { path, error }),
        }
    }

    /// Puts it there, whole or not at all.
    pub(super) fn write(&self, directory: &DataDirectory) -> Result<(), CommandError> {
        let path = directory.demo();
        let doing = format!("writing {}", path.display());
        let text = serde_json::to_string(self).expect("numbers are JSON");
        let draft = path.with_extension("draft");
        let written = fs::create_dir_all(&directory.root).and_then(|()| fs::write(&draft, text)).and_then(|()| fs::rename(&draft, &path));
        written.map_err(CommandError::io(doing))
    }

    /// For the generator.
    pub(super) fn settings(&self) -> Settings {
        Settings { seed: self.seed, start: self.start, step: Duration::from_micros(self.step_us), late: self.late, bad: self.bad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_goes_on_with_its_own_records_or_says_which_they_were() {
        let none = Wishes { seed: None, start: None, step: None, late: None, bad: None };
        let began = Wishes { seed: Some(7), step: Some(Duration::from_millis(30)), ..none.clone() }.begin(2 * DAY_MS, 2_000);
        assert_eq!((began.seed, began.start, began.step_us), (7, DAY_MS, 30_000));
        assert_eq!(none.begin(DAY_MS, 1_000).step_us, 60_000, "a thousand records, a minute");
        assert_eq!(none.misfit(&began), None);
        assert_eq!(Wishes { seed: Some(7), late: Some(LATE), ..none.clone() }.misfit(&began), None);
        let others = Wishes { seed: Some(8), start: Some(0), step: Some(Duration::from_secs(1)), late: Some(LATE), bad: Some(0.5) };
        assert_eq!(others.misfit(&began).as_deref(), Some("--seed 7 --start 1970-01-02T00:00:00Z --step 30ms --bad 0.002"));
    }
}
