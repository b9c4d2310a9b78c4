//! Where tasks keep their states.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::lock::DirectoryLock;
use crate::{MemoryBudget, MemoryDisk, StateError};

/// Where tasks' states live, and what outlives a task that is closed or a process that is killed.
#[derive(Clone, Debug)]
pub enum Disk {
    /// A real directory.
    Directory(StateDirectory),
    /// Memory that plays a disk, for tests and simulations.
    Memory(MemoryDisk),
}

/// The directory `<root>/<application id>`, held by this process: a second one is refused and told who holds it. Clones share the hold.
#[derive(Clone, Debug)]
pub struct StateDirectory {
    path: PathBuf,
    budget: MemoryBudget,
    _lock: Arc<DirectoryLock>,
}

impl StateDirectory {
    /// Takes the directory, making it where it is missing. [`StateError::InUse`] names the process that has it.
    pub fn open(root: &Path, application_id: &str, budget: MemoryBudget) -> Result<Self, StateError> {
        let path = root.join(application_id);
        let lock = DirectoryLock::acquire(&path)?;
        Ok(Self { path, budget, _lock: Arc::new(lock) })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn budget(&self) -> &MemoryBudget {
        &self.budget
    }
}
