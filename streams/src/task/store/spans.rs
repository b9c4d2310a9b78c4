//! Rows by key and window, and by key and session, in their byte store: with the time by which they expire.

use super::backing::Backing;
use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::runtime::TimeRule;
use headwater_state::{Session, Span, SpanHandle, StateError, VersionPut, Window, Written};
use std::cell::Cell;
use std::rc::Rc;

/// A window or a session as the key of a row ends with it.
pub(crate) trait KeyEnd: Span + Ord {
    /// The one with these bounds.
    fn within(start: Timestamp, end: Timestamp) -> Self;

    /// Puts it behind a key.
    fn extend(self, key: &mut Vec<u8>);

    /// Takes it off a key.
    fn split(bytes: &[u8]) -> (&[u8], Self);

    /// Start and end; 0 where the end of a window is not known here.
    fn bounds(self) -> (Timestamp, Timestamp);

    /// The time of a row: of a window that of its last update, of a session its end.
    fn time_of_row(self, stored: Timestamp) -> Timestamp;
}

/// 8 bytes, big-endian: the start.
impl KeyEnd for Window {
    fn within(start: Timestamp, _: Timestamp) -> Self {
        Window::at(start)
    }

    #[inline]
    fn extend(self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.start.to_be_bytes());
    }

    #[inline]
    fn split(bytes: &[u8]) -> (&[u8], Self) {
        let (key, start) = bytes.split_last_chunk().expect("a window's key ends with its start");
        (key, Window::at(Timestamp::from_be_bytes(*start)))
    }

    fn bounds(self) -> (Timestamp, Timestamp) {
        (self.start, 0)
    }

    #[inline]
    fn time_of_row(self, stored: Timestamp) -> Timestamp {
        stored
    }
}

/// End and start, 8 bytes each, big-endian (Kafka: `SessionKeySchema`).
impl KeyEnd for Session {
    fn within(start: Timestamp, end: Timestamp) -> Self {
        Session { end, start }
    }

    #[inline]
    fn extend(self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.end.to_be_bytes());
        key.extend_from_slice(&self.start.to_be_bytes());
    }

    #[inline]
    fn split(bytes: &[u8]) -> (&[u8], Self) {
        let (key, start) = bytes.split_last_chunk().expect("a session's key ends with its start");
        let (key, end) = key.split_last_chunk().expect("before its start stands its end");
        (key, Session { end: Timestamp::from_be_bytes(*end), start: Timestamp::from_be_bytes(*start) })
    }

    fn bounds(self) -> (Timestamp, Timestamp) {
        (self.start, self.end)
    }

    #[inline]
    fn time_of_row(self, _: Timestamp) -> Timestamp {
        self.end
    }
}

/// Rows by key bytes and, behind them, their window or session.
pub(crate) struct SpanBytes<S> {
    handle: SpanHandle<S>,
    rule: TimeRule,
    /// Under [`TimeRule::Kafka`] the largest window start or session end written, under [`TimeRule::Watermark`] the task's stream time: either way
    /// nothing expires that may still change.
    time: Rc<Cell<Timestamp>>,
    /// The largest such time that was flushed from a cache.
    flushed: Cell<Timestamp>,
    /// The time of the record that writes, where that stands in the changelog instead of the row's own: Kafka Streams has it so for sessions.
    writer: Cell<Option<Timestamp>>,
}

impl<S: KeyEnd> SpanBytes<S> {
    pub(crate) fn new(handle: SpanHandle<S>, rule: TimeRule, time: Rc<Cell<Timestamp>>) -> Self {
        SpanBytes { handle, rule, time, flushed: Cell::new(NO_TIMESTAMP), writer: Cell::default() }
    }

    pub(super) fn is_by_kafkas_rule(&self) -> bool {
        self.rule == TimeRule::Kafka
    }

    /// A record of this time writes from here on.
    #[inline]
    pub(super) fn written_by(&self, timestamp: Timestamp) {
        self.writer.set(Some(timestamp));
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
    pub(super) fn observe_stream_time(&self, stream_time: Timestamp) {
        if self.rule == TimeRule::Watermark {
            self.time.set(stream_time);
        }
    }

    /// A write moves the time, under Kafka's rule.
    #[inline]
    fn observe_write(&self, span: S) {
        if self.rule == TimeRule::Kafka {
            self.time.set(self.time.get().max(span.time()));
        }
    }

    /// Adds a value; one that is expired is not written.
    #[inline]
    pub(super) fn add(&self, key: &[u8], span: S, value: &[u8], timestamp: Timestamp) -> Written {
        self.observe_write(span);
        self.at_its_time().put(key, span, value, timestamp)
    }

    /// The store with its time as it is now; the task may have set it since, to what a commit has kept.
    #[inline]
    pub(super) fn at_its_time(&self) -> &SpanHandle<S> {
        if self.time.get() > NO_TIMESTAMP {
            self.handle.observe(self.time.get());
        }
        &self.handle
    }
}

impl<S: KeyEnd> Backing for SpanBytes<S> {
    fn flushes(&self, key: &[u8]) -> bool {
        if self.rule == TimeRule::Watermark {
            return true;
        }
        let (time, flushed) = (S::split(key).1.time(), self.flushed.get());
        self.flushed.set(flushed.max(time));
        flushed == NO_TIMESTAMP || time >= self.handle.visible_from_at(flushed)
    }

    #[inline]
    fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> Result<R, StateError> {
        let (key, span) = S::split(key);
        self.at_its_time().get(key, span, |row| read(row.map(|(stored, value)| (span.time_of_row(stored), value))))
    }

    /// What is expired is not written; nobody could read it.
    #[inline]
    fn put(&self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) -> Result<VersionPut, StateError> {
        let ((key, span), timestamp) = (S::split(key), self.writer.get().unwrap_or(timestamp));
        self.observe_write(span);
        let handle = self.at_its_time();
        match value {
            Some(value) => handle.put(key, span, value, timestamp),
            None => handle.delete(key, span, timestamp),
        };
        Ok(VersionPut::Latest)
    }
}
