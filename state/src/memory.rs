//! Databases in memory, with the same visible behaviour as those on disk.
//!
//! A [`MemoryDisk`] outlives the databases opened on it, as a real disk outlives a process: so a simulated process can be killed
//! and started again. Families are maps that share what neither side changes: a write copies what a view or a fork still sees, and little of it.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::shared_map::SharedMap;
use crate::write_set::Write;
use crate::{Direction, EngineError, Family, FamilySpec, StateError, WriteSet};

/// The families of one database at one moment.
pub(crate) type MemoryFamilies = BTreeMap<String, Arc<SharedMap>>;

/// A disk in memory. Clones are the same disk; [`MemoryDisk::fork`] makes another one.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    databases: Arc<Mutex<BTreeMap<String, Arc<Drive>>>>,
}

/// What one database leaves on the disk, and who has it open.
#[derive(Debug, Default)]
struct Drive {
    families: Mutex<MemoryFamilies>,
    owner: Mutex<Weak<()>>,
    is_damaged: AtomicBool,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another disk with the same content, as if this one were copied at this moment: what a killed process would leave.
    pub fn fork(&self) -> Self {
        let copy = |drive: &Arc<Drive>| {
            let families = Mutex::new(locked(&drive.families).clone());
            let is_damaged = AtomicBool::new(drive.is_damaged.load(Ordering::Relaxed));
            Arc::new(Drive { families, owner: Mutex::default(), is_damaged })
        };
        let databases = locked(&self.databases).iter().map(|(name, drive)| (name.clone(), copy(drive))).collect();
        Self { databases: Arc::new(Mutex::new(databases)) }
    }

    /// The names of the databases on the disk.
    pub fn names(&self) -> Vec<String> {
        locked(&self.databases).keys().cloned().collect()
    }

    /// Plays a fault of the disk: the database, if there is one, is found damaged when it is opened next.
    pub fn damage(&self, name: &str) {
        locked(&self.databases).get(name).iter().for_each(|drive| drive.is_damaged.store(true, Ordering::Relaxed));
    }

    /// Gives a database another name, and whether there was one. It must not be open.
    pub(crate) fn rename(&self, from: &str, to: &str) -> bool {
        let mut databases = locked(&self.databases);
        let Some(drive) = databases.remove(from) else { return false };
        databases.insert(to.to_owned(), drive);
        true
    }

    pub(crate) fn open(&self, name: &str, specs: &[FamilySpec]) -> Result<Memory, StateError> {
        let drive = Arc::clone(locked(&self.databases).entry(name.to_owned()).or_default());
        if drive.is_damaged.load(Ordering::Relaxed) {
            let source = EngineError("damaged on purpose".to_owned());
            return Err(StateError::Damaged { path: PathBuf::from(name), source });
        }
        let lease = {
            let mut owner = locked(&drive.owner);
            if owner.upgrade().is_some() {
                return Err(StateError::InUse { path: PathBuf::from(name), owner: Some(std::process::id()) });
            }
            let lease = Arc::new(());
            *owner = Arc::downgrade(&lease);
            lease
        };
        for spec in specs {
            locked(&drive.families).entry(spec.name.clone()).or_default();
        }
        Ok(Memory { name: PathBuf::from(name), drive, _lease: lease })
    }
}

/// A database in memory that is open.
#[derive(Debug)]
pub(crate) struct Memory {
    name: PathBuf,
    drive: Arc<Drive>,
    _lease: Arc<()>,
}

impl Memory {
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// The families as they are now; later writes do not reach them.
    pub(crate) fn view(&self) -> MemoryFamilies {
        locked(&self.drive.families).clone()
    }

    pub(crate) fn get(&self, family: &str, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) {
        let map = self.family(family);
        read(map.get(key));
    }

    pub(crate) fn scan(
        &self, family: &str, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) {
        scan(&self.family(family), from, to, direction, visit);
    }

    pub(crate) fn write(&self, names: &[String], writes: &WriteSet) {
        let mut families = locked(&self.drive.families);
        for (Family(index), write) in writes.writes() {
            let map = families.get_mut(&names[usize::from(index)]).expect("families are made when the database opens");
            apply(Arc::make_mut(map), write);
        }
    }

    /// One family as it is now. The lock is not held while a caller reads, so that reads may nest.
    fn family(&self, name: &str) -> Arc<SharedMap> {
        Arc::clone(locked(&self.drive.families).get(name).expect("families are made when the database opens"))
    }
}

pub(crate) fn scan(
    map: &SharedMap, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) {
    if is_empty(from, to) {
        return;
    }
    map.scan(from, to, direction, visit);
}

/// Whether no key can lie between the bounds; `BTreeMap::range` panics for some of these.
fn is_empty(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}

fn apply(map: &mut SharedMap, write: Write<'_>) {
    match write {
        Write::Put(key, value) => map.insert(key, value),
        Write::Delete(key) => map.remove(key),
        Write::DeleteRange(from, to) => map.remove_range(from, to),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding a memory disk")
}
