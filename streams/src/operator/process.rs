//! `process` and `absorb`: user code with stores of its own. Kafka: `Processor`.

use super::{Operator, Outlet};
use crate::record::{Headers, Item, NO_TIMESTAMP, Record, Timestamp};
use crate::task::store::Handles;
use crate::task::{Context, Failure, Flow, Stop};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// What a processor sends. It leaves when the processor has returned, so that no store is in use while downstream runs.
pub struct Out<K, V> {
    records: Vec<Record<K, V>>,
    timestamp: Timestamp,
    headers: Headers,
    stream_time: Timestamp,
}

impl<K, V> Out<K, V> {
    /// The task's stream time in milliseconds, [`NO_TIMESTAMP`] while unknown: with one input that others fill the largest time seen in its
    /// partition, the record at hand not counted but under [`TimeRule::Kafka`](crate::runtime::TimeRule). Kafka: `currentStreamTimeMs`.
    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// Sends with the time and the headers of the record at hand.
    pub fn send(&mut self, key: K, value: V) {
        self.records.push(Record { key, value, timestamp: self.timestamp, headers: self.headers.clone() });
    }

    /// Sends with a time and headers of its own.
    pub fn send_record(&mut self, record: Record<K, V>) {
        self.records.push(record);
    }
}

/// One processor of one task.
pub(crate) struct Processing<H> {
    stage: Arc<str>,
    handles: H,
    /// The time of the record at hand, for what the processor writes.
    now: Rc<Cell<Timestamp>>,
}

impl<H: Handles> Processing<H> {
    pub(crate) fn new(stage: Arc<str>, handles: H, now: Rc<Cell<Timestamp>>) -> Self {
        Processing { stage, handles, now }
    }

    /// Calls user code; false: it failed, and the application goes on. A store that is not readable stops the task, whatever user code made of the error.
    fn call(&mut self, timestamp: Timestamp, task: &mut Context, f: impl FnOnce(&mut H) -> Result<(), Failure>) -> Result<bool, Box<Stop>> {
        self.now.set(timestamp);
        let outcome = f(&mut self.handles);
        if let Some(stop) = self.handles.take_stop() {
            return Err(stop);
        }
        match outcome {
            Ok(()) => Ok(true),
            Err(failure) => task.fail(&self.stage, failure).map(|()| false),
        }
    }
}

pub(crate) fn process<K: Item, V: Item, H: Handles, K2: Item, V2: Item>(
    mut processing: Processing<H>, f: impl Fn(Record<K, V>, &mut H, &mut Out<K2, V2>) -> Result<(), Failure>, mut next: Outlet<K2, V2>,
) -> impl Operator<K, V> {
    let mut out = Out { records: Vec::new(), timestamp: NO_TIMESTAMP, headers: Headers::default(), stream_time: NO_TIMESTAMP };
    move |record: Record<K, V>, task: &mut Context| -> Flow {
        (out.timestamp, out.headers, out.stream_time) = (record.timestamp, record.headers.clone(), task.stream_time());
        let done = processing.call(record.timestamp, task, |handles| f(record, handles, &mut out));
        if !matches!(done, Ok(true)) {
            out.records.clear();
            return done.map(drop);
        }
        let sent = out.records.drain(..).try_for_each(|record| next.send(record, task));
        out.records.clear();
        sent
    }
}

/// A processor that sends nothing.
pub(crate) fn absorb<K: Item, V: Item, H: Handles>(
    mut processing: Processing<H>, f: impl Fn(Record<K, V>, &mut H) -> Result<(), Failure>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| -> Flow {
        processing.call(record.timestamp, task, |handles| f(record, handles)).map(drop)
    }
}
