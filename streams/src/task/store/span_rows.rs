//! How rows of windows and of sessions are found.

use super::error::RowError;
use super::rows::{SessionRows, SpanRows, WindowRows};
use super::spans::KeyEnd;
use crate::format::{Format, Row};
use crate::record::{Timestamp, Windowed};
use headwater_state::{Direction, Session, Window};
use std::ops::{ControlFlow, RangeInclusive};

/// A row as a store has it.
pub(crate) struct Held<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) timestamp: Timestamp,
}

impl<K: Row, V: Row, S: KeyEnd> SpanRows<K, V, S> {
    /// The task's stream time moves on, and with it what the store still shows.
    #[inline]
    pub(crate) fn observe_stream_time(&self, stream_time: Timestamp) {
        self.backing.observe_stream_time(stream_time);
    }

    /// Span, value and time of the rows of a key with times in the range that are `wanted`, until `found` breaks off.
    fn rows_of(
        &self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction, wanted: impl Fn(S) -> bool,
        mut found: impl FnMut(S, V, Timestamp) -> ControlFlow<()>,
    ) -> Result<(), RowError> {
        self.save()?;
        let mut failed = None;
        let mut visit = |span: S, timestamp, value: &[u8]| {
            if !wanted(span) {
                return ControlFlow::Continue(());
            }
            match self.decode_value(value) {
                Ok(value) => found(span, value, span.time_of_row(timestamp)),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let handle = self.backing.at_its_time();
        if self.shows_held() {
            let shown = self.shown();
            handle.fetch_kept(key, times, direction, &mut |span, timestamp, value| {
                if shown(key, span) { visit(span, timestamp, value) } else { ControlFlow::Continue(()) }
            })?;
        } else {
            handle.fetch(key, times, direction, &mut visit)?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether rows that stand in the front are shown though they have expired: Kafka's caches do so. Where time is the watermark, what is seen must
    /// not depend on what happens to be cached.
    fn shows_held(&self) -> bool {
        self.is_cached() && self.backing.is_by_kafkas_rule()
    }

    /// Whether a row is shown.
    fn shown(&self) -> impl Fn(&[u8], S) -> bool {
        let visible_from = self.backing.at_its_time().visible_from();
        move |key, span| span.time() >= visible_from || self.shows_held() && self.holds_row(key, span)
    }

    fn holds_row(&self, key: &[u8], span: S) -> bool {
        let mut bytes = key.to_vec();
        span.extend(&mut bytes);
        self.holds(&bytes)
    }

    /// The rows with times in the range that are `wanted`, by span and key; the store must be indexed by time.
    fn rows_by_time(
        &self, times: RangeInclusive<Timestamp>, wanted: impl Fn(&[u8], S) -> bool, windowed: impl Fn(K, S) -> Windowed<K>,
    ) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.save()?;
        let (mut found, mut failed, keys) = (Vec::new(), None, K::Format::default());
        self.backing.at_its_time().by_time(times, &mut |key, span, timestamp, value| {
            if !wanted(key, span) {
                return ControlFlow::Continue(());
            }
            let row = keys.decode(key).map_err(|error| self.row_error(error)).and_then(|key| Ok((key, self.decode_value(value)?)));
            match row {
                Ok((key, value)) => {
                    found.push(Held { key: windowed(key, span), value, timestamp: span.time_of_row(timestamp) });
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

impl<K: Row, V: Row> WindowRows<K, V> {
    /// Start, value and time of the windows of a key that start in the range, until `found` breaks off.
    pub(crate) fn fetch(
        &self, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction,
        mut found: impl FnMut(Timestamp, V, Timestamp) -> ControlFlow<()>,
    ) -> Result<(), RowError> {
        self.rows_of(key, starts, direction, |_| true, |window, value, timestamp| found(window.start, value, timestamp))
    }

    /// The windows of this size that start in the range, by start and key; the store must be indexed by time.
    pub(crate) fn by_time(&self, starts: RangeInclusive<Timestamp>, size_ms: Timestamp) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.rows_by_time(starts, self.shown(), |key, Window { start, .. }| Windowed { key, start, end: start + size_ms })
    }
}

impl<K: Row, V: Row> SessionRows<K, V> {
    /// A record of this time writes from here on.
    #[inline]
    pub(crate) fn written_by(&self, timestamp: Timestamp) {
        self.backing.written_by(timestamp);
    }

    /// The sessions of a key that end at `earliest_end` or later and start at `latest_start` or before, the earliest first.
    pub(crate) fn find(
        &self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, mut found: impl FnMut(Session, V),
    ) -> Result<(), RowError> {
        let (ends, is_wanted) = (earliest_end..=Timestamp::MAX, |session: Session| session.start <= latest_start);
        self.rows_of(key, ends, Direction::Forward, is_wanted, |session, value, _| {
            found(session, value);
            ControlFlow::Continue(())
        })
    }

    /// The sessions that end in the range, by end, start and key; the store must be indexed by time. As in Kafka, whatever is not removed is shown.
    pub(crate) fn by_time(&self, ends: RangeInclusive<Timestamp>) -> Result<Vec<Held<Windowed<K>, V>>, RowError> {
        self.rows_by_time(ends, |_, _| true, |key, Session { start, end }| Windowed { key, start, end })
    }
}
