//! An ordered byte database with atomic writes, on disk or in memory.

use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;

use crate::lock::DirectoryLock;
use crate::memory::{self, Memory, MemoryFamilies};
use crate::rocks::{Rocks, RocksView};
use crate::{Direction, EngineError, Family, FamilySpec, MemoryBudget, MemoryDisk, StateError, WriteSet};

/// Families of keys and values, ordered as unsigned bytes. One process has it open; clones are the same database, for any thread.
///
/// A write is atomic over all families and survives a kill of the process (it is logged but not synced, so a loss of power may
/// take the last ones). The database closes when the last clone is dropped.
#[derive(Clone)]
pub struct ByteDatabase {
    engine: Arc<Engine>,
    names: Arc<[String]>,
}

enum Engine {
    // The database must be closed before its directory is given away: fields drop in this order.
    Rocks { rocks: Rocks, _lock: DirectoryLock },
    Memory(Memory),
}

impl ByteDatabase {
    /// Opens the database in the directory `path`, or makes it. Families that are missing are made; those not named stay untouched.
    ///
    /// [`StateError::InUse`] names the process that has it open; [`StateError::Damaged`] says that the bytes cannot be read.
    pub fn open(path: &Path, families: &[FamilySpec], budget: &MemoryBudget) -> Result<Self, StateError> {
        let lock = DirectoryLock::acquire(path)?;
        let rocks = Rocks::open(path, families, budget)?;
        Ok(Self::new(Engine::Rocks { rocks, _lock: lock }, families))
    }

    /// Opens the database `name` on a memory disk, or makes it.
    pub fn open_in_memory(disk: &MemoryDisk, name: &str, families: &[FamilySpec]) -> Result<Self, StateError> {
        Ok(Self::new(Engine::Memory(disk.open(name, families)?), families))
    }

    fn new(engine: Engine, families: &[FamilySpec]) -> Self {
        Self { engine: Arc::new(engine), names: families.iter().map(|family| family.name.clone()).collect() }
    }

    /// The family of that name, if the database was opened with it.
    pub fn family(&self, name: &str) -> Option<Family> {
        family_named(&self.names, name)
    }

    /// Hands the value under `key` to `read`, without a copy.
    pub fn get<R>(&self, family: Family, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, StateError> {
        let name = &self.names[usize::from(family.0)];
        read_once(read, |read| match &*self.engine {
            Engine::Rocks { rocks, .. } => rocks.get(name, key, read),
            Engine::Memory(memory) => {
                memory.get(name, key, read);
                Ok(())
            }
        })
    }

    /// Visits the keys between the bounds, as they were when the scan began, until `visit` breaks off.
    pub fn scan(
        &self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let name = &self.names[usize::from(family.0)];
        match &*self.engine {
            Engine::Rocks { rocks, .. } => rocks.scan(name, from, to, direction, visit),
            Engine::Memory(memory) => {
                memory.scan(name, from, to, direction, visit);
                Ok(())
            }
        }
    }

    /// Hands the highest key below `bound`, and its value, to `read`.
    pub fn last_below<R>(&self, family: Family, bound: &[u8], read: impl FnOnce(Option<(&[u8], &[u8])>) -> R) -> Result<R, StateError> {
        last_below(bound, read, |to, visit| self.scan(family, Bound::Unbounded, to, Direction::Backward, visit))
    }

    /// Where the database is: its directory, or its name on a memory disk.
    pub(crate) fn place(&self) -> &Path {
        match &*self.engine {
            Engine::Rocks { rocks, .. } => rocks.path(),
            Engine::Memory(memory) => memory.name(),
        }
    }

    /// What stands in the database is not what we write.
    pub(crate) fn damaged(&self, reason: &str) -> StateError {
        StateError::Damaged { path: self.place().to_owned(), source: EngineError(reason.to_owned()) }
    }

    /// Applies all writes of the set, or none.
    pub fn write(&self, writes: &WriteSet) -> Result<(), StateError> {
        match &*self.engine {
            Engine::Rocks { rocks, .. } => rocks.write(&self.names, writes),
            Engine::Memory(memory) => {
                memory.write(&self.names, writes);
                Ok(())
            }
        }
    }

    /// Lets `read` make any number of reads that all see this moment. Keep it short: what is overwritten meanwhile cannot be freed.
    pub fn view<R>(&self, read: impl FnOnce(&ByteView<'_>) -> R) -> R {
        read(&self.moment())
    }

    /// This moment, held as long as the view.
    pub(crate) fn moment(&self) -> ByteView<'_> {
        let moment = match &*self.engine {
            Engine::Rocks { rocks, .. } => Moment::Rocks(rocks.view()),
            Engine::Memory(memory) => Moment::Memory(memory.view()),
        };
        ByteView { names: &self.names, moment }
    }
}

/// One moment of a [`ByteDatabase`].
pub struct ByteView<'a> {
    names: &'a [String],
    moment: Moment<'a>,
}

enum Moment<'a> {
    Rocks(RocksView<'a>),
    Memory(MemoryFamilies),
}

impl ByteView<'_> {
    /// Hands the value under `key` to `read`, without a copy.
    pub fn get<R>(&self, family: Family, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, StateError> {
        let name = &self.names[usize::from(family.0)];
        read_once(read, |read| match &self.moment {
            Moment::Rocks(view) => view.get(name, key, read),
            Moment::Memory(families) => {
                read(families[name].get(key));
                Ok(())
            }
        })
    }

    /// Visits the keys between the bounds until `visit` breaks off.
    pub fn scan(
        &self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let name = &self.names[usize::from(family.0)];
        match &self.moment {
            Moment::Rocks(view) => view.scan(name, from, to, direction, visit),
            Moment::Memory(families) => {
                memory::scan(&families[name], from, to, direction, visit);
                Ok(())
            }
        }
    }
}

pub(crate) fn family_named(names: &[String], name: &str) -> Option<Family> {
    let index = names.iter().position(|known| known == name)?;
    Some(Family(u16::try_from(index).expect("a database has fewer than 65 536 families")))
}

/// Carries a generic `FnOnce` over the border to the plain code below, which calls it exactly once unless it fails.
pub(crate) fn read_once<R>(
    read: impl FnOnce(Option<&[u8]>) -> R, get: impl FnOnce(&mut dyn FnMut(Option<&[u8]>)) -> Result<(), StateError>,
) -> Result<R, StateError> {
    let mut read = Some(read);
    let mut result = None;
    get(&mut |value| result = read.take().map(|read| read(value)))?;
    Ok(result.expect("an engine that does not fail reads once"))
}

pub(crate) fn last_below<R>(
    bound: &[u8], read: impl FnOnce(Option<(&[u8], &[u8])>) -> R,
    scan: impl FnOnce(Bound<&[u8]>, &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> Result<(), StateError>,
) -> Result<R, StateError> {
    let mut read = Some(read);
    let mut result = None;
    scan(Bound::Excluded(bound), &mut |key, value| {
        result = read.take().map(|read| read(Some((key, value))));
        ControlFlow::Break(())
    })?;
    Ok(result.unwrap_or_else(|| read.take().expect("nothing was read")(None)))
}
