//! The data directory: where everything of the embedded default lies.

use clap::Args;
use std::path::PathBuf;

/// Where data lies.
#[derive(Debug, Clone, Args)]
pub(super) struct DataOptions {
    /// Directory of the embedded log, the state and the SQLite file
    #[arg(long, value_name = "DIR", env = "HEADWATER_DATA", default_value = "headwater-data")]
    pub(super) data: PathBuf,
}

impl DataOptions {
    /// The directory.
    pub(super) fn directory(&self) -> DataDirectory {
        DataDirectory { root: self.data.clone() }
    }
}

/// A directory and what lies where in it.
#[derive(Debug, Clone)]
pub(super) struct DataDirectory {
    pub(super) root: PathBuf,
}

impl DataDirectory {
    /// The embedded log.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// State of tasks, unless `--state-dir` says otherwise.
    pub(super) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The warehouse.
    pub(super) fn sqlite(&self) -> PathBuf {
        self.root.join("headwater.sqlite")
    }

    /// How the demo began; only there if it did.
    pub(super) fn demo(&self) -> PathBuf {
        self.root.join("demo.json")
    }
}
