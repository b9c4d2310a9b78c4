//! Aggregation by key and sliding window: one window ends at each record, and one begins right behind each record that has others after it,
//! both ends included. Kafka: `KStreamSlidingWindowAggregate` (KIP-450).
//!
//! All windows that hold the record are there already, but for up to three: the one that ends at the record, the one behind it, and the one
//! behind the record before it.

use super::aggregate::Fold;
use super::emit::Emit;
use super::lateness::{Windows, observe};
use super::{Initial, Operator};
use crate::format::{Format, Nullable, Row};
use crate::record::{Headers, Record, Timestamp, Windowed};
use crate::task::store::{KeyEnd, RowError, WindowRows};
use crate::task::{Context, Flow};
use headwater_state::{Direction, Window};
use std::cell::Cell;
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;
use std::sync::Arc;

/// One sliding aggregation of one task.
pub(crate) struct SlidingAggregate<K: Row, A: Row, F, E> {
    pub(crate) diff_ms: Timestamp,
    pub(crate) grace_ms: Timestamp,
    pub(crate) fold: Arc<F>,
    /// What an aggregate begins as, for those who ask what it was before.
    pub(crate) initial: Initial<A>,
    pub(crate) rows: Rc<WindowRows<K, A>>,
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) emit: E,
    pub(crate) bytes: Vec<u8>,
}

/// A window as the store has it; its timestamp is that of the latest record in it.
#[derive(Clone)]
struct Found<A> {
    start: Timestamp,
    value: A,
    latest: Timestamp,
}

/// The record at hand.
struct Arrival<'a, K, V> {
    key: &'a K,
    value: &'a V,
    timestamp: Timestamp,
    headers: &'a Headers,
    /// A window that ends before this takes no more records.
    close: Timestamp,
    windows: Windows,
}

impl<K: Row, V: Nullable, A: Row, F: Fold<K, V::Present, A>, E: Emit<K, A>> Operator<K, V> for SlidingAggregate<K, A, F, E> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let Some(value) = value.into_present() else {
            task.drop_record();
            return Ok(());
        };
        let time = observe(&self.observed, timestamp, task);
        self.rows.observe_stream_time(self.emit.expires_by(task));
        self.bytes.clear();
        if let Err(error) = K::Format::default().encode(&key, &mut self.bytes) {
            return self.rows.key_error(error).settle(self.emit.stage(), task);
        }
        let close = time - self.grace_ms;
        if timestamp + self.diff_ms < close {
            Windows { entered: 0, rejected: 1 }.report_late(self.emit.stage(), task);
            return Ok(());
        }
        let (key, value, headers) = (&key, &value, &headers);
        let mut arrival = Arrival { key, value, timestamp, headers, close, windows: Windows::default() };
        let is_early = timestamp < self.diff_ms;
        match is_early {
            true => self.add_early(&mut arrival, task)?,
            false => self.add(&mut arrival, task)?,
        }
        arrival.windows.report_late(self.emit.stage(), task);
        // As in Kafka, a record that is early closes nothing.
        if is_early { Ok(()) } else { self.emit.after_record(time, headers, task) }
    }
}

impl<K: Row, A: Row, F, E: Emit<K, A>> SlidingAggregate<K, A, F, E> {
    /// The windows are seen from the latest start down: those that hold the record, then the first one that ended before it. What that one
    /// holds tells which record was the last before this one.
    fn add<V: Clone>(&mut self, arrival: &mut Arrival<'_, K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        let Arrival { timestamp, .. } = *arrival;
        let starts = (timestamp - 2 * self.diff_ms).max(0)..=timestamp + 1;
        let found = match self.fetch(starts, Direction::Backward, timestamp - self.diff_ms) {
            Ok(found) => found,
            Err(error) => return error.settle(self.emit.stage(), task),
        };
        let (mut right, mut left, mut before) = (None, None, None);
        let (mut has_right, mut has_left) = (false, false);
        for window in &found {
            let end = window.start + self.diff_ms;
            if window.start == timestamp + 1 {
                has_right = true;
            } else if end > timestamp {
                right.get_or_insert(window);
                self.update(window, arrival, task)?;
            } else if end == timestamp {
                has_left = true;
                self.update(window, arrival, task)?;
                // There was a record at this very time: all its windows are there.
                if window.latest >= timestamp {
                    return Ok(());
                }
                before = Some(window.latest);
            } else {
                left = Some(window);
                before = Some(window.latest);
            }
        }
        let starts_at = |start: Timestamp| found.iter().any(|window| window.start == start);
        if let Some(behind) = before.map(|before| before + 1).filter(|start| !starts_at(*start) && start + self.diff_ms >= timestamp) {
            self.create(behind, None, arrival, task)?;
        }
        if !has_left {
            let reaches = before.is_some_and(|before| timestamp - self.diff_ms <= before);
            let held = left.filter(|_| reaches).map(|window| window.value.clone());
            self.create(timestamp - self.diff_ms, held, arrival, task)?;
        }
        match right.filter(|window| !has_right && window.latest > timestamp) {
            Some(window) => self.create_own_right(window, arrival, task),
            None => Ok(()),
        }
    }

    /// No window begins before the epoch, so that all records up to the size share the one that begins there.
    fn add_early<V: Clone>(&mut self, arrival: &mut Arrival<'_, K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        let Arrival { timestamp, .. } = *arrival;
        let found = match self.fetch(0..=timestamp + 1, Direction::Forward, Timestamp::MIN) {
            Ok(found) => found,
            Err(error) => return error.settle(self.emit.stage(), task),
        };
        let (mut combined, mut right, mut before, mut has_right) = (None, None, None, false);
        for window in &found {
            if window.start == 0 {
                combined = Some(window);
                before = Some(window.latest).filter(|latest| *latest < timestamp);
            } else if window.start <= timestamp {
                right = Some(window);
                self.update(window, arrival, task)?;
            } else {
                has_right = true;
            }
        }
        // Without a window that begins between, all that the combined one holds came later.
        let right = right.or(combined);
        if let Some(window) = right.filter(|window| !has_right && window.latest > timestamp) {
            self.create_own_right(window, arrival, task)?;
        }
        let starts_at = |start: Timestamp| found.iter().any(|window| window.start == start);
        if let Some(behind) = before.map(|before| before + 1).filter(|start| !starts_at(*start)) {
            self.create(behind, None, arrival, task)?;
        }
        match combined {
            Some(window) => self.update(window, arrival, task),
            None => self.create(0, None, arrival, task),
        }
    }

    /// The windows of the key with such starts, up to the first one that starts before `enough`.
    fn fetch(&self, starts: RangeInclusive<Timestamp>, direction: Direction, enough: Timestamp) -> Result<Vec<Found<A>>, RowError> {
        let mut found = Vec::new();
        self.rows.fetch(&self.bytes, starts, direction, |start, value, latest| {
            found.push(Found { start, value, latest });
            if start < enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    /// The record goes into a window that is there.
    fn update<V: Clone>(&mut self, window: &Found<A>, arrival: &mut Arrival<'_, K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        if !self.takes(window.start, arrival) {
            return Ok(());
        }
        let new = (self.fold)(arrival.key, arrival.value.clone(), Some(window.value.clone()));
        let held = Some((window.value.clone(), window.latest));
        self.put(window.start, held, new, window.latest.max(arrival.timestamp), None, arrival, task)
    }

    /// A new window with the record in it, and what another window held before.
    fn create<V: Clone>(&mut self, start: Timestamp, held: Option<A>, arrival: &mut Arrival<'_, K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        if !self.takes(start, arrival) {
            return Ok(());
        }
        let initial = held.clone().or_else(|| (self.initial)());
        let new = (self.fold)(arrival.key, arrival.value.clone(), held);
        self.put(start, None, new, arrival.timestamp, initial, arrival, task)
    }

    /// A new window right behind the record, with what came after it and without the record itself.
    fn create_own_right<V>(&mut self, window: &Found<A>, arrival: &Arrival<'_, K, V>, task: &mut Context) -> Flow {
        self.put(arrival.timestamp + 1, None, Some(window.value.clone()), window.latest, None, arrival, task)
    }

    fn takes<V>(&self, start: Timestamp, arrival: &mut Arrival<'_, K, V>) -> bool {
        let takes = start + self.diff_ms >= arrival.close;
        match takes {
            true => arrival.windows.entered += 1,
            false => arrival.windows.rejected += 1,
        }
        takes
    }

    #[allow(clippy::too_many_arguments, reason = "a row before and after, with its place")]
    fn put<V>(
        &mut self, start: Timestamp, held: Option<(A, Timestamp)>, new: Option<A>, timestamp: Timestamp, initial: Option<A>,
        arrival: &Arrival<'_, K, V>, task: &mut Context,
    ) -> Flow {
        let key_len = self.bytes.len();
        Window::at(start).extend(&mut self.bytes);
        let key = Windowed { key: arrival.key.clone(), start, end: start + self.diff_ms };
        let written = self.rows.replace(&self.bytes, key, arrival.headers, held, new, timestamp);
        self.bytes.truncate(key_len);
        self.emit.written(written, || initial, task)
    }
}
