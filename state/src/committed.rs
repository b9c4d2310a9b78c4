//! Committed state, for other threads than the task's.

use std::cell::RefCell;
use std::ops::{Bound, ControlFlow, RangeInclusive};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use crate::segments::Holder;
use crate::session_key::SessionKey;
use crate::shelves::{Shelf, Shelves};
use crate::store::{Store, Visit};
use crate::window_key::WindowKey;
use crate::window_scan::Scan;
use crate::{
    ByteView, Direction, Family, Layout, Place, StateError, Timestamp, Version, metadata, session_scan, value, version_scan, window_scan,
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
    shelves: RwLock<Option<Shelves>>,
    /// Held while a commit goes to two databases, so that nobody sees half of it.
    changing: Mutex<()>,
    /// Somebody waits for the readers: what they read is of no use any more.
    closing: AtomicBool,
    stores: Vec<CommittedStore>,
}

struct CommittedStore {
    name: String,
    family: Family,
    place: Place,
    layout: Layout,
    /// Only stores of windows, sessions and versions have it.
    window: Option<CommittedWindow>,
}

struct CommittedWindow {
    segment_ms: i64,
    visible_from: AtomicI64,
}

impl Door {
    pub(crate) fn new(shelves: Shelves, stores: &[Store]) -> Self {
        let store = |store: &Store| CommittedStore {
            name: store.name().to_owned(),
            family: store.family(),
            place: store.place(),
            layout: store.layout(),
            window: store.segments_if_any().map(|segments| CommittedWindow {
                segment_ms: segments.segment_ms(),
                visible_from: AtomicI64::new(segments.visible_from()),
            }),
        };
        let stores = stores.iter().map(store).collect();
        let (shelves, changing, closing) = (RwLock::new(Some(shelves)), Mutex::default(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { shelves, changing, closing, stores }) }
    }

    pub(crate) fn reader(&self) -> CommittedState {
        CommittedState { shared: Arc::clone(&self.shared) }
    }

    /// Tells readers the times of the stores as of the commit.
    pub(crate) fn observed(&self, stores: &[Rc<RefCell<Store>>]) {
        for (committed, store) in self.shared.stores.iter().zip(stores) {
            if let Some(window) = &committed.window {
                window.visible_from.store(store.borrow().segments().committed_visible_from(), Ordering::Relaxed);
            }
        }
    }

    /// What `write` changes is seen as a whole, or not at all.
    pub(crate) fn change<R>(&self, write: impl FnOnce() -> R) -> R {
        let _changing = self.shared.changing();
        write()
    }

    pub(crate) fn use_shelves(&self, shelves: Shelves) {
        self.shared.set(Some(shelves));
    }

    pub(crate) fn close(&self) {
        self.shared.set(None);
    }
}

impl Shared {
    fn set(&self, shelves: Option<Shelves>) {
        self.closing.store(true, Ordering::Relaxed);
        // A reader that panicked has changed nothing.
        let mut known = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        *known = shelves;
        self.closing.store(known.is_none(), Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Shelves>> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommittedState {
    /// Lets `read` make any number of reads that all see the same commit. The task cannot close meanwhile; when it is about to, scans
    /// break off. [`StateError::Closed`] says that the task has left; ask for its new owner.
    pub fn view<R>(&self, read: impl FnOnce(&CommittedView<'_>) -> R) -> Result<R, StateError> {
        Self::view_all(std::slice::from_ref(self), |views| read(&views[0]))
    }

    /// The same for several tasks: each is seen as of one commit, and all as they were when `read` was called.
    pub fn view_all<R>(tasks: &[CommittedState], read: impl FnOnce(&[CommittedView<'_>]) -> R) -> Result<R, StateError> {
        let shelves: Vec<_> = tasks.iter().map(|task| task.shared.read()).collect();
        let mut views = Vec::with_capacity(tasks.len());
        for (task, shelves) in tasks.iter().zip(&shelves) {
            let shelves = shelves.as_ref().ok_or(StateError::Closed)?;
            views.push(CommittedView::new(shelves, &task.shared));
        }
        Ok(read(&views))
    }
}

/// The stores of one task as of one commit.
pub struct CommittedView<'a> {
    disk: CommittedShelf<'a>,
    memory: Option<CommittedShelf<'a>>,
    shared: &'a Shared,
    /// Of each store: the lowest time that this commit shows.
    visible_from: Vec<Timestamp>,
}

/// One of the task's databases as of one commit.
struct CommittedShelf<'a> {
    shelf: &'a Shelf,
    view: ByteView<'a>,
    shared: &'a Shared,
}

impl<'a> CommittedView<'a> {
    fn new(shelves: &'a Shelves, shared: &'a Shared) -> Self {
        let at = |shelf: &'a Shelf| CommittedShelf { shelf, view: shelf.database.moment(), shared };
        let _changing = shelves.memory.as_ref().map(|_| shared.changing());
        let (disk, memory) = (at(&shelves.disk), shelves.memory.as_ref().map(at));
        let visible_from = |store: &CommittedStore| store.window.as_ref().map_or(0, |window| window.visible_from.load(Ordering::Relaxed));
        let visible_from = shared.stores.iter().map(visible_from).collect();
        CommittedView { disk, memory, shared, visible_from }
    }
}

impl CommittedView<'_> {
    /// The key-value store of that name.
    pub fn key_value(&self, name: &str) -> Option<CommittedKeyValue<'_>> {
        let store = self.shared.stores.iter().find(|store| store.name == name && store.layout == Layout::KeyValue)?;
        Some(CommittedKeyValue { at: self.shelf(store.place), family: store.family })
    }

    /// The window store of that name.
    pub fn window(&self, name: &str) -> Option<CommittedWindows<'_>> {
        self.windows(name, |layout| matches!(layout, Layout::Window { .. }))
    }

    /// The versioned store of that name.
    pub fn versioned(&self, name: &str) -> Option<CommittedVersions<'_>> {
        let windows = self.windows(name, |layout| matches!(layout, Layout::Versioned { .. }))?;
        Some(CommittedVersions { windows })
    }

    /// The session store of that name.
    pub fn session(&self, name: &str) -> Option<CommittedSessions<'_>> {
        let windows = self.windows(name, |layout| matches!(layout, Layout::Session { .. }))?;
        Some(CommittedSessions { windows })
    }

    fn windows(&self, name: &str, is_laid_out_so: impl Fn(Layout) -> bool) -> Option<CommittedWindows<'_>> {
        let stores = self.shared.stores.iter().zip(&self.visible_from);
        let (store, &visible_from) = stores.into_iter().find(|(store, _)| store.name == name && is_laid_out_so(store.layout))?;
        let segment_ms = store.window.as_ref()?.segment_ms;
        Some(CommittedWindows { at: self.shelf(store.place), name: &store.name, family: store.family, segment_ms, visible_from })
    }

    fn shelf(&self, place: Place) -> &CommittedShelf<'_> {
        match place {
            Place::Disk => &self.disk,
            Place::Memory => self.memory.as_ref().expect("a store in memory has a database there"),
        }
    }
}

impl CommittedShelf<'_> {
    fn get<R>(&self, family: Family, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        self.view.get(family, key, |bytes| value::read(&self.shelf.database, bytes).map(read))?
    }

    fn value<'b>(&self, bytes: &'b [u8]) -> Result<Option<(Timestamp, &'b [u8])>, StateError> {
        if self.shared.closing.load(Ordering::Relaxed) {
            return Err(StateError::Closed);
        }
        value::read(&self.shelf.database, Some(bytes))
    }

    fn scan(
        &self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>,
    ) -> Result<(), StateError> {
        let mut failure = None;
        self.view.scan(family, from, to, direction, &mut |key, bytes| match self.value(bytes) {
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
    at: &'a CommittedShelf<'a>,
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
    at: &'a CommittedShelf<'a>,
    name: &'a str,
    family: Family,
    segment_ms: i64,
    visible_from: Timestamp,
}

impl CommittedWindows<'_> {
    /// As [`crate::WindowHandle::get`].
    pub fn get<R>(&self, key: &[u8], start: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        if start < self.visible_from {
            return Ok(read(None));
        }
        let mut local = Vec::new();
        WindowKey::only(key, start).write_local(start.div_euclid(self.segment_ms), &mut local);
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
        (*starts.start()).max(self.visible_from)..=*starts.end()
    }

    fn segments(&self, starts: &RangeInclusive<Timestamp>) -> Result<impl DoubleEndedIterator<Item = (i64, Holder)> + use<>, StateError> {
        let (first, last) = (starts.start().div_euclid(self.segment_ms), starts.end().div_euclid(self.segment_ms));
        let is_empty = starts.is_empty();
        let segments = metadata::segments_of(&self.at.view, self.at.shelf.metadata, self.name)?;
        Ok(segments.into_iter().filter(move |segment| !is_empty && (first..=last).contains(segment)).map(|segment| (segment, Holder::Both)))
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
        let CommittedWindows { at, family, segment_ms, visible_from, .. } = self.windows;
        if end < visible_from {
            return Ok(read(None));
        }
        let mut local = Vec::new();
        SessionKey { key, start, end }.write_local(end.div_euclid(segment_ms), &mut local);
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

/// A versioned store as of one commit.
pub struct CommittedVersions<'a> {
    /// Segments are segments.
    windows: CommittedWindows<'a>,
}

impl CommittedVersions<'_> {
    /// As [`crate::VersionedHandle::get`].
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let mut local = Vec::new();
        version_scan::latest_key(key, &mut local);
        self.windows.at.get(self.windows.family, &local, read)
    }

    /// As [`crate::VersionedHandle::get_as_of`].
    pub fn get_as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
        let latest = self.get(key, |found| version_scan::latest_as_of(found, time))?;
        if latest.is_some() || time < self.windows.visible_from {
            return Ok(latest);
        }
        let ended = self.windows.segments(&(time..=Timestamp::MAX))?;
        Ok(version_scan::around(&self.windows, ended, key, time)?.into_version())
    }
}
