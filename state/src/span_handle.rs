//! A task's door to one of its stores of windows or of sessions.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

use crate::span_key::SpanKey;
use crate::store::Store;
use crate::{Direction, Session, Span, StateError, Timestamp, Window, span_scan, time_index};

/// One value with a timestamp per key and [`Span`]. Clones are the same store.
///
/// The store's time is what [`SpanHandle::observe`] has told it. Rows whose time is not above that time minus the retention are gone for reads by
/// key at once, and removed with the commit in which their whole segment has expired.
/// While a closure given to a read runs, the store may be read but not written.
pub struct SpanHandle<S> {
    store: Rc<RefCell<Store>>,
    /// Keys are composed here, so that nothing is allocated per call.
    scratch: Cell<Vec<u8>>,
    spans: PhantomData<fn() -> S>,
}

/// One value per key and window start, or several with numbers. The time of a row is the start of its window. Kafka: `WindowStore`.
pub type WindowHandle = SpanHandle<Window>;
/// One value per key, start and end of a session, both inclusive. The time of a row is the end of its session. Kafka: `SessionStore`.
pub type SessionHandle = SpanHandle<Session>;

/// Whether a store of windows or sessions took a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It did.
    Kept,
    /// The row's whole segment has expired, so the write was dropped (Kafka counts it in `dropped-records`).
    Expired,
}

impl<S: Span> SpanHandle<S> {
    pub(crate) fn new(store: Rc<RefCell<Store>>) -> Self {
        Self { store, scratch: Cell::default(), spans: PhantomData }
    }

    /// Hands timestamp and value of a row to `read`, without a copy.
    pub fn get<R>(&self, key: &[u8], span: S, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let store = self.store.borrow();
        let segments = store.segments();
        let segment = segments.segment_of(span.time());
        match segments.holder(segment) {
            Some(holder) if span.time() >= segments.visible_from() => self.with_scratch(|local| {
                SpanKey { key, span }.write_local(segment, local);
                store.get(holder, local, read)
            }),
            Some(_) | None => Ok(read(None)),
        }
    }

    /// Stores the value of a row. Where values of one key and window start have numbers, the caller sees to it that none comes back, not even after a
    /// restart.
    pub fn put(&self, key: &[u8], span: S, value: &[u8], timestamp: Timestamp) -> Written {
        self.write(SpanKey { key, span }, Some(value), timestamp)
    }

    /// Removes a row. The timestamp goes to the changelog.
    pub fn delete(&self, key: &[u8], span: S, timestamp: Timestamp) -> Written {
        self.write(SpanKey { key, span }, None, timestamp)
    }

    /// Visits span, timestamp and value of the rows of `key` with times in the range, in the order of their spans, until `visit` breaks off.
    pub fn fetch(
        &self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let times = visible(&store, &times);
        span_scan::fetch(&*store, key, &times, store.segments().in_range(&times), direction, visit)
    }

    /// The same, rows that have expired but are not removed included.
    pub fn fetch_kept(
        &self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction,
        visit: &mut dyn FnMut(S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        span_scan::fetch(&*store, key, &times, store.segments().live_in_range(&times), direction, visit)
    }

    /// Visits key, span, timestamp and value of all rows with times in the range, segment by segment, until `visit` breaks off.
    /// The rows of one key come in the order of their times; the order between keys means nothing.
    pub fn fetch_all(
        &self, times: RangeInclusive<Timestamp>, direction: Direction, visit: &mut dyn FnMut(&[u8], S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let times = visible(&store, &times);
        span_scan::fetch_all(&*store, &times, store.segments().in_range(&times), direction, visit)
    }

    /// Visits key, span, timestamp and value of the rows with times in the range, in the order of their spans, then of their keys' bytes, until
    /// `visit` breaks off. Rows that have expired but are not removed are among them. The store must be indexed by time.
    pub fn by_time(
        &self, times: RangeInclusive<Timestamp>, visit: &mut dyn FnMut(&[u8], S, Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let store = self.store.borrow();
        let (mut flow, mut local) = (ControlFlow::Continue(()), Vec::new());
        for (segment, holder) in store.segments().live_in_range(&times) {
            for entry in time_index::entries(&*store, segment, holder, &times)? {
                let Some(row) = time_index::row(&entry) else { continue };
                row.write_local(segment, &mut local);
                store.get(holder, &local, |found| {
                    flow = found.map_or(flow, |(timestamp, value)| visit(row.key, row.span, timestamp, value));
                })?;
                if flow.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Key and span of a row, from its key in the changelog; none if that is too short for one.
    pub fn row_of(changelog_key: &[u8]) -> Option<(&[u8], S)> {
        SpanKey::read_changelog(changelog_key).map(|row| (row.key, row.span))
    }

    /// The lowest time of rows that reads by key may see.
    pub fn visible_from(&self) -> Timestamp {
        self.store.borrow().segments().visible_from()
    }

    /// The same when the store's time is this.
    pub fn visible_from_at(&self, time: Timestamp) -> Timestamp {
        self.store.borrow().segments().visible_from_at(time)
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

    fn write(&self, row: SpanKey<'_, S>, value: Option<&[u8]>, timestamp: Timestamp) -> Written {
        let mut store = self.store.borrow_mut();
        let segments = store.segments_mut();
        let segment = segments.segment_of(row.span.time());
        if segment < segments.first_live() {
            return Written::Expired;
        }
        segments.touch(segment);
        self.with_scratch(|bytes| {
            row.write_local(segment, bytes);
            store.write(bytes, value, timestamp);
            if store.layout().is_indexed_by_time() {
                time_index::write_entry(row, segment, bytes);
                store.write_index(bytes, value, timestamp);
            }
        });
        Written::Kept
    }

    fn with_scratch<R>(&self, then: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut scratch = self.scratch.take();
        let result = then(&mut scratch);
        self.scratch.set(scratch);
        result
    }
}

impl<S: Span> Clone for SpanHandle<S> {
    fn clone(&self) -> Self {
        Self::new(Rc::clone(&self.store))
    }
}

/// The part of the range that has not expired.
fn visible(store: &Store, times: &RangeInclusive<Timestamp>) -> RangeInclusive<Timestamp> {
    (*times.start()).max(store.segments().visible_from())..=*times.end()
}
