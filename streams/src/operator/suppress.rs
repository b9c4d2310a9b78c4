//! `suppress`: changes of a row wait until its window has closed, or for a time, and only the last of them goes on. Kafka: `KTableSuppressProcessor` (KIP-328).

use super::lateness::observe;
use super::{Operator, Outlet};
use crate::format::{Format, Row};
use crate::record::{Change, Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::store::{Buffer, RowError};
use crate::task::{Context, Flow, Stop};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// How long changes wait, and how many.
#[derive(Debug)]
pub(crate) struct Suppression<K> {
    /// The time by which a change is ordered and from which it waits.
    pub(crate) time_of: fn(&K, Timestamp) -> Timestamp,
    pub(crate) wait_ms: Timestamp,
    /// Whether the rows are windows that close. Of these nobody need be told that they never came to anything.
    pub(crate) finals: bool,
    pub(crate) max_records: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) when_full: WhenFull,
}

// Derived, these would ask the same of the keys.
impl<K> Clone for Suppression<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Suppression<K> {}

/// What becomes of a buffer that holds more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// The first changes go on before their time.
    EmitEarly,
    /// The application stops.
    ShutDown,
}

/// One `suppress` of one task.
pub(crate) struct Suppressing<K, V: Row> {
    stage: Arc<str>,
    rule: Suppression<K>,
    buffer: Rc<Buffer<K, V>>,
    observed: Rc<Cell<Timestamp>>,
    next: Outlet<K, Change<V>>,
}

impl<K: Row, V: Row> Suppressing<K, V> {
    pub(crate) fn new(
        stage: Arc<str>, rule: Suppression<K>, buffer: Rc<Buffer<K, V>>, observed: Rc<Cell<Timestamp>>, next: Outlet<K, Change<V>>,
    ) -> Self {
        Suppressing { stage, rule, buffer, observed, next }
    }

    fn take(&mut self, record: Record<K, Change<V>>, task: &mut Context) -> Flow {
        let time = observe(&self.observed, record.timestamp, task);
        let buffer_time = (self.rule.time_of)(&record.key, record.timestamp);
        if let Err(error) = self.buffer.put(buffer_time, record) {
            return error.settle(&self.stage, task);
        }
        let due = self.due(time, task);
        self.emit_while(task, |_| Ok(Some(due)))?;
        match self.rule.when_full {
            WhenFull::EmitEarly => self.emit_while(task, |this| Ok(this.is_over_full()?.then_some(Timestamp::MAX))),
            WhenFull::ShutDown => match self.is_over_full() {
                Ok(false) => Ok(()),
                Ok(true) => Err(Box::new(Stop::BufferFull { stage: self.stage.clone() })),
                Err(error) => error.settle(&self.stage, task),
            },
        }
    }

    /// Changes with this time or an earlier one have waited long enough. A session or a sliding window takes a record even at the moment of its
    /// close: under [`TimeRule::Kafka`] such a record makes another result, under [`TimeRule::Watermark`] the result waits for it.
    fn due(&self, time: Timestamp, task: &Context) -> Timestamp {
        let strict = self.rule.finals && task.rules.time == TimeRule::Watermark;
        time - self.rule.wait_ms - Timestamp::from(strict)
    }

    fn is_over_full(&self) -> Result<bool, RowError> {
        let (records, bytes) = self.buffer.size()?;
        Ok(self.rule.max_records.is_some_and(|max| records > max) || self.rule.max_bytes.is_some_and(|max| bytes > max))
    }

    fn emit_while(&mut self, task: &mut Context, until: impl Fn(&Self) -> Result<Option<Timestamp>, RowError>) -> Flow {
        loop {
            let first = until(self).and_then(|until| until.map_or(Ok(None), |until| self.buffer.first_until(until)));
            match first {
                Ok(Some(record)) if self.rule.finals && record.value.new.is_none() => {}
                Ok(Some(record)) => self.next.send(record, task)?,
                Ok(None) => return Ok(()),
                Err(error) => return error.settle(&self.stage, task),
            }
            if let Err(error) = self.buffer.remove_first() {
                return error.settle(&self.stage, task);
            }
        }
    }

    /// Emits what stream time has closed, outside of any record.
    pub(crate) fn emit_detached(&mut self, task: &mut Context) -> Flow {
        let due = self.due(task.stream_time(), task);
        while let Some(record) = self.buffer.first_until(due).map_err(RowError::into_stop)? {
            if !self.rule.finals || record.value.new.is_some() {
                let (key, value) = (record.key.clone(), record.value.new.clone());
                task.detached(|| (encode(&key), value.and_then(|value| encode(&value))), |task| self.next.send(record, task))?;
            }
            self.buffer.remove_first().map_err(RowError::into_stop)?;
        }
        Ok(())
    }
}

fn encode<T: Row>(value: &T) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    T::Format::default().encode(value, &mut bytes).ok().map(|()| bytes)
}

/// As an operator; the flusher has the other handle.
pub(crate) fn suppress<K: Row, V: Row>(suppressing: Rc<RefCell<Suppressing<K, V>>>) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| suppressing.borrow_mut().take(record, task)
}
