//! RocksDB below the byte database: the only files that know it are this one and those in `rocks/`.

mod options;
mod view;

use std::ffi::OsString;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};

use rocksdb::{ColumnFamily, DB, DBRawIterator, ErrorKind, Options, ReadOptions, WriteBatch, WriteOptions};

use crate::write_set::Write;
use crate::{Direction, EngineError, Family, FamilySpec, MemoryBudget, StateError, WriteSet};

pub(crate) use options::SharedMemory;
pub(crate) use view::RocksView;

/// The file that points to a database's current state; a directory with data but without it has lost its head.
const HEAD_FILE: &str = "CURRENT";

/// So often a reader tries to see the writer's files at one moment.
const CATCH_UP_ATTEMPTS: u32 = 20;

/// What a `WriteBatch` adds to each write: a tag, a family and two lengths.
const BYTES_PER_WRITE: usize = 24;

/// One open database. RocksDB itself allows reads and writes from all threads.
pub(crate) struct Rocks {
    db: DB,
    path: PathBuf,
    role: Role,
    point_reads: ReadOptions,
    writes: WriteOptions,
}

/// Whose files they are: only their writer may conclude from a missing one that the database is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
}

impl Rocks {
    /// Opens the database at `path`, or makes it; families that are missing are made, and those not asked for stay as they are.
    pub(crate) fn open(path: &Path, specs: &[FamilySpec], budget: &MemoryBudget) -> Result<Self, StateError> {
        let existing = existing_families(path)?;
        let options = options::for_database(specs, budget);
        let families = options::for_families(specs, &existing, budget);
        let db = DB::open_cf_descriptors(&options, path, families).map_err(|error| failed("open", path, error))?;
        Ok(Self::new(db, path, Role::Writer))
    }

    /// Opens the database at `path`, which another process may be writing, for reads; `scratch` takes this reader's own files.
    pub(crate) fn open_secondary(path: &Path, scratch: &Path, specs: &[FamilySpec], budget: &MemoryBudget) -> Result<Self, StateError> {
        if !path.join(HEAD_FILE).exists() {
            return Err(StateError::Missing { path: path.to_owned() });
        }
        let options = options::for_reader();
        let families = options::for_families(specs, &[], budget);
        let db = DB::open_cf_descriptors_as_secondary(&options, path, scratch, families).map_err(|error| failed("open", path, error))?;
        let rocks = Self::new(db, path, Role::Reader);
        // Opening has the same gap as catching up, and only the latter closes it.
        rocks.catch_up()?;
        Ok(rocks)
    }

    fn new(db: DB, path: &Path, role: Role) -> Self {
        // The log is written with each batch but not synced: what the operating system has survives a kill.
        Self { db, path: path.to_owned(), role, point_reads: ReadOptions::default(), writes: WriteOptions::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a secondary see what the writer has written since, all of it up to some moment.
    ///
    /// RocksDB reads the list of files first and the logs after that. What the writer flushes between the two, it removes from the logs,
    /// and the reader would see later writes without these. So we try again when a log has gone meanwhile; logs go in their order.
    pub(crate) fn catch_up(&self) -> Result<(), StateError> {
        let mut outcome = Ok(());
        for _ in 0..CATCH_UP_ATTEMPTS {
            let oldest_log = self.oldest_log()?;
            outcome = self.db.try_catch_up_with_primary().map_err(|error| self.failed("follow the writer", error));
            let has_gap = self.oldest_log()? != oldest_log;
            match &outcome {
                Ok(()) if !has_gap => return Ok(()),
                Ok(()) | Err(StateError::Behind { .. }) => {}
                Err(_) => return outcome,
            }
        }
        let source = || EngineError("the writer removes logs faster than they are read".to_owned());
        outcome.and_then(|()| Err(StateError::Behind { path: self.path.clone(), source: source() }))
    }

    /// The number of the oldest log in the directory.
    fn oldest_log(&self) -> Result<Option<u64>, StateError> {
        let entries = fs::read_dir(&self.path).map_err(|source| StateError::Io { action: "list", path: self.path.clone(), source })?;
        let number = |name: OsString| name.to_str()?.strip_suffix(".log")?.parse().ok();
        Ok(entries.flatten().filter_map(|entry| number(entry.file_name())).min())
    }

    pub(crate) fn get(&self, family: &str, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StateError> {
        self.get_with(&self.point_reads, family, key, read)
    }

    pub(crate) fn scan(
        &self, family: &str, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.scan_with(ReadOptions::default(), family, from, to, direction, visit)
    }

    pub(crate) fn write(&self, names: &[String], set: &WriteSet) -> Result<(), StateError> {
        let mut batch = WriteBatch::with_capacity_bytes(set.bytes() + BYTES_PER_WRITE * set.len());
        for (Family(index), write) in set.writes() {
            let family = self.family(&names[usize::from(index)]);
            match write {
                Write::Put(key, value) => batch.put_cf(family, key, value),
                Write::Delete(key) => batch.delete_cf(family, key),
                Write::DeleteRange(from, to) => batch.delete_range_cf(family, from, to),
            }
        }
        self.db.write_opt(batch, &self.writes).map_err(|error| self.failed("write", error))
    }

    pub(crate) fn view(&self) -> RocksView<'_> {
        RocksView::new(self)
    }

    fn get_with(&self, options: &ReadOptions, family: &str, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StateError> {
        let value = self.db.get_pinned_cf_opt(self.family(family), key, options).map_err(|error| self.failed("read", error))?;
        read(value.as_deref());
        Ok(())
    }

    fn scan_with(
        &self, mut options: ReadOptions, family: &str, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let (lower, upper) = (first_at(from), first_after(to));
        if upper.as_ref().is_some_and(|upper| lower.as_ref() >= Some(upper)) {
            return Ok(());
        }
        if let Some(lower) = lower {
            options.set_iterate_lower_bound(lower);
        }
        if let Some(upper) = upper {
            options.set_iterate_upper_bound(upper);
        }
        let mut cursor = self.db.raw_iterator_cf_opt(self.family(family), options);
        walk(&mut cursor, direction, visit);
        cursor.status().map_err(|error| self.failed("scan", error))
    }

    fn failed(&self, action: &'static str, error: rocksdb::Error) -> StateError {
        match (self.role, failed(action, &self.path, error)) {
            (Role::Reader, StateError::Damaged { path, source }) => StateError::Behind { path, source },
            (_, other) => other,
        }
    }

    fn family(&self, name: &str) -> &ColumnFamily {
        self.db.cf_handle(name).expect("families are made when the database opens")
    }
}

fn walk(cursor: &mut DBRawIterator<'_>, direction: Direction, visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>) {
    match direction {
        Direction::Forward => cursor.seek_to_first(),
        Direction::Backward => cursor.seek_to_last(),
    }
    while let Some((key, value)) = cursor.item() {
        if visit(key, value).is_break() {
            return;
        }
        match direction {
            Direction::Forward => cursor.next(),
            Direction::Backward => cursor.prev(),
        }
    }
}

/// The first key that a scan from here may see.
fn first_at(bound: Bound<&[u8]>) -> Option<Vec<u8>> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(key.to_vec()),
        Bound::Excluded(key) => Some(successor(key)),
    }
}

/// The first key that a scan up to here may not see.
fn first_after(bound: Bound<&[u8]>) -> Option<Vec<u8>> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(successor(key)),
        Bound::Excluded(key) => Some(key.to_vec()),
    }
}

/// The lowest key above `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The families that stand in the database; none where there is no database yet.
fn existing_families(path: &Path) -> Result<Vec<String>, StateError> {
    if path.join(HEAD_FILE).exists() {
        return DB::list_cf(&Options::default(), path).map_err(|error| failed("open", path, error));
    }
    if holds_data_files(path) {
        // RocksDB would make an empty database here and remove the files: that would be a loss without a word.
        let source = EngineError(format!("data files without {HEAD_FILE}"));
        return Err(StateError::Damaged { path: path.to_owned(), source });
    }
    Ok(Vec::new())
}

fn holds_data_files(path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "sst" || extension == "log"))
}

/// Says whether the bytes are at fault or something around them.
fn failed(action: &'static str, path: &Path, error: rocksdb::Error) -> StateError {
    let kind = error.kind();
    let (path, source) = (path.to_owned(), EngineError(error.into_string()));
    // A file that is missing is damage as well, but RocksDB reports it as a failure of the operating system.
    let file_is_missing = kind == ErrorKind::IOError && source.0.contains("No such file");
    match kind {
        ErrorKind::Corruption | ErrorKind::NotFound | ErrorKind::InvalidArgument | ErrorKind::NotSupported => {
            StateError::Damaged { path, source }
        }
        _ if file_is_missing => StateError::Damaged { path, source },
        _ => StateError::Engine { action, path, source },
    }
}
