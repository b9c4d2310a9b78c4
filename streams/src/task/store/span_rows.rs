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

/// A row that only the front shows.
struct Expired<S, V> {
    span: S,
    key: Vec<u8>,
    value: V,
    timestamp: Timestamp,
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
        let mut expired = self.held_expired(Some(key), &times).into_iter().filter(|row| wanted(row.span));
        match direction {
            Direction::Forward => {
                if expired.try_for_each(|row| found(row.span, row.value, row.timestamp)).is_continue() {
                    self.visible_rows_of(key, times, direction, wanted, found).map(drop)?;
                }
            }
            Direction::Backward => {
                if self.visible_rows_of(key, times, direction, &wanted, &mut found)?.is_continue() {
                    let _ = expired.rev().try_for_each(|row| found(row.span, row.value, row.timestamp));
                }
            }
        }
        Ok(())
    }

    fn visible_rows_of(
        &self, key: &[u8], times: RangeInclusive<Timestamp>, direction: Direction, wanted: impl Fn(S) -> bool,
        mut found: impl FnMut(S, V, Timestamp) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, RowError> {
        let mut ended = Ok(ControlFlow::Continue(()));
        self.backing.at_its_time().fetch(key, times, direction, &mut |span, timestamp, value| {
            if wanted(span) {
                ended = self.decode_value(value).map(|value| found(span, value, span.time_of_row(timestamp)));
            }
            ended.as_ref().map_or(ControlFlow::Break(()), |flow| *flow)
        })?;
        ended
    }

    /// The rows of the front with times in the range that have expired, by span and key; those of one key or of all. Kafka's caches show them, whether
    /// or not the store behind still has them. Where time is the watermark, what is seen must not depend on what happens to be cached.
    fn held_expired(&self, of: Option<&[u8]>, times: &RangeInclusive<Timestamp>) -> Vec<Expired<S, V>> {
        let (mut found, visible_from) = (Vec::new(), self.backing.at_its_time().visible_from());
        if *times.start() < visible_from && self.is_cached() && self.backing.is_by_kafkas_rule() {
            self.each_value(|bytes, value, timestamp| {
                let (key, span) = S::split(bytes);
                if span.time() < visible_from && times.contains(&span.time()) && of.is_none_or(|of| of == key) {
                    found.push(Expired { span, key: key.to_vec(), value: value.clone(), timestamp: span.time_of_row(timestamp) });
                }
            });
        }
        found.sort_unstable_by(|a, b| (a.span, &a.key).cmp(&(b.span, &b.key)));
        found
    }

    /// Adds the rows with times in the range that are not removed, by span and key; the store must be indexed by time.
    fn add_by_time(
        &self, times: RangeInclusive<Timestamp>, windowed: impl Fn(K, S) -> Windowed<K>, rows: &mut Vec<Held<Windowed<K>, V>>,
    ) -> Result<(), RowError> {
        let mut failed = None;
        self.backing.at_its_time().by_time(times, &mut |key, span, timestamp, value| {
            let held = self.decode_value(value).and_then(|value| self.held(key, span, value, span.time_of_row(timestamp), &windowed));
            match held {
                Ok(row) => {
                    rows.push(row);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn held(
        &self, key: &[u8], span: S, value: V, timestamp: Timestamp, windowed: &impl Fn(K, S) -> Windowed<K>,
    ) -> Result<Held<Windowed<K>, V>, RowError> {
        let key = K::Format::default().decode(key).map_err(|error| self.row_error(error))?;
        Ok(Held { key: windowed(key, span), value, timestamp })
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
        self.save()?;
        let windowed = |key, Window { start, .. }: Window| Windowed { key, start, end: start + size_ms };
        let expired = self.held_expired(None, &starts).into_iter();
        let held = expired.map(|row| self.held(&row.key, row.span, row.value, row.timestamp, &windowed));
        let mut rows = held.collect::<Result<Vec<_>, RowError>>()?;
        let visible_from = self.backing.at_its_time().visible_from();
        self.add_by_time(visible_from.max(*starts.start())..=*starts.end(), windowed, &mut rows)?;
        Ok(rows)
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
        self.save()?;
        let mut rows = Vec::new();
        self.add_by_time(ends, |key, Session { start, end }| Windowed { key, start, end }, &mut rows)?;
        Ok(rows)
    }
}
