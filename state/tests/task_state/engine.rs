//! Both engines, for tests that run on each.

use headwater_state::{Disk, Journal, MemoryBudget, MemoryDisk, StateDirectory, StoreSpec, TaskState};
use tempfile::TempDir;

pub(crate) const TASK: &str = "0_0";

/// How many cases of so many: a tenth, unless `HEADWATER_MODELS=long` asks for all.
pub(crate) fn cases(all: u32) -> u32 {
    if std::env::var("HEADWATER_MODELS").is_ok_and(|length| length == "long") { all } else { all / 10 }
}

/// An engine and the disk that its databases are on.
pub(crate) struct Engine {
    pub(crate) disk: Disk,
    /// Removed when the test is over.
    _directory: Option<TempDir>,
}

impl Engine {
    pub(crate) fn rocks() -> Self {
        let directory = TempDir::new().unwrap();
        let disk = StateDirectory::open(directory.path(), "app", MemoryBudget::of_bytes(64 << 20)).unwrap();
        Self { disk: Disk::Directory(disk), _directory: Some(directory) }
    }

    pub(crate) fn memory() -> Self {
        Self { disk: Disk::Memory(MemoryDisk::new()), _directory: None }
    }

    pub(crate) fn each() -> [Self; 2] {
        [Self::rocks(), Self::memory()]
    }

    pub(crate) fn open(&self, specs: &[StoreSpec]) -> TaskState {
        TaskState::open(&self.disk, TASK, 1, specs.to_vec(), Journal::On).unwrap()
    }
}
