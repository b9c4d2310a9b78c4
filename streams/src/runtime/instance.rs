//! The name of an instance: it makes its transactional id, so it must survive a kill, and differ between state directories.

use headwater_state::{Disk, StateError};
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

const FILE: &str = "instance";

/// The name that this state directory's process goes by. Kafka: the process id in `kafka-streams-process-metadata`.
pub(super) fn instance_of(disk: &Disk) -> Result<String, StateError> {
    match disk {
        Disk::Directory(directory) => read_or_make(directory.path()),
        // Nothing survives on such a disk, so a name need not either; two of them on one log must not fence each other.
        Disk::Memory(_) => Ok(format!("{:016x}", random())),
    }
}

fn read_or_make(directory: &Path) -> Result<String, StateError> {
    let path = directory.join(FILE);
    if let Ok(text) = fs::read_to_string(&path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let name = format!("{:016x}", random());
    fs::write(&path, &name).map_err(|source| StateError::Io { action: "write", path, source })?;
    Ok(name)
}

/// The standard library seeds each `RandomState` from the system's randomness.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
