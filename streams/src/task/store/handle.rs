//! A store as a processor sees it.

use super::call::Call;
use super::error::RowError;
use super::rows::{KeyValueRows, Written};
use crate::format::{Format, FormatError, Row};
use crate::record::Headers;
use crate::task::Stop;
use headwater_state::Direction;
use std::cell::RefCell;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::rc::Rc;

/// One store of one task, lent to a processor. Kafka: `KeyValueStore`.
///
/// Rows are read and written by value; what is written carries the time of the record at hand.
pub struct StoreHandle<K: Row, V: Row> {
    rows: Rc<KeyValueRows<K, V>>,
    call: Rc<Call>,
    key_format: K::Format,
    scratch: Vec<u8>,
    /// Why the task must stop, whatever the processor makes of the error.
    broken: RefCell<Option<Box<Stop>>>,
}

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The key cannot be written: the record is at fault.
    #[error("key of store {store}: {source}")]
    Key {
        /// The store.
        store: &'static str,
        /// What the format said.
        source: FormatError,
    },
    /// The store is not readable or writable. The task stops with the reason, so there is nothing to be done but to return.
    #[error("the store cannot be read or written")]
    Unavailable,
}

/// What operators ask of stores that user code has used.
pub trait Handles: 'static {
    /// Why the task must stop, if it must.
    fn take_stop(&self) -> Option<Box<Stop>>;
}

impl<K: Row, V: Row> StoreHandle<K, V> {
    pub(crate) fn new(rows: Rc<KeyValueRows<K, V>>, call: Rc<Call>) -> Self {
        StoreHandle { rows, call, key_format: K::Format::default(), scratch: Vec::new(), broken: RefCell::default() }
    }

    /// The row of a key.
    pub fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        let mut bytes = Vec::new();
        self.encode(key, &mut bytes)?;
        self.checked(self.rows.get(&bytes, || key.clone())).map(|found| found.map(|(row, _)| row))
    }

    /// Puts a row in the place of the one before; no row deletes.
    pub fn set(&mut self, key: &K, row: Option<&V>) -> Result<(), StoreError> {
        self.update(key, |_| row.cloned())
    }

    /// Puts a row in the place of the one before.
    pub fn put(&mut self, key: &K, row: V) -> Result<(), StoreError> {
        self.update(key, |_| Some(row))
    }

    /// Removes a row.
    pub fn delete(&mut self, key: &K) -> Result<(), StoreError> {
        self.update(key, |_| None)
    }

    /// Makes a new row of the old one, with one look-up.
    pub fn update(&mut self, key: &K, f: impl FnOnce(Option<V>) -> Option<V>) -> Result<(), StoreError> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let written = self.encode(key, &mut bytes).and_then(|()| {
            let now = self.call.now();
            let written = self.rows.update(&bytes, || key.clone(), &Headers::default(), |_, row, _| (f(row), now));
            self.checked(written)
        });
        self.scratch = bytes;
        written.map(|_: Written<K, V>| ())
    }

    /// All rows, in the order of their keys' bytes.
    pub fn all(&self) -> Result<Vec<(K, V)>, StoreError> {
        self.range(..)
    }

    /// The rows of a range of keys, in the order of their keys' bytes, by which the range goes as well.
    pub fn range(&self, keys: impl RangeBounds<K>) -> Result<Vec<(K, V)>, StoreError> {
        let mut found = Vec::new();
        self.visit(keys, Direction::Forward, |key, row| {
            found.push((key, row));
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The first row of a range of keys.
    pub fn first(&self, keys: impl RangeBounds<K>) -> Result<Option<(K, V)>, StoreError> {
        self.only(keys, Direction::Forward)
    }

    /// The last row of a range of keys.
    pub fn last(&self, keys: impl RangeBounds<K>) -> Result<Option<(K, V)>, StoreError> {
        self.only(keys, Direction::Backward)
    }

    /// Visits the rows of a range of keys, from either end, until `visit` breaks off; what lies behind is not read.
    /// While `visit` runs, the store may be read but not written; what is sent meanwhile leaves afterwards. Kafka: `range`, `reverseRange`.
    pub fn visit(
        &self, keys: impl RangeBounds<K>, direction: Direction, visit: impl FnMut(K, V) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let bound = |bound: Bound<&K>| -> Result<Bound<Vec<u8>>, StoreError> {
            let mut bytes = Vec::new();
            let (Bound::Included(key) | Bound::Excluded(key)) = bound else { return Ok(Bound::Unbounded) };
            self.encode(key, &mut bytes)?;
            Ok(if matches!(bound, Bound::Included(_)) { Bound::Included(bytes) } else { Bound::Excluded(bytes) })
        };
        let (from, to) = (bound(keys.start_bound())?, bound(keys.end_bound())?);
        let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        self.checked(self.call.during_visit(|| self.rows.scan(from, to, direction, &self.key_format, visit)))
    }

    fn only(&self, keys: impl RangeBounds<K>, direction: Direction) -> Result<Option<(K, V)>, StoreError> {
        let mut found = None;
        self.visit(keys, direction, |key, row| {
            found = Some((key, row));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    fn encode(&self, key: &K, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let encoded = self.key_format.encode(key, out).map_err(|error| self.rows.key_error(error));
        self.checked(encoded)
    }

    /// Remembers what must stop the task.
    fn checked<T>(&self, result: Result<T, RowError>) -> Result<T, StoreError> {
        result.map_err(|error| match error {
            RowError::Key { store, source } => StoreError::Key { store, source },
            other => {
                self.broken.borrow_mut().get_or_insert(other.into_stop());
                StoreError::Unavailable
            }
        })
    }
}

impl<K: Row, V: Row> KeyValueRows<K, V> {
    /// Visits the rows of a range of keys' bytes.
    pub(crate) fn scan(
        &self, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, keys: &K::Format, mut visit: impl FnMut(K, V) -> ControlFlow<()>,
    ) -> Result<(), RowError> {
        self.save()?;
        let mut failed = None;
        self.backing.last().scan(from, to, direction, &mut |key, _, value| {
            let row = keys.decode(key).map_err(|error| self.row_error(error)).and_then(|key| Ok((key, self.decode_value(value)?)));
            match row {
                Ok((key, row)) => visit(key, row),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}

impl<K: Row, V: Row> Handles for StoreHandle<K, V> {
    fn take_stop(&self) -> Option<Box<Stop>> {
        self.broken.borrow_mut().take()
    }
}

macro_rules! tuples { ($(($($handles:ident $i:tt),*))*) => { $(
    impl<$($handles: Handles),*> Handles for ($($handles,)*) {
        fn take_stop(&self) -> Option<Box<Stop>> {
            None$(.or_else(|| self.$i.take_stop()))*
        }
    }
)* } }
tuples!(() (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5));
