//! Finding out what is there when a task's state is opened.

use std::fs;
use std::io;
use std::path::PathBuf;

use tracing::warn;

use crate::metadata::{self, LAYOUT_VERSION, Metadata, StoredLayout};
use crate::segments::Segments;
use crate::shelves::{Shelf, Shelves};
use crate::store::{RecordNumber, Store};
use crate::{ByteDatabase, Disk, FamilySpec, Layout, MemoryDisk, Place, StateError, StoreSpec, TimeIndex, WriteSet};

/// What was there when a task's state was opened.
#[derive(Debug)]
pub enum Opened {
    /// Nothing: the stores are new.
    New,
    /// A database, written by a plan with this hash.
    Found {
        /// The hash of the plan that had it open last.
        plan_hash: u64,
    },
    /// A database that is damaged and stands aside now: the stores are new. Someone should look.
    SetAside {
        /// Where it is now.
        to: PathBuf,
        /// What was wrong with it.
        reason: StateError,
    },
}

/// The open databases.
pub(super) struct Found {
    pub(super) shelves: Shelves,
    /// What the one on the disk says.
    pub(super) contents: Metadata,
}

pub(super) fn open_or_set_aside(disk: &Disk, task: &str, specs: &[StoreSpec]) -> Result<(Found, Opened), StateError> {
    match open(disk, task, specs) {
        Ok(found) => {
            let opened = found.contents.plan.map_or(Opened::New, |plan_hash| Opened::Found { plan_hash });
            Ok((found, opened))
        }
        Err(reason @ StateError::Damaged { .. }) => {
            let to = set_aside(disk, task)?;
            warn!(task, %reason, source = ?std::error::Error::source(&reason), to = %to.display(), "set damaged state aside");
            Ok((open(disk, task, specs)?, Opened::SetAside { to, reason }))
        }
        Err(other) => Err(other),
    }
}

pub(super) fn open(disk: &Disk, task: &str, specs: &[StoreSpec]) -> Result<Found, StateError> {
    let families = families(specs, Place::Disk);
    let database = match disk {
        Disk::Directory(directory) => ByteDatabase::open(&directory.path().join(task), &families, directory.budget())?,
        Disk::Memory(disk) => ByteDatabase::open_in_memory(disk, task, &families)?,
    };
    let disk = Shelf::new(database);
    let mut contents = Metadata::load(&disk.database, disk.metadata)?;
    // A store that was on the disk once may be in memory now; what it left is not what it has.
    for spec in in_memory(specs) {
        contents.positions.remove(&spec.name);
    }
    match contents.version {
        Some(found) if found > LAYOUT_VERSION => {
            Err(StateError::NewerLayout { path: disk.database.place().to_owned(), found, known: LAYOUT_VERSION })
        }
        Some(_) | None => Ok(Found { shelves: Shelves { disk, memory: memory(specs)? }, contents }),
    }
}

/// An empty database in memory, if a store wants one. Nobody else knows its disk, so it ends with those who have it open.
pub(super) fn memory(specs: &[StoreSpec]) -> Result<Option<Shelf>, StateError> {
    let database = || ByteDatabase::open_in_memory(&MemoryDisk::new(), "in-memory stores", &families(specs, Place::Memory));
    in_memory(specs).next().map(|_| database().map(Shelf::new)).transpose()
}

fn in_memory(specs: &[StoreSpec]) -> impl Iterator<Item = &StoreSpec> {
    specs.iter().filter(|spec| spec.place == Place::Memory)
}

/// One family for the metadata, and one for each store under a name that cannot be mistaken for it.
pub(super) fn families(specs: &[StoreSpec], place: Place) -> Vec<FamilySpec> {
    let here = specs.iter().filter(|spec| spec.place == place);
    let stores = here.map(|spec| FamilySpec::points(family_name(&spec.name)));
    std::iter::once(FamilySpec::points(metadata::FAMILY)).chain(stores).collect()
}

pub(super) fn stores(task: &str, specs: &[StoreSpec], found: &Found, record: Option<&RecordNumber>) -> Result<Vec<Store>, StateError> {
    let store = |spec: &StoreSpec| {
        let database = &found.shelves.at(spec.place).database;
        let family = database.family(&family_name(&spec.name)).expect("the database was opened with its stores");
        let segments = match spec.place {
            Place::Disk => segments(task, spec, &found.contents),
            Place::Memory => segments(task, spec, &Metadata::default()),
        };
        Ok(Store::new(spec, database.clone(), family, segments?, record.cloned()))
    };
    specs.iter().map(store).collect()
}

/// Notes what the next opening must know, where it is not known.
pub(super) fn describe(specs: &[StoreSpec], plan_hash: u64, found: &Found, writes: &mut WriteSet) {
    let metadata = found.shelves.disk.metadata;
    if found.contents.version.is_none() {
        metadata::put_version(writes, metadata);
    }
    if found.contents.plan != Some(plan_hash) {
        metadata::put_plan(writes, metadata, plan_hash);
    }
    let on_disk = specs.iter().filter(|spec| spec.place == Place::Disk);
    for spec in on_disk.filter(|spec| !found.contents.layouts.contains_key(&spec.name)) {
        metadata::put_layout(writes, metadata, &spec.name, StoredLayout::of(spec.layout));
    }
}

/// Gives the closed database of a task another name, which nothing will ever open.
pub(super) fn set_aside(disk: &Disk, task: &str) -> Result<PathBuf, StateError> {
    let names = (1_u32..).map(|number| format!("{task}.aside-{number}"));
    match disk {
        Disk::Directory(directory) => {
            let mut targets = names.map(|name| directory.path().join(name));
            let to = targets.find(|target| !target.exists()).expect("a name is free before all numbers are used");
            let moved = fs::rename(directory.path().join(task), &to);
            moved.map_err(|source: io::Error| StateError::Io { action: "set aside to", path: to.clone(), source })?;
            Ok(to)
        }
        Disk::Memory(disk) => {
            let taken = disk.names();
            let mut names = names;
            let to = names.find(|name| !taken.contains(name)).expect("a name is free before all numbers are used");
            disk.rename(task, &to);
            Ok(PathBuf::from(to))
        }
    }
}

fn family_name(store: &str) -> String {
    format!("store.{store}")
}

/// The segments of a store of windows or sessions. Their length is the one that its keys were written with: it only decides how much expires at once.
fn segments(task: &str, spec: &StoreSpec, contents: &Metadata) -> Result<Option<Segments>, StateError> {
    let stored = contents.layouts.get(&spec.name).copied().unwrap_or(StoredLayout::of(spec.layout));
    let live = || contents.segments.get(&spec.name).cloned().unwrap_or_default();
    match (spec.layout, stored) {
        (Layout::KeyValue, StoredLayout::KeyValue) => Ok(None),
        (Layout::Window { retention_ms, index, .. }, StoredLayout::Window { segment_ms, index: stored }) if index == stored => {
            let segments = Segments::new(retention_ms, segment_ms, live());
            Ok(Some(if index == TimeIndex::Kept { segments.with_visible_bound() } else { segments }))
        }
        (Layout::Session { retention_ms, index, .. }, StoredLayout::Session { segment_ms, index: stored }) if index == stored => {
            Ok(Some(Segments::new(retention_ms, segment_ms, live())))
        }
        (Layout::Versioned { history_ms, .. }, StoredLayout::Versioned { segment_ms }) => {
            // The history is counted inclusively, as in Kafka.
            Ok(Some(Segments::new(history_ms, segment_ms, live()).with_visible_bound()))
        }
        (Layout::KeyValue | Layout::Window { .. } | Layout::Session { .. } | Layout::Versioned { .. }, _) => {
            Err(StateError::LayoutChanged { task: task.to_owned(), store: spec.name.clone() })
        }
    }
}
