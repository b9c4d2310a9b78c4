//! Reading a byte database from another process, beside its writer.

use std::fs;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};

use crate::database::{family_named, last_below, read_once};
use crate::rocks::Rocks;
use crate::{Direction, Family, FamilySpec, MemoryBudget, StateError};

/// A second, reading door to a [`crate::ByteDatabase`] on disk. It sees what was written up to the last [`ByteReader::catch_up`].
///
/// It takes no lock and writes nothing into the database's directory, so any number of readers may stand beside the writer.
pub struct ByteReader {
    rocks: Rocks,
    names: Vec<String>,
    _scratch: Scratch,
}

impl ByteReader {
    /// Opens the database at `path`, which must exist and have the families named.
    pub fn open(path: &Path, families: &[FamilySpec], budget: &MemoryBudget) -> Result<Self, StateError> {
        let scratch = Scratch::create()?;
        let rocks = Rocks::open_secondary(path, &scratch.path, families, budget)?;
        Ok(Self { rocks, names: families.iter().map(|family| family.name.clone()).collect(), _scratch: scratch })
    }

    /// Makes visible what the writer has written until now. [`StateError::Behind`] may come back when the writer is busy: try again.
    pub fn catch_up(&self) -> Result<(), StateError> {
        self.rocks.catch_up()
    }

    /// The family of that name, if the reader was opened with it.
    pub fn family(&self, name: &str) -> Option<Family> {
        family_named(&self.names, name)
    }

    /// Hands the value under `key` to `read`, without a copy.
    pub fn get<R>(&self, family: Family, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, StateError> {
        read_once(read, |read| self.rocks.get(self.name(family), key, read))
    }

    /// Visits the keys between the bounds until `visit` breaks off.
    pub fn scan(
        &self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.rocks.scan(self.name(family), from, to, direction, visit)
    }

    /// Hands the highest key below `bound`, and its value, to `read`.
    pub fn last_below<R>(&self, family: Family, bound: &[u8], read: impl FnOnce(Option<(&[u8], &[u8])>) -> R) -> Result<R, StateError> {
        last_below(bound, read, |to, visit| self.scan(family, Bound::Unbounded, to, Direction::Backward, visit))
    }

    fn name(&self, family: Family) -> &str {
        &self.names[usize::from(family.0)]
    }
}

/// A directory of the reader's own, for the engine's diary; removed with the reader.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create() -> Result<Self, StateError> {
        let parent = std::env::temp_dir();
        for number in 0_u32.. {
            let path = parent.join(format!("headwater-reader-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StateError::Io { action: "create", path, source }),
            }
        }
        unreachable!("a directory name is free before all numbers are used")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is a diary in the temporary directory: nothing depends on it.
        let _ = fs::remove_dir_all(&self.path);
    }
}
