//! The databases of one task: one on its disk, and one in memory where a store asks for it.

use crate::{ByteDatabase, Family, Place, StateError, WriteSet, metadata};

/// A database with the family that speaks of the others.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) database: ByteDatabase,
    pub(crate) metadata: Family,
}

/// Where the stores of a task stand. Clones are the same databases.
#[derive(Clone)]
pub(crate) struct Shelves {
    pub(crate) disk: Shelf,
    pub(crate) memory: Option<Shelf>,
}

/// Writes to the databases of a task.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) disk: WriteSet,
    memory: WriteSet,
}

impl Shelf {
    pub(crate) fn new(database: ByteDatabase) -> Self {
        let metadata = database.family(metadata::FAMILY).expect("a task's databases are opened with their metadata");
        Self { database, metadata }
    }
}

impl Shelves {
    pub(crate) fn at(&self, place: Place) -> &Shelf {
        match place {
            Place::Disk => &self.disk,
            Place::Memory => self.memory.as_ref().expect("a store in memory has a database there"),
        }
    }

    /// Applies all writes, or none: only the disk may fail, so it goes first.
    pub(crate) fn write(&self, writes: &Batch) -> Result<(), StateError> {
        self.disk.database.write(&writes.disk)?;
        match &self.memory {
            Some(memory) => memory.database.write(&writes.memory),
            None => Ok(()),
        }
    }
}

impl Batch {
    pub(crate) fn to(&mut self, place: Place) -> &mut WriteSet {
        match place {
            Place::Disk => &mut self.disk,
            Place::Memory => &mut self.memory,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.disk.clear();
        self.memory.clear();
    }
}
