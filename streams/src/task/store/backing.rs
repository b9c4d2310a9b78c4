//! A byte store as a front sees it: rows by the bytes of their whole key.

use super::refusals::Refusals;
use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::runtime::TimeRule;
use headwater_state::{KeyValueHandle, StateError, VersionPut, VersionedHandle, WindowHandle, Written};
use std::cell::Cell;
use std::rc::Rc;

/// Where rows are when they are not in the front.
pub(crate) trait Backing {
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError>;
    /// A row of this key is flushed. Under [`TimeRule::Kafka`]: whether what it was before would still be shown, if only rows that were flushed
    /// have moved the store's time.
    fn flushes(&self, _key: &[u8]) -> bool {
        true
    }
    /// No value deletes.
    fn put(&self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) -> Result<VersionPut, StateError>;
}

/// Rows by key: the last one of each, or all versions within a history.
pub(crate) enum RowBytes {
    Last(KeyValueHandle),
    /// With the largest time written, by which versions expire.
    Versions(VersionedHandle, Rc<Cell<Timestamp>>, Refusals),
}

impl RowBytes {
    /// The rows for those that scan them; `build()` lets nobody scan versions.
    pub(crate) fn last(&self) -> &KeyValueHandle {
        match self {
            RowBytes::Last(handle) => handle,
            RowBytes::Versions(..) => unreachable!("types tell versioned stores from others"),
        }
    }

    /// The versions, as of the store's time.
    pub(super) fn versions(&self) -> &VersionedHandle {
        match self {
            RowBytes::Last(_) => unreachable!("types tell versioned stores from others"),
            RowBytes::Versions(handle, observed, _) => {
                observe(handle, observed);
                handle
            }
        }
    }

    /// Takes the time of the last commit as the store's.
    pub(super) fn resume(&self) {
        if let RowBytes::Versions(handle, observed, _) = self
            && observed.get() > NO_TIMESTAMP
        {
            handle.set_observed_time(observed.get());
        }
    }

    /// The row that was valid at a time, where that is known; otherwise the last one.
    pub(super) fn get_as_of<R>(
        &self, key: &[u8], time: Timestamp, read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R,
    ) -> Result<R, StateError> {
        match self {
            RowBytes::Last(handle) => handle.get(key, read),
            RowBytes::Versions(handle, observed, _) => {
                observe(handle, observed);
                let found = handle.get_as_of(key, time)?;
                Ok(read(found.as_ref().map(|found| (found.valid_from, &found.value[..]))))
            }
        }
    }
}

/// The task may have set the time since the last call, to what a commit has kept.
fn observe(handle: &VersionedHandle, observed: &Cell<Timestamp>) {
    if observed.get() > NO_TIMESTAMP {
        handle.observe(observed.get());
    }
}

impl Backing for RowBytes {
    #[inline]
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        match self {
            RowBytes::Last(handle) => handle.get(key, read),
            RowBytes::Versions(handle, ..) => handle.get(key, read),
        }
    }

    #[inline]
    fn put(&self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) -> Result<VersionPut, StateError> {
        match self {
            RowBytes::Last(handle) => {
                match value {
                    Some(value) => handle.put(key, value, timestamp),
                    None => handle.delete(key, timestamp),
                }
                Ok(VersionPut::Latest)
            }
            RowBytes::Versions(handle, observed, refusals) => {
                observed.set(observed.get().max(timestamp));
                observe(handle, observed);
                let put = handle.put(key, value, timestamp)?;
                if put == VersionPut::Expired {
                    refusals.count();
                }
                Ok(put)
            }
        }
    }
}

/// Windows by key bytes and, behind them, the start: 8 bytes, big-endian. With the time by which they expire.
pub(crate) struct WindowBytes {
    handle: WindowHandle,
    rule: TimeRule,
    /// Under [`TimeRule::Kafka`] the largest window start written, under [`TimeRule::Watermark`] the task's stream time: either way nothing expires that may still change.
    time: Rc<Cell<Timestamp>>,
    /// The largest window start that was flushed from a cache.
    flushed: Cell<Timestamp>,
    refusals: Refusals,
}

impl WindowBytes {
    pub(crate) fn new(handle: WindowHandle, rule: TimeRule, time: Rc<Cell<Timestamp>>, refusals: Refusals) -> Self {
        WindowBytes { handle, rule, time, flushed: Cell::new(NO_TIMESTAMP), refusals }
    }

    pub(super) fn is_by_kafkas_rule(&self) -> bool {
        self.rule == TimeRule::Kafka
    }

    /// Takes the time of the last commit as the store's.
    pub(super) fn resume(&self, stream_time: Timestamp) {
        self.observe_stream_time(stream_time);
        if self.time.get() > NO_TIMESTAMP {
            self.handle.set_observed_time(self.time.get());
            self.flushed.set(self.time.get());
        }
    }

    /// The task's stream time moves on.
    #[inline]
    pub(crate) fn observe_stream_time(&self, stream_time: Timestamp) {
        if self.rule == TimeRule::Watermark {
            self.time.set(stream_time);
        }
    }

    /// A write with this start moves the time, under Kafka's rule.
    #[inline]
    fn observe_start(&self, start: Timestamp) {
        if self.rule == TimeRule::Kafka {
            self.time.set(self.time.get().max(start));
        }
    }

    /// Adds one of several values of a key that begin at one time.
    pub(super) fn add(&self, key: &[u8], start: Timestamp, number: u32, value: &[u8]) -> Written {
        self.observe_start(start);
        let written = self.at_its_time().put_numbered(key, start, number, value, start);
        if written == Written::Expired {
            self.refusals.count();
        }
        written
    }

    /// The store with its time as it is now; the task may have set it since, to what a commit has kept.
    #[inline]
    pub(super) fn at_its_time(&self) -> &WindowHandle {
        if self.time.get() > NO_TIMESTAMP {
            self.handle.observe(self.time.get());
        }
        &self.handle
    }
}

impl Backing for WindowBytes {
    fn flushes(&self, key: &[u8]) -> bool {
        if self.rule == TimeRule::Watermark {
            return true;
        }
        let (start, flushed) = (split(key).1, self.flushed.get());
        self.flushed.set(flushed.max(start));
        flushed == NO_TIMESTAMP || start >= self.handle.visible_from_at(flushed)
    }

    #[inline]
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let (key, start) = split(key);
        self.at_its_time().get(key, start, read)
    }

    /// What is expired is not written; nobody could read it. Where time is the watermark no record comes so far that is so late: it was held back
    /// while time went on, and its change goes on all the same, so nothing was dropped.
    #[inline]
    fn put(&self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) -> Result<VersionPut, StateError> {
        let (key, start) = split(key);
        self.observe_start(start);
        let handle = self.at_its_time();
        let written = match value {
            Some(value) => handle.put(key, start, value, timestamp),
            None => handle.delete(key, start, timestamp),
        };
        if written == Written::Expired && self.rule == TimeRule::Kafka {
            self.refusals.count();
        }
        Ok(VersionPut::Latest)
    }
}

fn split(key: &[u8]) -> (&[u8], Timestamp) {
    let (key, start) = key.split_last_chunk::<8>().expect("a window's key ends with its start");
    (key, Timestamp::from_be_bytes(*start))
}
