//! How a demo began: a small file in the data directory, so that the next one goes on with the same records, and so that
//! `--fresh` knows what it may delete.

use super::CommandError;
use super::data::DataDirectory;
use crate::generator::Settings;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Error, ErrorKind};
use std::time::Duration;

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
        let doing = format!("reading {}", path.display());
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::io(doing)(error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| CommandError::io(doing)(Error::from(error))),
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
