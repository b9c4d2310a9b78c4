//! The store on a byte database: batches in one family, all else in another.

use std::ops::{Bound, ControlFlow};
use std::sync::Mutex;

use headwater_state::{ByteDatabase, ByteReader, Direction, Family, FamilySpec, StateError, WriteSet as Writes};

use crate::log::core::store::{Change, Next, Store, WriteSet, is_batch};
use crate::log::{ErrorCode, LogError};

const BATCHES: &str = "batches";
const FIGURES: &str = "figures";

/// The families of a log's database.
pub(crate) fn families() -> [FamilySpec; 2] {
    [FamilySpec::batches(BATCHES), FamilySpec::points(FIGURES)]
}

/// A database that this process writes.
pub(crate) struct DatabaseStore {
    database: ByteDatabase,
    families: Families,
    /// Kept for its memory.
    writes: Mutex<Writes>,
}

/// A database that another process writes.
pub(crate) struct FollowerStore {
    reader: ByteReader,
    families: Families,
}

#[derive(Clone, Copy)]
struct Families {
    batches: Family,
    figures: Family,
}

impl Families {
    fn of(&self, key: &[u8]) -> Family {
        if is_batch(key) { self.batches } else { self.figures }
    }

    fn find(family: impl Fn(&str) -> Option<Family>) -> Self {
        let found = |name| family(name).expect("the database was opened with this family");
        Self { batches: found(BATCHES), figures: found(FIGURES) }
    }
}

impl DatabaseStore {
    pub(crate) fn new(database: ByteDatabase) -> Self {
        let families = Families::find(|name| database.family(name));
        Self { database, families, writes: Mutex::default() }
    }
}

impl FollowerStore {
    pub(crate) fn new(reader: ByteReader) -> Self {
        let families = Families::find(|name| reader.family(name));
        Self { reader, families }
    }
}

impl Store for DatabaseStore {
    fn scan(&self, from: &[u8], below: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<Next, LogError>) -> Result<(), LogError> {
        scan(visit, |visit| {
            self.database.scan(self.families.of(from), Bound::Included(from), Bound::Excluded(below), Direction::Forward, visit)
        })
    }

    fn apply(&self, set: &mut WriteSet) -> Result<(), LogError> {
        let mut writes = self.writes.lock().expect("a write does not panic");
        writes.clear();
        for change in set.changes.drain(..) {
            match change {
                Change::Put(key, value) => writes.put(self.families.of(&key), &key, &value),
                Change::Delete(key) => writes.delete(self.families.of(&key), &key),
                Change::DeleteRange(from, below) => writes.delete_range(self.families.of(&from), &from, &below),
            }
        }
        self.database.write(&writes).map_err(|error| failed(&error))
    }
}

impl Store for FollowerStore {
    fn scan(&self, from: &[u8], below: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<Next, LogError>) -> Result<(), LogError> {
        scan(visit, |visit| {
            self.reader.scan(self.families.of(from), Bound::Included(from), Bound::Excluded(below), Direction::Forward, visit)
        })
    }

    fn apply(&self, _: &mut WriteSet) -> Result<(), LogError> {
        Err(LogError::new(ErrorCode::ReadOnly, ""))
    }

    fn catch_up(&self) -> Result<(), LogError> {
        self.reader.catch_up().map_err(|error| failed(&error))
    }
}

/// Carries an error of `visit` around the database's scan.
fn scan(
    visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<Next, LogError>,
    scan: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> Result<(), StateError>,
) -> Result<(), LogError> {
    let mut result = Ok(());
    let scanned = scan(&mut |key, value| match visit(key, value) {
        Ok(Next::More) => ControlFlow::Continue(()),
        Ok(Next::Enough) => ControlFlow::Break(()),
        Err(error) => {
            result = Err(error);
            ControlFlow::Break(())
        }
    });
    scanned.map_err(|error| failed(&error))?;
    result
}

/// A failure of the database in this room's words.
pub(crate) fn failed(error: &StateError) -> LogError {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let code = match error {
        StateError::InUse { .. } => ErrorCode::Owned,
        StateError::Damaged { .. } => ErrorCode::Corrupt,
        StateError::Missing { .. } | StateError::Io { .. } | StateError::Engine { .. } => ErrorCode::Storage,
        _ => ErrorCode::Storage,
    };
    LogError::new(code, format!("{error}{source}"))
}
