//! The state of one task: its stores, and one atomic commit for all of them.

mod open;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use tracing::warn;

use crate::committed::Door;
use crate::shelves::{Batch, Shelf, Shelves};
use crate::store::{RecordNumber, Store};
use crate::{
    ByteDatabase, ChangelogPosition, ChangelogRecord, CommittedState, Disk, Journal, KeyValueHandle, Layout, MemoryDisk, Place,
    RestoreRecord, SessionHandle, StateError, StoreSpec, VersionedHandle, WindowHandle, metadata,
};

pub use open::Opened;

/// The stores of one task, on one database: `<root>/<application id>/<task>`.
///
/// A store whose spec says so stands beside it, [in memory](StoreSpec::in_memory): it commits with the others, and has no position when the task is opened.
///
/// Writes gather above the database and become durable with [`TaskState::commit`], all of them or none, together with the changelog
/// positions that belong to them. What was not committed is lost when the process dies, and nothing else is.
/// The database closes when the state and the handles made from it are dropped.
///
/// ```
/// use headwater_state::{ChangelogPosition, Disk, Journal, MemoryDisk, StoreSpec, TaskState};
///
/// # fn main() -> Result<(), headwater_state::StateError> {
/// let disk = Disk::Memory(MemoryDisk::new());
/// let mut state = TaskState::open(&disk, "0_0", 1, vec![StoreSpec::key_value("counts")], Journal::Off)?;
/// let counts = state.key_value("counts").expect("it is in the plan");
/// counts.put(b"tea", b"1", 1_000);
/// assert_eq!(counts.get(b"tea", |found| found.map(|(time, value)| (time, value.to_vec())))?, Some((1_000, b"1".to_vec())));
///
/// let mut offset = 0;
/// state.drain_changelog("counts", &mut |record| {
///     assert_eq!((record.key, record.value), (b"tea".as_slice(), Some(b"1".as_slice())));
///     offset += 1;
/// })?;
/// state.commit(&[("counts", ChangelogPosition { next_offset: offset, topic_id: [0; 16], written_at_ms: 1_000 })], 1)?;
/// assert_eq!(state.position("counts").map(|position| position.next_offset), Some(1));
/// # Ok(())
/// # }
/// ```
pub struct TaskState {
    disk: Disk,
    task: String,
    plan_hash: u64,
    specs: Vec<StoreSpec>,
    shelves: Shelves,
    opened: Opened,
    stores: Vec<Rc<RefCell<Store>>>,
    positions: BTreeMap<String, ChangelogPosition>,
    commit_number: u64,
    record: Option<RecordNumber>,
    writes: Batch,
    door: Door,
}

impl TaskState {
    /// Opens the task's stores, making what is missing. [`TaskState::opened`] says what was found.
    ///
    /// A database that is damaged is set aside, not removed, and an empty one takes its place: its stores have no position.
    /// [`StateError::InUse`], [`StateError::NewerLayout`] and [`StateError::LayoutChanged`] are refusals that change nothing.
    pub fn open(disk: &Disk, task: &str, plan_hash: u64, specs: Vec<StoreSpec>, journal: Journal) -> Result<Self, StateError> {
        let (found, opened) = open::open_or_set_aside(disk, task, &specs)?;
        let record = match journal {
            Journal::Off => None,
            Journal::On => Some(RecordNumber::default()),
        };
        let stores = open::stores(task, &specs, &found, record.as_ref())?;
        let mut writes = Batch::default();
        open::describe(&specs, plan_hash, &found, &mut writes.disk);
        found.shelves.write(&writes)?;
        let door = Door::new(found.shelves.clone(), &stores);
        Ok(Self {
            disk: disk.clone(),
            task: task.to_owned(),
            plan_hash,
            specs,
            shelves: found.shelves,
            opened,
            stores: stores.into_iter().map(|store| Rc::new(RefCell::new(store))).collect(),
            positions: found.contents.positions,
            commit_number: found.contents.commit,
            record,
            writes,
            door,
        })
    }

    /// What was there when the state was opened.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The key-value store of that name.
    pub fn key_value(&self, name: &str) -> Option<KeyValueHandle> {
        let store = self.find(name)?;
        (store.borrow().layout() == Layout::KeyValue).then(|| KeyValueHandle::new(Rc::clone(store)))
    }

    /// The window store of that name.
    pub fn window(&self, name: &str) -> Option<WindowHandle> {
        let store = self.find(name)?;
        matches!(store.borrow().layout(), Layout::Window { .. }).then(|| WindowHandle::new(Rc::clone(store)))
    }

    /// The session store of that name.
    pub fn session(&self, name: &str) -> Option<SessionHandle> {
        let store = self.find(name)?;
        matches!(store.borrow().layout(), Layout::Session { .. }).then(|| SessionHandle::new(Rc::clone(store)))
    }

    /// The versioned store of that name.
    pub fn versioned(&self, name: &str) -> Option<VersionedHandle> {
        let store = self.find(name)?;
        matches!(store.borrow().layout(), Layout::Versioned { .. }).then(|| VersionedHandle::new(Rc::clone(store)))
    }

    /// How far the store had followed its changelog at the last commit.
    pub fn position(&self, store: &str) -> Option<ChangelogPosition> {
        self.positions.get(store).copied()
    }

    /// The number given to the last commit; 0 before the first one.
    pub fn commit_number(&self) -> u64 {
        self.commit_number
    }

    /// How many bytes the writes of the running commit interval take. When it is too many, commit early.
    pub fn overlay_bytes(&self) -> usize {
        self.stores.iter().map(|store| store.borrow().overlay_bytes()).sum()
    }

    /// Hands over what must go to the store's changelog since the last drain.
    pub fn drain_changelog(&mut self, store: &str, sink: &mut dyn FnMut(ChangelogRecord<'_>)) -> Result<(), StateError> {
        self.store(store)?.borrow_mut().drain(sink);
        Ok(())
    }

    /// Makes all writes durable in one atomic step, with the positions that belong to them and a number that tells this commit from others.
    ///
    /// Changelogs are drained before: it is a bug if updates wait for a drain, and it panics. If it fails, nothing was written and the
    /// writes are still there.
    pub fn commit(&mut self, positions: &[(&str, ChangelogPosition)], commit_number: u64) -> Result<(), StateError> {
        let mut writes = std::mem::take(&mut self.writes);
        writes.clear();
        for store in &self.stores {
            let store = store.borrow();
            let metadata = self.shelves.at(store.place()).metadata;
            store.stage(metadata, self.first_offset(store.name()), writes.to(store.place()));
        }
        let metadata = self.shelves.disk.metadata;
        for &(store, position) in positions {
            // A store in memory is not there any more when a position would be looked for.
            if self.store(store)?.borrow().place() == Place::Disk {
                metadata::put_position(&mut writes.disk, metadata, store, position);
            }
        }
        metadata::put_commit(&mut writes.disk, metadata, commit_number);
        let written = self.door.change(|| self.shelves.write(&writes));
        self.writes = writes;
        written?;
        for store in &self.stores {
            let mut store = store.borrow_mut();
            let first_offset = self.first_offset(store.name());
            store.settle(first_offset);
        }
        self.positions.extend(positions.iter().map(|&(store, position)| (store.to_owned(), position)));
        self.commit_number = commit_number;
        self.door.observed(&self.stores);
        Ok(())
    }

    /// Forgets all writes since the last commit, drained or not, and the movement of the stores' times.
    pub fn abort(&mut self) {
        self.stores.iter().for_each(|store| store.borrow_mut().abort());
    }

    /// Applies records of the store's changelog to the database, and the position after them, in one atomic step.
    pub fn restore(
        &mut self, store: &str, records: &mut dyn Iterator<Item = RestoreRecord<'_>>, position: ChangelogPosition,
    ) -> Result<(), StateError> {
        let target = Rc::clone(self.store(store)?);
        target.borrow().assert_unwritten();
        self.writes.clear();
        let place = target.borrow().place();
        let (metadata, writes) = (self.shelves.at(place).metadata, self.writes.to(place));
        for record in records {
            target.borrow_mut().stage_restored(record, metadata, writes)?;
        }
        let first_offset = self.positions.get(store).map_or(0, |position| position.next_offset);
        let is_versioned = matches!(target.borrow().layout(), Layout::Versioned { .. });
        if is_versioned {
            target.borrow().stage(metadata, first_offset, writes);
        }
        metadata::put_position(writes, metadata, store, position);
        self.shelves.write(&self.writes)?;
        if is_versioned {
            target.borrow_mut().settle(first_offset);
        }
        self.positions.insert(store.to_owned(), position);
        Ok(())
    }

    /// Sets the whole database aside and goes on with an empty one: the positions were found unusable, and the stores are to be
    /// rebuilt from their changelogs. Handles stay valid. Returns where the old database is.
    pub fn set_aside(&mut self, reason: &str) -> Result<PathBuf, StateError> {
        // The database must be closed before its directory moves, so an empty one in memory takes its place meanwhile.
        let nothing = ByteDatabase::open_in_memory(&MemoryDisk::new(), &self.task, &open::families(&self.specs, Place::Disk))?;
        self.use_shelves(Shelves { disk: Shelf::new(nothing), memory: open::memory(&self.specs)? });
        let to = open::set_aside(&self.disk, &self.task)?;
        warn!(task = %self.task, reason, to = %to.display(), "set state aside");
        let found = open::open(&self.disk, &self.task, &self.specs)?;
        self.writes.clear();
        open::describe(&self.specs, self.plan_hash, &found, &mut self.writes.disk);
        found.shelves.write(&self.writes)?;
        self.use_shelves(found.shelves);
        self.positions.clear();
        self.commit_number = 0;
        Ok(to)
    }

    /// What is committed, for other threads to read. It stays valid until this state is dropped.
    pub fn committed(&self) -> CommittedState {
        // The times of the last commit may have been set since the state was opened.
        self.door.observed(&self.stores);
        self.door.reader()
    }

    /// Begins a record: [`TaskState::undo_record`] comes back to this moment. Without a journal it does nothing.
    pub fn begin_record(&self) {
        self.record.iter().for_each(RecordNumber::advance);
    }

    /// Takes back all writes, their changelog entries and all movement of stores' times since [`TaskState::begin_record`].
    /// It is a bug, and it panics, if something of the record was drained or committed, or if there is no journal.
    pub fn undo_record(&self) {
        assert!(self.record.is_some(), "task {}: only a journal can undo", self.task);
        self.stores.iter().for_each(|store| store.borrow_mut().undo_record());
    }

    /// The first changelog offset that a restore of a store of windows or sessions still needs; what is before it may be deleted.
    /// None for other stores, and before the first commit.
    pub fn trim_before(&self, store: &str) -> Option<i64> {
        let position = self.position(store)?;
        let store = self.find(store)?.borrow();
        // A latest version never expires, however old its record in the changelog is.
        let segments = store.segments_if_any().filter(|_| !matches!(store.layout(), Layout::Versioned { .. }));
        segments.map(|segments| segments.first_offset().unwrap_or(position.next_offset))
    }

    fn find(&self, name: &str) -> Option<&Rc<RefCell<Store>>> {
        self.stores.iter().find(|store| store.borrow().name() == name)
    }

    fn store(&self, name: &str) -> Result<&Rc<RefCell<Store>>, StateError> {
        self.find(name).ok_or_else(|| StateError::UnknownStore { task: self.task.clone(), store: name.to_owned() })
    }

    /// No record that the next commit makes durable stands before this offset of the changelog.
    fn first_offset(&self, store: &str) -> i64 {
        self.positions.get(store).map_or(0, |position| position.next_offset)
    }

    fn use_shelves(&mut self, shelves: Shelves) {
        self.door.use_shelves(shelves.clone());
        for store in &self.stores {
            let mut store = store.borrow_mut();
            let database = shelves.at(store.place()).database.clone();
            store.start_anew(database);
        }
        self.shelves = shelves;
    }
}

impl Drop for TaskState {
    fn drop(&mut self) {
        // Waits for reads that are under way, so that the next owner finds the database closed.
        self.door.close();
    }
}
