//! A task's door to one of its versioned stores.

use std::cell::RefCell;
use std::rc::Rc;

use crate::store::Store;
use crate::{StateError, Timestamp, Version};

/// All versions of each key, as far back as the history reaches. Clones are the same store. KIP-889; Kafka: `VersionedKeyValueStore`.
///
/// The store's time is what [`VersionedHandle::observe`] has told it. Updates older than that time less the history are refused.
/// While a closure given to a read runs, the store may be read but not written.
#[derive(Clone)]
pub struct VersionedHandle {
    store: Rc<RefCell<Store>>,
}

/// What became of a version that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionPut {
    /// It is the latest.
    Latest,
    /// A later one is known.
    Earlier,
    /// It is older than the history, so it was refused (Kafka counts it in `dropped-records`).
    Expired,
}

impl VersionedHandle {
    pub(crate) fn new(store: Rc<RefCell<Store>>) -> Self {
        Self { store }
    }

    /// Hands the latest version to `read`, without a copy: the time from which it is valid, and its value.
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        self.store.borrow().latest(key, read)
    }

    /// The version that was valid at a time within the history, or the latest one if it is older still.
    pub fn get_as_of(&self, key: &[u8], time: Timestamp) -> Result<Option<Version>, StateError> {
        self.store.borrow().as_of(key, time)
    }

    /// Puts a version, valid from `time` to the next one that is known; no value deletes.
    pub fn put(&self, key: &[u8], value: Option<&[u8]>, time: Timestamp) -> Result<VersionPut, StateError> {
        let mut store = self.store.borrow_mut();
        let put = store.put_version(key, value, time)?;
        // What is refused changes nothing, so a restore need not know of it.
        if put != VersionPut::Expired {
            store.log_version(key, value, time);
        }
        Ok(put)
    }

    /// Moves the store's time forward; an earlier time changes nothing.
    pub fn observe(&self, time: Timestamp) {
        self.store.borrow_mut().segments_mut().observe(time);
    }

    /// Sets the store's time as it was at the last commit, which the caller has kept. An abort comes back to it.
    pub fn set_observed_time(&self, time: Timestamp) {
        self.store.borrow_mut().segments_mut().set_observed(time);
    }
}
