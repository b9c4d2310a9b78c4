//! One owner for a directory, which a second one is told by process id.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::StateError;

const LOCK_FILE: &str = "owner.lock";

/// Holds a directory for as long as it lives. The operating system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes the directory where it is missing, and takes it.
    pub(crate) fn acquire(directory: &Path) -> Result<Self, StateError> {
        let failed = |action, path: PathBuf| move |source| StateError::Io { action, path, source };
        fs::create_dir_all(directory).map_err(failed("create", directory.to_owned()))?;
        let path = directory.join(LOCK_FILE);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed("open", path.clone()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse { path: directory.to_owned(), owner: read_owner(&mut file) }),
            Err(TryLockError::Error(source)) => return Err(failed("lock", path)(source)),
        }
        write_owner(&mut file).map_err(failed("write", path))?;
        Ok(Self { _file: file })
    }
}

fn read_owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_owner(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
