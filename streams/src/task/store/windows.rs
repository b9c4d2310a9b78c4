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
        let mut visit = |start, timestamp, value: &[u8]| match self.decode_value(value) {
            Ok(value) => found(start, value, timestamp),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let handle = self.backing.at_its_time();
        if self.shows_held() {
            let shown = self.shown(handle.visible_from());
            handle.fetch_kept(key, starts, direction, &mut |start, timestamp, value| {
                if shown(key, start) { visit(start, timestamp, value) } else { ControlFlow::Continue(()) }
            })?;
        } else {
            handle.fetch(key, starts, direction, &mut visit)?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether rows that stand in the front are shown though they have expired: Kafka's caches do so. Where time is the watermark, what is seen must
    /// not depend on what happens to be cached.
    fn shows_held(&self) -> bool {
        self.is_cached() && self.backing.is_by_kafkas_rule()
    }

    /// Whether a window is shown, by key and start.
    fn shown(&self, visible_from: Timestamp) -> impl Fn(&[u8], Timestamp) -> bool {
        move |key, start| start >= visible_from || self.shows_held() && self.holds(&[key, &start.to_be_bytes()].concat())
    }

    /// The windows of this size that start in the range, by start and key; the store must be indexed by time.
    pub(crate) fn by_time(&self, starts: RangeInclusive<Timestamp>, size_ms: Timestamp) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.save()?;
        let (mut found, mut failed, keys) = (Vec::new(), None, K::Format::default());
        let handle = self.backing.at_its_time();
        let shown = self.shown(handle.visible_from());
        handle.by_time(starts, &mut |key, start, timestamp, value| {
            if !shown(key, start) {
                return ControlFlow::Continue(());
            }
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
