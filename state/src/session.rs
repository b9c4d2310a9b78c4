//! A task's door to one of its session stores.

use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

use crate::session_key::SessionKey;
use crate::session_scan;
use crate::store::Store;
use crate::{Direction, Layout, StateError, TimeIndex, Timestamp, Written, time_index};

/// One value with a timestamp per key, start and end of a session, both inclusive. Clones are the same store. Kafka: `SessionStore`.
///
/// The store's time is what [`SessionHandle::observe`] has told it. Sessions whose end is not above that time minus the retention are gone for
/// reads by key at once, and removed with the commit in which their whole segment has expired.
/// While a closure given to a read runs, the store may be read but not written.
pub struct SessionHandle {
    store: Rc<RefCell<Store>>,
    /// Keys are composed here, so that nothing is allocated per call.
    scratch: Cell<Vec<u8>>,
}

impl SessionHandle {
    pub(crate) fn new(store: Rc<RefCell<Store>>) -> Self {
        Self { store, scratch: Cell::default() }
    }

    /// Hands timestamp and value of the session to `read`, without a copy.
    pub fn get<R>(
        &self, key: &[u8], start: Timestamp, end: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R,
    ) -> Result<R, StateError> {
        let store = self.store.borrow();
        let segments = store.segments();
        let segment = segments.segment_of(end);
        match segments.holder(segment) {
            Some(holder) if end >= segments.visible_from() => {
                let mut local = self.scratch.take();
                SessionKey { key, start, end }.write_local(segment, &mut local);
                let found = store.get(holder, &local, read);
                self.scratch.set(local);
                found
            }
            Some(_) | None => Ok(read(None)),
        }
    }

    /// Stores the value of a session.
    pub fn put(&self, key: &[u8], start: Timestamp, end: Timestamp, value: &[u8], timestamp: Timestamp) -> Written {
        self.write(SessionKey { key, start, end }, Some(value), timestamp)
    }

    /// Removes a session. The timestamp goes to the changelog.
    pub fn delete(&self, key: &[u8], start: Timestamp, end: Timestamp, timestamp: Timestamp) -> Written {
        self.write(SessionKey { key, start, end }, None, timestamp)
    }

    /// Visits start, end, timestamp and value of the sessions of `key` that end at `earliest_end` or later and start at `latest_start` or
    /// before, in the order of their ends, then of their starts, until `visit` breaks off. Kafka: `findSessions`.
    pub fn find(
        &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, direction: Direction,
        visit: &mut dyn FnMut(Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let ends = earliest_end.max(store.segments().visible_from())..=Timestamp::MAX;
        let segments = store.segments().in_range(&ends);
        session_scan::find(&*store, key, &ends, latest_start, segments, direction, visit)
    }

    /// The lowest session end that reads by key may see.
    pub fn visible_from(&self) -> Timestamp {
        self.store.borrow().segments().visible_from()
    }

    /// The lowest session end that reads by key may see when the store's time is this.
    pub fn visible_from_at(&self, time: Timestamp) -> Timestamp {
        self.store.borrow().segments().visible_from_at(time)
    }

    /// Visits key, start, end, timestamp and value of all sessions that end in the range, segment by segment, until `visit` breaks off.
    /// The sessions of one key come in the order of their ends; the order between keys means nothing.
    pub fn fetch_all(
        &self, ends: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let ends = (*ends.start()).max(store.segments().visible_from())..=*ends.end();
        session_scan::fetch_all(&*store, &ends, store.segments().in_range(&ends), direction, visit)
    }

    /// Visits key, start, end, timestamp and value of the sessions that end in the range, in the order of ends, then starts, then keys' bytes,
    /// until `visit` breaks off. The store must be indexed by time. As in Kafka, whatever is not removed is shown.
    pub fn by_time(
        &self, ends: RangeInclusive<Timestamp>, visit: &mut dyn FnMut(&[u8], Timestamp, Timestamp, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let (mut flow, mut local) = (ControlFlow::Continue(()), Vec::new());
        for (segment, holder) in store.segments().live_in_range(&ends) {
            for entry in time_index::entries(&*store, segment, holder, &ends)? {
                let Some(session) = time_index::session(&entry) else { continue };
                session.write_local(segment, &mut local);
                store.get(holder, &local, |found| {
                    flow = found.map_or(flow, |(timestamp, value)| visit(session.key, session.start, session.end, timestamp, value));
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

    fn write(&self, session: SessionKey<'_>, value: Option<&[u8]>, timestamp: Timestamp) -> Written {
        let mut store = self.store.borrow_mut();
        let segments = store.segments_mut();
        let segment = segments.segment_of(session.end);
        if segment < segments.first_live() {
            return Written::Expired;
        }
        segments.touch(segment);
        let mut local = self.scratch.take();
        session.write_local(segment, &mut local);
        store.write(&local, value, timestamp);
        if matches!(store.layout(), Layout::Session { index: TimeIndex::Kept, .. }) {
            time_index::of_session(session, segment, &mut local);
            store.write_index(&local, value, timestamp);
        }
        self.scratch.set(local);
        Written::Kept
    }
}

impl Clone for SessionHandle {
    fn clone(&self) -> Self {
        Self::new(Rc::clone(&self.store))
    }
}
