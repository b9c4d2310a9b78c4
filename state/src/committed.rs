//! Committed state, for other threads than the task's.

use std::cell::RefCell;
use std::ops::{Bound, ControlFlow, RangeInclusive};
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::segments::Holder;
use crate::session_key::SessionKey;
use crate::store::{Store, Visit};
use crate::window_key::WindowKey;
use crate::window_scan::Scan;
use crate::{
    ByteDatabase, ByteView, Direction, Family, Layout, StateError, Timestamp, Version, metadata, session_scan, value, version_scan,
    window_scan,
};

/// The committed state of one task, readable from any thread while the task works on. Clones read the same task.
#[derive(Clone)]
pub struct CommittedState {
    shared: Arc<Shared>,
}

/// The task's side of [`CommittedState`].
pub(crate) struct Door {
    shared: Arc<Shared>,
}

struct Shared {
    /// None once the task's state is closed. Held while someone reads, so that closing waits for readers.
    database: RwLock<Option<ByteDatabase>>,
    metadata: Family,
    stores: Vec<CommittedStore>,
}

struct CommittedStore {
    name: String,
    family: Family,
    layout: Layout,
    /// Only stores of windows, sessions and versions have it.
    window: Option<CommittedWindow>,
}

struct CommittedWindow {
    segment_ms: i64,
    visible_from: AtomicI64,
}

impl Door {
    pub(crate) fn new(database: ByteDatabase, metadata: Family, stores: &[Store]) -> Self {
        let store = |store: &Store| CommittedStore {
            name: store.name().to_owned(),
            family: store.family(),
            layout: store.layout(),
            window: store.segments_if_any().map(|segments| CommittedWindow {
                segment_ms: segments.segment_ms(),
                visible_from: AtomicI64::new(segments.visible_from()),
            }),
        };
        let stores = stores.iter().map(store).collect();
        Self { shared: Arc::new(Shared { database: RwLock::new(Some(database)), metadata, stores }) }
    }

    pub(crate) fn reader(&self) -> CommittedState {
        CommittedState { shared: Arc::clone(&self.shared) }
    }

    /// Tells readers the times of the stores as of the commit.
    pub(crate) fn observed(&self, stores: &[Rc<RefCell<Store>>]) {
        for (committed, store) in self.shared.stores.iter().zip(stores) {
            if let Some(window) = &committed.window {
                window.visible_from.store(store.borrow().segments().visible_from(), Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn use_database(&self, database: ByteDatabase) {
        self.shared.set(Some(database));
    }

    pub(crate) fn close(&self) {
        self.shared.set(None);
    }
}

impl Shared {
    fn set(&self, database: Option<ByteDatabase>) {
        // A reader that panicked has changed nothing.
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = database;
    }
}

impl CommittedState {
    /// Lets `read` make any number of reads that all see the same commit. Keep it short: the task cannot close meanwhile.
    /// [`StateError::Closed`] says that the task has left; ask for its new owner.
    pub fn view<R>(&self, read: impl FnOnce(&CommittedView<'_>) -> R) -> Result<R, StateError> {
        let database = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(StateError::Closed)?;
        Ok(database.view(|view| read(&CommittedView { database, view, shared: &self.shared })))
    }
}

/// The stores of one task as of one commit.
pub struct CommittedView<'a> {
    database: &'a ByteDatabase,
    view: &'a ByteView<'a>,
    shared: &'a Shared,
}

impl CommittedView<'_> {
    /// The key-value store of that name.
    pub fn key_value(&self, name: &str) -> Option<CommittedKeyValue<'_>> {
        let store = self.shared.stores.iter().find(|store| store.name == name && store.layout == Layout::KeyValue)?;
        Some(CommittedKeyValue { at: self, family: store.family })
    }

    /// The window store of that name.
    pub fn window(&self, name: &str) -> Option<CommittedWindows<'_>> {
        let is_it = |store: &&CommittedStore| store.name == name && matches!(store.layout, Layout::Window { .. });
        let store = self.shared.stores.iter().find(is_it)?;
        Some(CommittedWindows { at: self, name: &store.name, family: store.family, window: store.window.as_ref()? })
    }

    /// The versioned store of that name.
    pub fn versioned(&self, name: &str) -> Option<CommittedVersions<'_>> {
        let is_it = |store: &&CommittedStore| store.name == name && matches!(store.layout, Layout::Versioned { .. });
        let store = self.shared.stores.iter().find(is_it)?;
        Some(CommittedVersions { at: self, name: &store.name, family: store.family, versions: store.window.as_ref()? })
    }

    /// The session store of that name.
    pub fn session(&self, name: &str) -> Option<CommittedSessions<'_>> {
        let is_it = |store: &&CommittedStore| store.name == name && matches!(store.layout, Layout::Session { .. });
        let store = self.shared.stores.iter().find(is_it)?;
        let windows = CommittedWindows { at: self, name: &store.name, family: store.family, window: store.window.as_ref()? };
        Some(CommittedSessions { windows })
    }

    fn get<R>(&self, family: Family, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        self.view.get(family, key, |bytes| value::read(self.database, bytes).map(read))?
    }

    fn scan(
        &self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>,
    ) -> Result<(), StateError> {
        let mut failure = None;
        self.view.scan(family, from, to, direction, &mut |key, bytes| match value::read(self.database, Some(bytes)) {
            Ok(content) => content.map_or(ControlFlow::Continue(()), |(timestamp, value)| visit(key, timestamp, value)),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failure.map_or(Ok(()), Err)
    }
}

/// A key-value store as of one commit.
pub struct CommittedKeyValue<'a> {
    at: &'a CommittedView<'a>,
    family: Family,
}

impl CommittedKeyValue<'_> {
    /// As [`crate::KeyValueHandle::get`].
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        self.at.get(self.family, key, read)
    }

    /// As [`crate::KeyValueHandle::scan`].
    pub fn scan(
        &self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.at.scan(self.family, from, to, direction, visit)
    }
}

/// A window store as of one commit.
pub struct CommittedWindows<'a> {
    at: &'a CommittedView<'a>,
    name: &'a str,
    family: Family,
    window: &'a CommittedWindow,
}

impl CommittedWindows<'_> {
    /// As [`crate::WindowHandle::get`].
    pub fn get<R>(&self, key: &[u8], start: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        if start < self.window.visible_from.load(Ordering::Relaxed) {
            return Ok(read(None));
        }
        let mut local = Vec::new();
        WindowKey::only(key, start).write_local(start.div_euclid(self.window.segment_ms), &mut local);
        self.at.get(self.family, &local, read)
    }

    /// As [`crate::WindowHandle::fetch`].
    pub fn fetch(
        &self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let starts = self.visible(&starts);
        window_scan::fetch(self, key, &starts, self.segments(&starts)?, direction, visit)
    }

    /// As [`crate::WindowHandle::fetch_all`].
    pub fn fetch_all(
        &self, starts: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let starts = self.visible(&starts);
        window_scan::fetch_all(self, &starts, self.segments(&starts)?, direction, visit)
    }

    fn visible(&self, starts: &RangeInclusive<Timestamp>) -> RangeInclusive<Timestamp> {
        (*starts.start()).max(self.window.visible_from.load(Ordering::Relaxed))..=*starts.end()
    }

    fn segments(&self, starts: &RangeInclusive<Timestamp>) -> Result<impl DoubleEndedIterator<Item = (i64, Holder)>, StateError> {
        segments(self.at, self.name, self.window, starts)
    }
}

/// A session store as of one commit.
pub struct CommittedSessions<'a> {
    /// Segments are segments.
    windows: CommittedWindows<'a>,
}

impl CommittedSessions<'_> {
    /// As [`crate::SessionHandle::get`].
    pub fn get<R>(
        &self, key: &[u8], start: Timestamp, end: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R,
    ) -> Result<R, StateError> {
        let CommittedWindows { at, family, window, .. } = self.windows;
        if end < window.visible_from.load(Ordering::Relaxed) {
            return Ok(read(None));
        }
        let mut local = Vec::new();
        SessionKey { key, start, end }.write_local(end.div_euclid(window.segment_ms), &mut local);
        at.get(family, &local, read)
    }

    /// As [`crate::SessionHandle::find`].
    pub fn find(
        &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, direction: Direction,
        visit: &mut dyn FnMut(Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let ends = self.windows.visible(&(earliest_end..=Timestamp::MAX));
        session_scan::find(&self.windows, key, &ends, latest_start, self.windows.segments(&ends)?, direction, visit)
    }

    /// As [`crate::SessionHandle::fetch_all`].
    pub fn fetch_all(
        &self, ends: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let ends = self.windows.visible(&ends);
        session_scan::fetch_all(&self.windows, &ends, self.windows.segments(&ends)?, direction, visit)
    }
}

impl Scan for CommittedWindows<'_> {
    fn scan(&self, _: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>) -> Result<(), StateError> {
        self.at.scan(self.family, from, to, direction, visit)
    }
}

fn segments(
    at: &CommittedView<'_>, name: &str, of: &CommittedWindow, starts: &RangeInclusive<Timestamp>,
) -> Result<impl DoubleEndedIterator<Item = (i64, Holder)> + use<>, StateError> {
    let (first, last) = (starts.start().div_euclid(of.segment_ms), starts.end().div_euclid(of.segment_ms));
    let is_empty = starts.is_empty();
    let segments = metadata::segments_of(at.view, at.shared.metadata, name)?;
    Ok(segments.into_iter().filter(move |segment| !is_empty && (first..=last).contains(segment)).map(|segment| (segment, Holder::Both)))
}

/// A versioned store as of one commit.
pub struct CommittedVersions<'a> {
    at: &'a CommittedView<'a>,
    name: &'a str,
    family: Family,
    versions: &'a CommittedWindow,
}

impl CommittedVersions<'_> {
    /// As [`crate::VersionedHandle::get`].
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let mut local = Vec::new();
        version_scan::latest_key(key, &mut local);
        self.at.get(self.family, &local, read)
    }

    /// As [`crate::VersionedHandle::get_as_of`].
    pub fn get_as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
        let latest = self.get(key, |found| version_scan::latest_as_of(found, time))?;
        if latest.is_some() || time < self.versions.visible_from.load(Ordering::Relaxed) {
            return Ok(latest);
        }
        let ended = segments(self.at, self.name, self.versions, &(time..=Timestamp::MAX))?;
        Ok(version_scan::around(self, ended, key, time)?.into_version())
    }
}

impl Scan for CommittedVersions<'_> {
    fn scan(&self, _: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>) -> Result<(), StateError> {
        self.at.scan(self.family, from, to, direction, visit)
    }
}
