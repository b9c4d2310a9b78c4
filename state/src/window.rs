//! A task's door to one of its window stores.

use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

use crate::store::Store;
use crate::window_key::WindowKey;
use crate::{Direction, Layout, StateError, TimeIndex, Timestamp, time_index, window_scan};

/// One value with a timestamp per key and window start. Clones are the same store.
///
/// The store's time is what [`WindowHandle::observe`] has told it. Windows whose start is not above that time minus the retention
/// are gone for reads at once, and removed with the commit in which their whole segment has expired.
/// While a closure given to a read runs, the store may be read but not written.
pub struct WindowHandle {
    store: Rc<RefCell<Store>>,
    /// Keys are composed here, so that nothing is allocated per call.
    scratch: Cell<Vec<u8>>,
}

/// Whether a window store took a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It did.
    Kept,
    /// The window's whole segment has expired, so the write was dropped (Kafka counts it in `dropped-records`).
    Expired,
}

impl WindowHandle {
    pub(crate) fn new(store: Rc<RefCell<Store>>) -> Self {
        Self { store, scratch: Cell::default() }
    }

    /// Hands timestamp and value of the window to `read`, without a copy.
    pub fn get<R>(&self, key: &[u8], start: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let store = self.store.borrow();
        let segments = store.segments();
        let segment = segments.segment_of(start);
        match segments.holder(segment) {
            Some(holder) if start >= segments.visible_from() => {
                self.with_local(segment, WindowKey::only(key, start), |local| store.get(holder, local, read))
            }
            Some(_) | None => Ok(read(None)),
        }
    }

    /// Stores the value of a window.
    pub fn put(&self, key: &[u8], start: Timestamp, value: &[u8], timestamp: Timestamp) -> Written {
        self.write(WindowKey::only(key, start), Some(value), timestamp)
    }

    /// Stores one of several values of a key that begin at one time. The numbers tell them apart and order them; the caller sees to it that
    /// none comes back, not even after a restart. Kafka: a window store with `retainDuplicates`.
    pub fn put_numbered(&self, key: &[u8], start: Timestamp, number: u32, value: &[u8], timestamp: Timestamp) -> Written {
        self.write(WindowKey { key, start, sequence: number }, Some(value), timestamp)
    }

    /// Removes a window. The timestamp goes to the changelog.
    pub fn delete(&self, key: &[u8], start: Timestamp, timestamp: Timestamp) -> Written {
        self.write(WindowKey::only(key, start), None, timestamp)
    }

    /// Visits start, timestamp and value of the windows of `key` that start in the range, in the order of their starts,
    /// until `visit` breaks off.
    pub fn fetch(
        &self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let starts = visible(&store, &starts);
        window_scan::fetch(&*store, key, &starts, store.segments().in_range(&starts), direction, visit)
    }

    /// Visits key, start, timestamp and value of all windows that start in the range, segment by segment, until `visit` breaks off.
    /// The windows of one key come in the order of their starts; the order between keys means nothing.
    pub fn fetch_all(
        &self, starts: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let starts = visible(&store, &starts);
        window_scan::fetch_all(&*store, &starts, store.segments().in_range(&starts), direction, visit)
    }

    /// The lowest window start that reads may see.
    pub fn visible_from(&self) -> Timestamp {
        self.store.borrow().segments().visible_from()
    }

    /// The lowest window start that reads may see when the store's time is this.
    pub fn visible_from_at(&self, time: Timestamp) -> Timestamp {
        self.store.borrow().segments().visible_from_at(time)
    }

    /// Visits key, start, timestamp and value of the windows that start in the range, in the order of their starts, then of their keys' bytes,
    /// until `visit` breaks off. Windows that have expired but are not removed are among them. The store must be indexed by time.
    pub fn by_time(
        &self, starts: RangeInclusive<Timestamp>, visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let (mut flow, mut local) = (ControlFlow::Continue(()), Vec::new());
        for (segment, holder) in store.segments().live_in_range(&starts) {
            for entry in time_index::entries(&*store, segment, holder, &starts)? {
                let Some(window) = time_index::window(&entry) else { continue };
                window.write_local(segment, &mut local);
                store.get(holder, &local, |found| {
                    flow = found.map_or(flow, |(timestamp, value)| visit(window.key, window.start, timestamp, value));
                })?;
                if flow.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Moves the store's time forward; an earlier time changes nothing.
    pub fn observe(&self, time: Timestamp) {
        self.store.borrow_mut().segments_mut().observe(time);
    }

    /// The store's time, if there is one yet.
    pub fn observed_time(&self) -> Option<Timestamp> {
        self.store.borrow().segments().observed()
    }

    /// Sets the store's time as it was at the last commit, which the caller has kept. An abort comes back to it.
    pub fn set_observed_time(&self, time: Timestamp) {
        self.store.borrow_mut().segments_mut().set_observed(time);
    }

    fn write(&self, window: WindowKey<'_>, value: Option<&[u8]>, timestamp: Timestamp) -> Written {
        let mut store = self.store.borrow_mut();
        let segments = store.segments_mut();
        let segment = segments.segment_of(window.start);
        if segment < segments.first_live() {
            return Written::Expired;
        }
        segments.touch(segment);
        self.with_local(segment, window, |local| store.write(local, value, timestamp));
        if matches!(store.layout(), Layout::Window { index: TimeIndex::Kept, .. }) {
            let mut entry = self.scratch.take();
            time_index::of_window(window, segment, &mut entry);
            store.write_index(&entry, value, timestamp);
            self.scratch.set(entry);
        }
        Written::Kept
    }

    fn with_local<R>(&self, segment: i64, window: WindowKey<'_>, then: impl FnOnce(&[u8]) -> R) -> R {
        let mut scratch = self.scratch.take();
        window.write_local(segment, &mut scratch);
        let result = then(&scratch);
        self.scratch.set(scratch);
        result
    }
}

impl Clone for WindowHandle {
    fn clone(&self) -> Self {
        Self::new(Rc::clone(&self.store))
    }
}

/// The part of the range that has not expired.
fn visible(store: &Store, starts: &RangeInclusive<Timestamp>) -> RangeInclusive<Timestamp> {
    (*starts.start()).max(store.segments().visible_from())..=*starts.end()
}
