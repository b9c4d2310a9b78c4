//! Rows by key and session: the byte store behind them, and how they are found.

use super::backing::Backing;
use super::error::RowError;
use super::rows::SessionRows;
use super::windows::Held;
use crate::format::{Format, Row};
use crate::record::{NO_TIMESTAMP, Timestamp, Windowed};
use crate::runtime::TimeRule;
use headwater_state::{Direction, SessionHandle, StateError, VersionPut};
use std::cell::Cell;
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

/// Sessions by key bytes and, behind them, end and start: 8 bytes each, big-endian (Kafka: `SessionKeySchema`). With the time by which they expire.
pub(crate) struct SessionBytes {
    handle: SessionHandle,
    rule: TimeRule,
    /// Under [`TimeRule::Kafka`] the largest session end written, under [`TimeRule::Watermark`] the task's stream time: either way nothing expires that may still change.
    time: Rc<Cell<Timestamp>>,
    /// The largest session end that was flushed from a cache.
    flushed: Cell<Timestamp>,
    /// The time of the record that writes: in the changelog Kafka Streams has that, while the time of a session is its end.
    writer: Cell<Timestamp>,
}

impl SessionBytes {
    pub(crate) fn new(handle: SessionHandle, rule: TimeRule, time: Rc<Cell<Timestamp>>) -> Self {
        SessionBytes { handle, rule, time, flushed: Cell::new(NO_TIMESTAMP), writer: Cell::new(NO_TIMESTAMP) }
    }

    /// Takes the time of the last commit as the store's.
    pub(super) fn resume(&self, stream_time: Timestamp) {
        self.observe_stream_time(stream_time);
        if self.time.get() > NO_TIMESTAMP {
            self.handle.set_observed_time(self.time.get());
            self.flushed.set(self.time.get());
        }
    }

    #[inline]
    fn observe_stream_time(&self, stream_time: Timestamp) {
        if self.rule == TimeRule::Watermark {
            self.time.set(stream_time);
        }
    }

    /// The store with its time as it is now; the task may have set it since, to what a commit has kept.
    #[inline]
    pub(super) fn at_its_time(&self) -> &SessionHandle {
        if self.time.get() > NO_TIMESTAMP {
            self.handle.observe(self.time.get());
        }
        &self.handle
    }
}

impl Backing for SessionBytes {
    fn flushes(&self, key: &[u8]) -> bool {
        if self.rule == TimeRule::Watermark {
            return true;
        }
        let (end, flushed) = (split(key).2, self.flushed.get());
        self.flushed.set(flushed.max(end));
        flushed == NO_TIMESTAMP || end >= self.handle.visible_from_at(flushed)
    }

    #[inline]
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let (key, start, end) = split(key);
        self.at_its_time().get(key, start, end, |row| read(row.map(|(_, value)| (end, value))))
    }

    /// What is expired is not written; nobody could read it.
    #[inline]
    fn put(&self, key: &[u8], value: Option<&[u8]>, _: Timestamp) -> Result<VersionPut, StateError> {
        let ((key, start, end), timestamp) = (split(key), self.writer.get());
        if self.rule == TimeRule::Kafka {
            self.time.set(self.time.get().max(end));
        }
        let handle = self.at_its_time();
        match value {
            Some(value) => handle.put(key, start, end, value, timestamp),
            None => handle.delete(key, start, end, timestamp),
        };
        Ok(VersionPut::Latest)
    }
}

pub(super) fn split(key: &[u8]) -> (&[u8], Timestamp, Timestamp) {
    let (key, start) = key.split_last_chunk::<8>().expect("a session's key ends with its start");
    let (key, end) = key.split_last_chunk::<8>().expect("before its start stands its end");
    (key, Timestamp::from_be_bytes(*start), Timestamp::from_be_bytes(*end))
}

/// Puts end and start behind a key.
pub(crate) fn extend_with_session(key: &mut Vec<u8>, start: Timestamp, end: Timestamp) {
    key.extend_from_slice(&end.to_be_bytes());
    key.extend_from_slice(&start.to_be_bytes());
}

impl<K: Row, V: Row> SessionRows<K, V> {
    /// The task's stream time moves on, and with it what the store still shows.
    #[inline]
    pub(crate) fn observe_stream_time(&self, stream_time: Timestamp) {
        self.backing.observe_stream_time(stream_time);
    }

    /// A record of this time writes from here on.
    #[inline]
    pub(crate) fn written_by(&self, timestamp: Timestamp) {
        self.backing.writer.set(timestamp);
    }

    /// The sessions of a key that end at `earliest_end` or later and start at `latest_start` or before, the earliest first.
    pub(crate) fn find(
        &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, mut found: impl FnMut(Timestamp, Timestamp, V),
    ) -> Result<(), RowError> {
        self.save()?;
        let mut failed = None;
        let handle = self.backing.at_its_time();
        for (end, start, value) in self.held_expired(key, earliest_end, latest_start, handle.visible_from()) {
            found(start, end, value);
        }
        handle.find(key, earliest_end, latest_start, Direction::Forward, &mut |start, end, _, value| match self.decode_value(value) {
            Ok(value) => {
                found(start, end, value);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// End, start and value of the sessions of the front that have expired, the earliest first: Kafka's caches show them, whether or not the store behind still
    /// has them. Where time is the watermark, what is seen must not depend on what happens to be cached.
    fn held_expired(
        &self, of: &[u8], earliest_end: Timestamp, latest_start: Timestamp, visible_from: Timestamp,
    ) -> Vec<(Timestamp, Timestamp, V)> {
        let mut found = Vec::new();
        if earliest_end < visible_from && self.is_cached() && self.backing.rule == TimeRule::Kafka {
            self.each_value(|bytes, value, _| {
                let (key, start, end) = split(bytes);
                if key == of && (earliest_end..visible_from).contains(&end) && start <= latest_start {
                    found.push((end, start, value.clone()));
                }
            });
        }
        found.sort_unstable_by_key(|(end, start, _)| (*end, *start));
        found
    }

    /// The sessions that end in the range, by end, start and key; the store must be indexed by time.
    pub(crate) fn by_time(&self, ends: RangeInclusive<Timestamp>) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.save()?;
        let (mut found, mut failed, keys) = (Vec::new(), None, K::Format::default());
        self.backing.at_its_time().by_time(ends, &mut |key, start, end, _, value| {
            let row = keys.decode(key).map_err(|error| self.row_error(error)).and_then(|key| Ok((key, self.decode_value(value)?)));
            match row {
                Ok((key, value)) => {
                    found.push(Held { key: Windowed { key, start, end }, value, timestamp: end });
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
