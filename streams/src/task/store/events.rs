//! Events by key and time, for joins of streams: several of one key and time stay apart, in the order in which they came.

use super::error::RowError;
use super::spans::SpanBytes;
use crate::format::{Format, FormatError, Row};
use crate::record::Timestamp;
use headwater_state::{Direction, Window, Written};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

/// One such store of one task. Kafka: a window store that retains duplicates. It has no front: each event is written once and read as seldom as it matches.
pub(crate) struct EventRows<K, V: Row> {
    store: &'static str,
    backing: SpanBytes<Window>,
    /// The number of the last event. It must survive: a number that came back would overwrite an event of the same key and time.
    sequence: Rc<Cell<i64>>,
    value_format: V::Format,
    scratch: RefCell<Vec<u8>>,
    keys: PhantomData<fn() -> K>,
}

/// Kafka begins anew after this number.
const LAST_NUMBER: i64 = 0x7fff_ffff;

impl<K: Row, V: Row> EventRows<K, V> {
    pub(crate) fn new(store: &'static str, backing: SpanBytes<Window>, sequence: Rc<Cell<i64>>) -> Self {
        EventRows { store, backing, sequence, value_format: V::Format::default(), scratch: RefCell::default(), keys: PhantomData }
    }

    pub(crate) fn key_error(&self, source: FormatError) -> RowError {
        RowError::Key { store: self.store, source }
    }

    /// The task's stream time moves on, and with it what the store still shows.
    #[inline]
    pub(crate) fn observe_stream_time(&self, stream_time: Timestamp) {
        self.backing.observe_stream_time(stream_time);
    }

    /// Adds an event; one whose whole segment has expired is not kept.
    pub(crate) fn add(&self, key: &[u8], timestamp: Timestamp, value: &V) -> Result<Written, RowError> {
        self.with_encoded(value, |bytes| {
            // The first one has number 1, as in Kafka; a store that is new knows of none (-1).
            let number = (self.sequence.get().max(0) + 1) & LAST_NUMBER;
            self.sequence.set(number);
            Ok(self.backing.add(key, Window { start: timestamp, number: number as u32 }, bytes, timestamp))
        })
    }

    /// A value as the store would write it.
    pub(crate) fn with_encoded<T>(&self, value: &V, then: impl FnOnce(&[u8]) -> Result<T, RowError>) -> Result<T, RowError> {
        let mut encoded = self.scratch.borrow_mut();
        encoded.clear();
        self.value_format.encode(value, &mut encoded).map_err(|source| RowError::Row { store: self.store, source })?;
        then(&encoded)
    }

    /// Appends the events of a key within these times to `found`, by time and then as they came.
    pub(crate) fn fetch(&self, key: &[u8], times: RangeInclusive<Timestamp>, found: &mut Vec<(Timestamp, V)>) -> Result<(), RowError> {
        let mut failed = None;
        self.backing.at_its_time().fetch(key, times, Direction::Forward, &mut |Window { start: timestamp, .. }, _, bytes| match self
            .value_format
            .decode(bytes)
        {
            Ok(value) => {
                found.push((timestamp, value));
                ControlFlow::Continue(())
            }
            Err(source) => {
                failed = Some(RowError::Row { store: self.store, source });
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}
