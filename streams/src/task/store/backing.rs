//! A byte store as a front sees it: rows by the bytes of their whole key.

use crate::record::{NO_TIMESTAMP, Timestamp};
use headwater_state::{KeyValueHandle, StateError, VersionPut, VersionedHandle};
use std::cell::Cell;
use std::rc::Rc;

/// Where rows are when they are not in the front.
pub(crate) trait Backing {
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError>;
    /// A row of this key is flushed. Under [`TimeRule::Kafka`](crate::runtime::TimeRule::Kafka): whether what it was before would still be shown, if only rows that were flushed
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
    Versions(VersionedHandle, Rc<Cell<Timestamp>>),
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
            RowBytes::Versions(handle, observed) => {
                observe(handle, observed);
                handle
            }
        }
    }

    /// Takes the time of the last commit as the store's.
    pub(super) fn resume(&self) {
        if let RowBytes::Versions(handle, observed) = self
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
            RowBytes::Versions(handle, observed) => {
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
            RowBytes::Versions(handle, _) => handle.get(key, read),
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
            RowBytes::Versions(handle, observed) => {
                observed.set(observed.get().max(timestamp));
                observe(handle, observed);
                handle.put(key, value, timestamp)
            }
        }
    }
}
