//! A task's door to one of its key-value stores.

use std::cell::RefCell;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

use crate::segments::Holder;
use crate::span_scan::Scan;
use crate::store::Store;
use crate::{Direction, StateError, Timestamp};

/// One value with a timestamp per key. Clones are the same store.
///
/// Reads see the writes of the running commit interval. While a closure given to a read runs, the store may be read but not written.
#[derive(Clone)]
pub struct KeyValueHandle {
    store: Rc<RefCell<Store>>,
}

impl KeyValueHandle {
    pub(crate) fn new(store: Rc<RefCell<Store>>) -> Self {
        Self { store }
    }

    /// Hands timestamp and value of `key` to `read`, without a copy.
    pub fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        self.store.borrow().get(Holder::Both, key, read)
    }

    /// Stores a value.
    pub fn put(&self, key: &[u8], value: &[u8], timestamp: Timestamp) {
        self.store.borrow_mut().write(key, Some(value), timestamp);
    }

    /// Removes a value. The timestamp goes to the changelog.
    pub fn delete(&self, key: &[u8], timestamp: Timestamp) {
        self.store.borrow_mut().write(key, None, timestamp);
    }

    /// Visits key, timestamp and value between the bounds, in the unsigned order of the keys' bytes, until `visit` breaks off.
    pub fn scan(
        &self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.store.borrow().scan(Holder::Both, from, to, direction, visit)
    }
}
