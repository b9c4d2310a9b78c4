//! `process`, `process_values` and `absorb`: user code with stores of its own. Kafka: `Processor`, `FixedKeyProcessor`.

use super::Operator;
use super::out::{Out, OutValues, Way, is_about_time};
use crate::record::{Item, Record};
use crate::task::store::{Call, Handles};
use crate::task::{Context, Failure, Fault, Flow, Stop};
use std::rc::Rc;
use std::sync::Arc;

/// User code of one task, with its stores.
pub(crate) struct Processing<H> {
    stage: Arc<str>,
    pub(super) handles: H,
    pub(super) call: Rc<Call>,
}

impl<H: Handles> Processing<H> {
    pub(crate) fn new(stage: Arc<str>, handles: H, call: Rc<Call>) -> Self {
        Processing { stage, handles, call }
    }

    /// What has come of user code. A store that is not readable stops the task, whatever user code made of the error.
    pub(super) fn settle(&self, outcome: Result<(), Failure>, stopped: Option<Box<Stop>>, task: &mut Context) -> Flow {
        if let Some(stop) = self.handles.take_stop().or(stopped) {
            return Err(stop);
        }
        outcome.or_else(|failure| {
            let fault = if is_about_time(&failure) { Fault::SentTime } else { Fault::Processing };
            task.fail_at(fault, &self.stage, failure)
        })
    }
}

pub(crate) fn process<K: Item, V: Item, H: Handles, K2: Item, V2: Item>(
    mut processing: Processing<H>, mut way: Way<K2, V2>, f: impl Fn(Record<K, V>, &mut H, &mut Out<'_, K2, V2>) -> Result<(), Failure>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| -> Flow {
        processing.call.begin(record.timestamp);
        let mut out = Out::new(&mut way, task, &processing.call, record.timestamp, record.headers.clone());
        let outcome = f(record, &mut processing.handles, &mut out);
        let stopped = out.done();
        processing.settle(outcome, stopped, task)
    }
}

/// The same for a processor that keeps the key.
pub(crate) fn process_values<K: Item, V: Item, H: Handles, V2: Item>(
    mut processing: Processing<H>, mut way: Way<K, V2>, f: impl Fn(Record<&K, V>, &mut H, &mut OutValues<'_, K, V2>) -> Result<(), Failure>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| -> Flow {
        let Record { key, value, timestamp, headers } = record;
        processing.call.begin(timestamp);
        let out = Out::new(&mut way, task, &processing.call, timestamp, headers.clone());
        let mut out = OutValues { out, key: &key };
        let outcome = f(Record { key: &key, value, timestamp, headers }, &mut processing.handles, &mut out);
        let stopped = out.out.done();
        processing.settle(outcome, stopped, task)
    }
}

/// A processor that sends nothing.
pub(crate) fn absorb<K: Item, V: Item, H: Handles>(
    mut processing: Processing<H>, f: impl Fn(Record<K, V>, &mut H) -> Result<(), Failure>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| -> Flow {
        processing.call.begin(record.timestamp);
        let outcome = f(record, &mut processing.handles);
        processing.settle(outcome, None, task)
    }
}
