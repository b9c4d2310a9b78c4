//! Committed state, for other threads than the task's.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow, RangeInclusive};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use crate::segments::Holder;
use crate::shelves::{Shelf, Shelves};
use crate::span_key::SpanKey;
use crate::span_scan::Scan;
use crate::store::{Store, Visit};
use crate::{
    ByteView, Direction, Family, Layout, Place, Session, Span, StateError, Timestamp, Version, Window, metadata, span_scan, value,
    version_scan,
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
        self.spans(name, |layout| matches!(layout, Layout::Window { .. }))
    }

    /// The versioned store of that name.
    pub fn versioned(&self, name: &str) -> Option<CommittedVersions<'_>> {
        let rows = self.spans(name, |layout| matches!(layout, Layout::Versioned { .. }))?;
        Some(CommittedVersions { rows })
    }

    /// The session store of that name.
    pub fn session(&self, name: &str) -> Option<CommittedSessions<'_>> {
        self.spans(name, |layout| matches!(layout, Layout::Session { .. }))
    }

    fn spans<S>(&self, name: &str, is_laid_out_so: impl Fn(Layout) -> bool) -> Option<CommittedSpans<'_, S>> {
        let stores = self.shared.stores.iter().zip(&self.visible_from);
        let (store, &visible_from) = stores.into_iter().find(|(store, _)| store.name == name && is_laid_out_so(store.layout))?;
        let segment_ms = store.window.as_ref()?.segment_ms;
        Some(CommittedSpans {
            at: self.shelf(store.place),
            name: &store.name,
            family: store.family,
            segment_ms,
            visible_from,
            spans: PhantomData,
        })
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

/// A store of windows or of sessions as of one commit.
pub struct CommittedSpans<'a, S> {
    at: &'a CommittedShelf<'a>,
    name: &'a str,
    family: Family,
    segment_ms: i64,
    visible_from: Timestamp,
    spans: PhantomData<fn() -> S>,
}

/// A window store as of one commit.
pub type CommittedWindows<'a> = CommittedSpans<'a, Window>;
/// A session store as of one commit.
pub type CommittedSessions<'a> = CommittedSpans<'a, Session>;

impl<S: Span> CommittedSpans<'_, S> {
    /// As [`crate::SpanHandle::get`].
    pub fn get<R>(&self, key: &[u8], span: S, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        if span.time() < self.visible_from {
            return Ok(read(None));
        }
        let mut local = Vec::new();
        SpanKey { key, span }.write_local(span.time().div_euclid(self.segment_ms), &mut local);
        self.at.get(self.family, &local, read)
    }

    /// As [`crate::SpanHandle::fetch`].
    pub fn fetch(
        &self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let times = self.visible(&times);
        span_scan::fetch(self, key, &times, self.segments(&times)?, direction, visit)
    }

    /// As [`crate::SpanHandle::fetch_all`].
    pub fn fetch_all(
        &self, times: RangeInclusive<Timestamp>, direction: Direction, visit: &mut dyn FnMut(&[u8], S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let times = self.visible(&times);
        span_scan::fetch_all(self, &times, self.segments(&times)?, direction, visit)
    }

    fn visible(&self, times: &RangeInclusive<Timestamp>) -> RangeInclusive<Timestamp> {
        (*times.start()).max(self.visible_from)..=*times.end()
    }

    fn segments(&self, times: &RangeInclusive<Timestamp>) -> Result<impl DoubleEndedIterator<Item = (i64, Holder)> + use<S>, StateError> {
        let (first, last) = (times.start().div_euclid(self.segment_ms), times.end().div_euclid(self.segment_ms));
        let is_empty = times.is_empty();
        let segments = metadata::segments_of(&self.at.view, self.at.shelf.metadata, self.name)?;
        Ok(segments.into_iter().filter(move |segment| !is_empty && (first..=last).contains(segment)).map(|segment| (segment, Holder::Both)))
    }
}

impl<S> Scan for CommittedSpans<'_, S> {
    fn scan(&self, _: Holder, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, visit: &mut Visit<'_>) -> Result<(), StateError> {
        self.at.scan(self.family, from, to, direction, visit)
    }
}

/// A versioned store as of one commit.
pub struct CommittedVersions<'a> {
    /// Earlier versions lie like windows, see [`version_scan`].
    rows: CommittedWindows<'a>,
}

impl CommittedVersions<'_> {
    /// As [`crate::VersionedHandle::get`].
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let mut local = Vec::new();
        version_scan::latest_key(key, &mut local);
        self.rows.at.get(self.rows.family, &local, read)
    }

    /// As [`crate::VersionedHandle::get_as_of`].
    pub fn get_as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
        let latest = self.get(key, |found| version_scan::latest_as_of(found, time))?;
        if latest.is_some() || time < self.rows.visible_from {
            return Ok(latest);
        }
        let ended = self.rows.segments(&(time..=Timestamp::MAX))?;
        Ok(version_scan::around(&self.rows, ended, key, time)?.into_version())
    }
}
