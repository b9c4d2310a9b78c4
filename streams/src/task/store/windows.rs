//! How rows of windows are found.

use super::error::RowError;
use super::rows::WindowRows;
use crate::format::{Format, Row};
use crate::record::{Timestamp, Windowed};
use headwater_state::Direction;
use std::ops::{ControlFlow, RangeInclusive};

/// A row as a store has it.
pub(crate) struct Held<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) timestamp: Timestamp,
}

impl<K: Row, V: Row> WindowRows<K, V> {
    /// The task's stream time moves on, and with it what the store still shows.
    #[inline]
    pub(crate) fn observe_stream_time(&self, stream_time: Timestamp) {
        self.backing.observe_stream_time(stream_time);
    }

    /// Start, value and time of the windows of a key that start in the range, until `found` breaks off.
    pub(crate) fn fetch(
        &self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction,
        mut found: impl FnMut(Timestamp, V, Timestamp) -> ControlFlow<()>,
    ) -> Result<(), RowError> {
        self.save()?;
        let mut failed = None;
        self.backing.at_its_time().fetch(key, starts, direction, &mut |start, timestamp, value| match self.decode_value(value) {
            Ok(value) => found(start, value, timestamp),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// The windows of this size that start in the range, by start and key; the store must be indexed by time.
    pub(crate) fn by_time(&self, starts: RangeInclusive<Timestamp>, size_ms: Timestamp) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.save()?;
        let (mut found, mut failed, keys) = (Vec::new(), None, K::Format::default());
        self.backing.at_its_time().by_time(starts, &mut |key, start, timestamp, value| {
            let row = keys.decode(key).map_err(|error| self.row_error(error)).and_then(|key| Ok((key, self.decode_value(value)?)));
            match row {
                Ok((key, value)) => {
                    found.push(Held { key: Windowed { key, start, end: start + size_ms }, value, timestamp });
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(found), Err)
    }
}
