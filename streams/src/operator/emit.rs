//! When the results of windows go on: with every update, or once, when the window has closed (KIP-825).

use super::windows::TimeWindows;
use super::{Outlet, Update};
use crate::format::{Format, Row};
use crate::record::{Change, Headers, NO_TIMESTAMP, Record, Timestamp, Windowed};
use crate::runtime::TimeRule;
use crate::task::store::{Held, RowError, Written};
use crate::task::{Context, Flow};
use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

/// What a window aggregation does with what it has written.
pub(crate) trait Emit<K, A> {
    fn stage(&self) -> &Arc<str>;
    /// Under [`TimeRule::Watermark`]: the time by which windows may expire.
    fn expires_by(&self, task: &Context) -> Timestamp;
    /// A row was written. `initial` is what it counts as having been before, where that is not what the store says.
    fn written(
        &mut self, written: Result<Written<Windowed<K>, A>, RowError>, initial: impl FnOnce() -> Option<A>, task: &mut Context,
    ) -> Flow;
    /// A record was taken in; `time` is the operator's.
    fn after_record(&mut self, time: Timestamp, headers: &Headers, task: &mut Context) -> Flow;
}

impl<K: Clone, A: Clone> Emit<K, A> for Update<Windowed<K>, A> {
    #[inline]
    fn stage(&self) -> &Arc<str> {
        Update::stage(self)
    }

    #[inline]
    fn expires_by(&self, task: &Context) -> Timestamp {
        task.stream_time()
    }

    #[inline]
    fn written(
        &mut self, written: Result<Written<Windowed<K>, A>, RowError>, initial: impl FnOnce() -> Option<A>, task: &mut Context,
    ) -> Flow {
        self.forward_from(written, initial, task)
    }

    #[inline]
    fn after_record(&mut self, _: Timestamp, _: &Headers, _: &mut Context) -> Flow {
        Ok(())
    }
}

/// How windows close, and which of them are to be emitted when time has come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Aligned windows, found by their starts.
    Time(TimeWindows),
    /// Sliding windows, found by their starts; both ends belong to the window.
    Sliding { diff_ms: Timestamp, grace_ms: Timestamp },
    /// Sessions, found by their ends; both ends belong to the session.
    Session { gap_ms: Timestamp, grace_ms: Timestamp },
}

impl Closing {
    /// How far behind the operator's time the close is.
    pub(crate) fn lag_ms(self) -> Timestamp {
        match self {
            Closing::Time(windows) => windows.grace_ms,
            Closing::Sliding { grace_ms, .. } => grace_ms,
            Closing::Session { gap_ms, grace_ms } => gap_ms + grace_ms,
        }
    }

    /// What of the index by time has closed since `last`, when `close` is the present. Kafka: `emitRangeLowerBound`, `emitRangeUpperBound`, `shouldRangeFetch`.
    fn closed(self, last: Timestamp, close: Timestamp) -> Option<RangeInclusive<Timestamp>> {
        let range = match self {
            Closing::Time(windows) => {
                let from = if last == NO_TIMESTAMP { 0 } else { (last - windows.size_ms).max(0) + 1 };
                from..=close - windows.size_ms
            }
            Closing::Sliding { diff_ms, .. } => {
                let from = if last == NO_TIMESTAMP { 0 } else { (last - diff_ms).max(0) };
                from..=close - diff_ms - 1
            }
            Closing::Session { .. } => last.max(0)..=close - 1,
        };
        if *range.end() < 0 {
            return None;
        }
        let worth_while = match self {
            // Between two starts there is nothing to be found.
            Closing::Time(windows) => last == NO_TIMESTAMP || !windows.starts(*range.end()).eq(windows.starts(*range.start() - 1)),
            Closing::Sliding { .. } => true,
            Closing::Session { .. } => !range.is_empty(),
        };
        worth_while.then_some(range)
    }
}

/// What a store with an index by time finds.
pub(crate) type ByTime<K, A> = Box<dyn Fn(RangeInclusive<Timestamp>) -> Result<Vec<Held<Windowed<K>, A>>, RowError>>;

/// The results of windows that have closed. Kafka: `EmitStrategy.onWindowClose`, `AbstractKStreamTimeWindowAggregateProcessor`.
pub(crate) struct Finals<K, A> {
    stage: Arc<str>,
    closing: Closing,
    by_time: ByTime<K, A>,
    /// The close up to which all was emitted. It survives a restart.
    emitted: Rc<Cell<Timestamp>>,
    next: Outlet<Windowed<K>, Change<A>>,
}

impl<K: Row, A: Row> Finals<K, A> {
    pub(crate) fn new(
        stage: Arc<str>, closing: Closing, by_time: ByTime<K, A>, emitted: Rc<Cell<Timestamp>>, next: Outlet<Windowed<K>, Change<A>>,
    ) -> Self {
        Finals { stage, closing, by_time, emitted, next }
    }

    /// Takes what has closed by this time of the operator.
    fn take_closed(&mut self, time: Timestamp) -> Result<Vec<Held<Windowed<K>, A>>, RowError> {
        let (last, close) = (self.emitted.get(), time - self.closing.lag_ms());
        if last != NO_TIMESTAMP && last >= close {
            return Ok(Vec::new());
        }
        let Some(range) = self.closing.closed(last, close) else { return Ok(Vec::new()) };
        let found = (self.by_time)(range)?;
        self.emitted.set(close);
        Ok(found)
    }

    fn record(&self, row: Held<Windowed<K>, A>, headers: &Headers) -> Record<Windowed<K>, Change<A>> {
        let timestamp = if matches!(self.closing, Closing::Session { .. }) { row.key.end } else { row.timestamp };
        Record { key: row.key, value: Change::new(None, Some(row.value)), timestamp, headers: headers.clone() }
    }

    /// Emits what the record at hand has closed.
    fn emit(&mut self, time: Timestamp, headers: &Headers, task: &mut Context) -> Flow {
        let closed = match self.take_closed(time) {
            Ok(closed) => closed,
            Err(error) => return error.settle(&self.stage, task),
        };
        for row in closed {
            let record = self.record(row, headers);
            self.next.send(record, task)?;
        }
        Ok(())
    }

    /// Emits what stream time has closed, outside of any record.
    pub(crate) fn emit_detached(&mut self, task: &mut Context) -> Flow {
        let closed = self.take_closed(task.stream_time()).map_err(RowError::into_stop)?;
        for row in closed {
            let record = self.record(row, &Headers::default());
            let (key, value) = (record.key.clone(), record.value.new.clone());
            task.detached(|| (encode(&key.key), value.and_then(|value| encode(&value))), |task| self.next.send(record, task))?;
        }
        Ok(())
    }
}

fn encode<T: Row>(value: &T) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    T::Format::default().encode(value, &mut bytes).ok().map(|()| bytes)
}

/// Nothing goes on but what has closed. Under [`TimeRule::Kafka`] each record looks; under [`TimeRule::Watermark`] each commit does, because
/// time is not the record's there, and moves without records too.
pub(crate) struct OnClose<K, A> {
    stage: Arc<str>,
    finals: Rc<RefCell<Finals<K, A>>>,
    closing: Closing,
    emitted: Rc<Cell<Timestamp>>,
}

impl<K: Row, A: Row> OnClose<K, A> {
    pub(crate) fn new(finals: Rc<RefCell<Finals<K, A>>>) -> Self {
        let (stage, closing, emitted) = {
            let finals = finals.borrow();
            (finals.stage.clone(), finals.closing, finals.emitted.clone())
        };
        OnClose { stage, finals, closing, emitted }
    }
}

impl<K: Row, A: Row> Emit<K, A> for OnClose<K, A> {
    fn stage(&self) -> &Arc<str> {
        &self.stage
    }

    /// Nothing expires before it was emitted, however far time has jumped.
    fn expires_by(&self, _: &Context) -> Timestamp {
        match self.emitted.get() {
            NO_TIMESTAMP => NO_TIMESTAMP,
            close => close + self.closing.lag_ms(),
        }
    }

    fn written(&mut self, written: Result<Written<Windowed<K>, A>, RowError>, _: impl FnOnce() -> Option<A>, task: &mut Context) -> Flow {
        match written {
            Ok(Written::Held | Written::Through(_) | Written::Expired) => Ok(()),
            Err(error) => error.settle(&self.stage, task),
        }
    }

    fn after_record(&mut self, time: Timestamp, headers: &Headers, task: &mut Context) -> Flow {
        match task.rules.time {
            TimeRule::Kafka => self.finals.borrow_mut().emit(time, headers, task),
            TimeRule::Watermark => Ok(()),
        }
    }
}
