//! One store of a task: a family of the task's database with the overlay of the running commit interval above it.

mod commit;
mod merge;
mod version_log;
mod versions;

use std::cell::Cell;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

use crate::overlay::Overlay;
use crate::segments::{Holder, Segments};
use crate::span_scan::Scan;
use version_log::VersionLog;

use crate::{ByteDatabase, Direction, Family, Layout, Logging, Place, StateError, StoreSpec, Timestamp, value};

/// What a scan calls with key, timestamp and value.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()> + 'a;

/// Counts the records of a task whose stores have a journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordNumber(Rc<Cell<u64>>);

impl RecordNumber {
    pub(crate) fn advance(&self) {
        self.0.set(self.0.get() + 1);
    }
}

pub(crate) struct Store {
    name: String,
    database: ByteDatabase,
    family: Family,
    logging: Logging,
    place: Place,
    overlay: Overlay,
    layout: Layout,
    /// Only stores of windows, sessions and versions have them.
    segments: Option<Segments>,
    /// Only versioned stores have it, in place of what the overlay logs.
    versions: Option<VersionLog>,
    /// Only tasks with a journal count records.
    record: Option<RecordNumber>,
    record_seen: u64,
}

impl Store {
    pub(crate) fn new(
        spec: &StoreSpec, database: ByteDatabase, family: Family, segments: Option<Segments>, record: Option<RecordNumber>,
    ) -> Self {
        let StoreSpec { name, layout, logging, place } = spec.clone();
        let versions = matches!(layout, Layout::Versioned { .. }).then(VersionLog::default);
        let overlay = Overlay::new(if versions.is_some() { Logging::Off } else { logging });
        Self { name, database, family, logging, place, overlay, layout, segments, versions, record, record_seen: 0 }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The segments of a store, if it is one of windows or sessions.
    pub(crate) fn segments_if_any(&self) -> Option<&Segments> {
        self.segments.as_ref()
    }

    /// The segments of a store that is known to be one of windows or sessions.
    pub(crate) fn segments(&self) -> &Segments {
        self.segments.as_ref().expect("only stores of windows and sessions are asked for segments")
    }

    pub(crate) fn segments_mut(&mut self) -> &mut Segments {
        self.enter_record();
        self.segments.as_mut().expect("only stores of windows and sessions are asked for segments")
    }

    pub(crate) fn overlay_bytes(&self) -> usize {
        self.overlay.bytes() + self.versions.as_ref().map_or(0, VersionLog::bytes)
    }

    pub(crate) fn get<R>(&self, holder: Holder, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        match self.overlay.get(key) {
            Some(content) => Ok(read(content)),
            None if holder == Holder::Overlay => Ok(read(None)),
            None => self.database.get(self.family, key, |bytes| value::read(&self.database, bytes).map(read))?,
        }
    }

    pub(crate) fn write(&mut self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) {
        self.enter_record();
        self.overlay.write(key, value, timestamp);
    }

    /// Keeps an entry of the index beside what it speaks of. The changelog knows no index.
    pub(crate) fn write_index(&mut self, entry: &[u8], value: Option<&[u8]>, timestamp: Timestamp) {
        self.enter_record();
        self.overlay.write_unlogged(entry, value.map(|_| [].as_slice()), timestamp);
    }

    /// Takes back what the running record did to this store.
    pub(crate) fn undo_record(&mut self) {
        let running = self.record.as_ref().map(|record| record.0.get());
        if running == Some(self.record_seen) {
            self.overlay.undo();
            self.segments.iter_mut().for_each(Segments::undo);
            self.versions.iter_mut().for_each(VersionLog::undo);
        }
    }

    /// Remembers the present before a record's first change, so that a record that changes nothing costs nothing.
    fn enter_record(&mut self) {
        let Some(running) = self.record.as_ref().map(|record| record.0.get()) else { return };
        if running != self.record_seen {
            self.record_seen = running;
            self.overlay.mark();
            self.segments.iter_mut().for_each(Segments::mark);
            self.versions.iter_mut().for_each(VersionLog::mark);
        }
    }
}

impl Scan for Store {
    fn scan(
        &self, holder: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>,
    ) -> Result<(), StateError> {
        self.overlay.with_range(from, to, |indexes| {
            let mut merge = merge::Merge::new(&self.overlay, indexes, direction, visit);
            if holder == Holder::Both {
                self.database.scan(self.family, from, to, direction, &mut |key, bytes| merge.take(&self.database, key, bytes))?;
            }
            merge.finish()
        })
    }
}
