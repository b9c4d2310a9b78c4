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

/// A window that only the front shows.
struct Expired<V> {
    start: Timestamp,
    key: Vec<u8>,
    value: V,
    timestamp: Timestamp,
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
        let handle = self.backing.at_its_time();
        let expired = self.held_expired(Some(key), &starts, handle.visible_from());
        let expired = expired.into_iter().map(|row| (row.start, row.value, row.timestamp));
        match direction {
            Direction::Forward => {
                for (start, value, timestamp) in expired {
                    if found(start, value, timestamp).is_break() {
                        return Ok(());
                    }
                }
                self.fetch_visible(key, starts, direction, &mut found).map(drop)
            }
            Direction::Backward => {
                if self.fetch_visible(key, starts, direction, &mut found)?.is_continue() {
                    let _ = expired.rev().try_for_each(|(start, value, timestamp)| found(start, value, timestamp));
                }
                Ok(())
            }
        }
    }

    fn fetch_visible(
        &self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction,
        found: &mut dyn FnMut(Timestamp, V, Timestamp) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, RowError> {
        let mut ended = Ok(ControlFlow::Continue(()));
        self.backing.at_its_time().fetch(key, starts, direction, &mut |start, timestamp, value| {
            ended = self.decode_value(value).map(|value| found(start, value, timestamp));
            if matches!(ended, Ok(ControlFlow::Continue(()))) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        ended
    }

    /// The windows of the front that start in the range and have expired, by start and key; those of one key or of all. Kafka's caches show them, whether
    /// or not the store behind still has them. Where time is the watermark, what is seen must not depend on what happens to be cached.
    fn held_expired(&self, of: Option<&[u8]>, starts: &RangeInclusive<Timestamp>, visible_from: Timestamp) -> Vec<Expired<V>> {
        let mut found = Vec::new();
        if *starts.start() < visible_from && self.is_cached() && self.backing.is_by_kafkas_rule() {
            self.each_value(|bytes, value, timestamp| {
                let (key, start) = bytes.split_last_chunk().expect("a window's key ends with its start");
                let start = Timestamp::from_be_bytes(*start);
                if start < visible_from && starts.contains(&start) && of.is_none_or(|of| of == key) {
                    found.push(Expired { start, key: key.to_vec(), value: value.clone(), timestamp });
                }
            });
        }
        found.sort_unstable_by(|a, b| (a.start, &a.key).cmp(&(b.start, &b.key)));
        found
    }

    /// The windows of this size that start in the range, by start and key; the store must be indexed by time.
    pub(crate) fn by_time(&self, starts: RangeInclusive<Timestamp>, size_ms: Timestamp) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.save()?;
        let (keys, handle) = (K::Format::default(), self.backing.at_its_time());
        let held = |key: &[u8], start, value, timestamp| {
            let key = keys.decode(key).map_err(|error| self.row_error(error))?;
            Ok(Held { key: Windowed { key, start, end: start + size_ms }, value, timestamp })
        };
        let visible_from = handle.visible_from();
        let expired = self.held_expired(None, &starts, visible_from);
        let expired = expired.into_iter().map(|row| held(&row.key, row.start, row.value, row.timestamp));
        let mut found = expired.collect::<Result<Vec<_>, RowError>>()?;
        let mut failed = None;
        handle.by_time(starts.start().max(&visible_from).to_owned()..=*starts.end(), &mut |key, start, timestamp, value| match self
            .decode_value(value)
            .and_then(|value| held(key, start, value, timestamp))
        {
            Ok(row) => {
                found.push(row);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(found), Err)
    }
}
