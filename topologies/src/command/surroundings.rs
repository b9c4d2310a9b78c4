//! What the applications of one process share: the log, the tables, the memory, the directories.

use super::CommandError;
use super::log::LogPlace;
use super::warehouse::Warehouse;
use headwater_state::MemoryBudget;
use headwater_streams::log::Log;
use std::path::PathBuf;
use std::sync::Arc;

/// All of it, opened.
pub(super) struct Surroundings {
    pub(super) place: LogPlace,
    pub(super) log: Arc<dyn Log>,
    pub(super) warehouse: Warehouse,
    pub(super) memory: MemoryBudget,
    /// Where a person finds what is kept here.
    pub(super) directory: PathBuf,
    /// Where each application's state has a directory of its own.
    pub(super) state: PathBuf,
}

impl Surroundings {
    /// Opens the log; the process has one budget of memory.
    pub(super) fn open(place: LogPlace, warehouse: Warehouse, directory: PathBuf, state: PathBuf) -> Result<Self, CommandError> {
        let memory = MemoryBudget::from_cgroup();
        let log = place.open(&memory)?;
        Ok(Surroundings { place, log, warehouse, memory, directory, state })
    }
}
