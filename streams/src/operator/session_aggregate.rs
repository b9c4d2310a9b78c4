//! Aggregation by key and session: records no further apart than the gap are one session, which grows and merges with its neighbours.
//! Kafka: `KStreamSessionWindowAggregate` (KIP-94).

use super::Operator;
use super::emit::Emit;
use super::lateness::{Windows, observe};
use crate::format::{Format, Nullable, Row};
use crate::record::{Headers, Record, Timestamp, Windowed};
use crate::task::store::{KeyEnd, RowError, SessionRows, Written};
use crate::task::{Context, Flow};
use headwater_state::Session;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// How the aggregate of a session comes about. It is `init`, into which the sessions that the record touches are merged, oldest first, and
/// then the record is added: `init` takes part in every merge. None is no aggregate.
pub(crate) struct SessionFold<K, V, A> {
    pub(crate) init: Arc<dyn Fn() -> Option<A> + Send + Sync>,
    pub(crate) merge: Arc<dyn Fn(&K, Option<A>, A) -> Option<A> + Send + Sync>,
    pub(crate) add: Arc<dyn Fn(&K, V, Option<A>) -> Option<A> + Send + Sync>,
}

impl<K, V, A> Clone for SessionFold<K, V, A> {
    fn clone(&self) -> Self {
        SessionFold { init: self.init.clone(), merge: self.merge.clone(), add: self.add.clone() }
    }
}

/// One session aggregation of one task. A null value *is* an event, as in Kafka.
pub(crate) struct SessionAggregate<K: Row, V, A: Row, E> {
    pub(crate) gap_ms: Timestamp,
    pub(crate) grace_ms: Timestamp,
    pub(crate) fold: SessionFold<K, V, A>,
    pub(crate) rows: Rc<SessionRows<K, A>>,
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) emit: E,
    pub(crate) bytes: Vec<u8>,
}

/// A session as the store has it.
struct Found<A> {
    start: Timestamp,
    end: Timestamp,
    value: A,
}

impl<K: Row, V: Nullable, A: Row, E: Emit<K, A>> Operator<K, V> for SessionAggregate<K, V, A, E> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let time = observe(&self.observed, timestamp, task);
        self.rows.observe_stream_time(self.emit.expires_by(task));
        self.bytes.clear();
        if let Err(error) = K::Format::default().encode(&key, &mut self.bytes) {
            return self.rows.key_error(error).settle(self.emit.stage(), task);
        }
        let touched = match self.touched(timestamp) {
            Ok(touched) => touched,
            Err(error) => return error.settle(self.emit.stage(), task),
        };
        let (start, end) = touched.iter().fold((timestamp, timestamp), |(start, end), found| (start.min(found.start), end.max(found.end)));
        if end < time - self.grace_ms - self.gap_ms {
            Windows { entered: 0, rejected: 1 }.report_late(self.emit.stage(), task);
        } else {
            self.rows.written_by(timestamp);
            self.merge(Record { key, value, timestamp, headers: headers.clone() }, touched, (start, end), task)?;
        }
        self.emit.after_record(time, &headers, task)
    }
}

impl<K: Row, V: Nullable, A: Row, E: Emit<K, A>> SessionAggregate<K, V, A, E> {
    /// The sessions that are no further from the record than the gap, oldest first.
    fn touched(&self, timestamp: Timestamp) -> Result<Vec<Found<A>>, RowError> {
        let mut found = Vec::new();
        let (earliest_end, latest_start) = (timestamp - self.gap_ms, timestamp + self.gap_ms);
        self.rows.find(&self.bytes, earliest_end, latest_start, |Session { start, end }, value| found.push(Found { start, end, value }))?;
        Ok(found)
    }

    /// The touched sessions become one with the record: they are taken back, and the new one is told.
    fn merge(&mut self, record: Record<K, V>, touched: Vec<Found<A>>, merged: (Timestamp, Timestamp), task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let fold = self.fold.clone();
        let aggregate = touched.iter().fold((fold.init)(), |aggregate, found| (fold.merge)(&key, aggregate, found.value.clone()));
        // A session of this one moment is overwritten where it stands.
        let overwrites = merged == (timestamp, timestamp);
        let mut held = None;
        for Found { start, end, value } in touched {
            if overwrites {
                held = Some((value, end));
            } else {
                let written = self.put(&key, (start, end), Some((value, end)), None, &headers);
                self.emit.written(written, || None, task)?;
            }
        }
        let new = (fold.add)(&key, value, aggregate);
        let mut written = self.put(&key, merged, held, new, &headers);
        // What it overwrites Kafka does not tell, unless a cache does.
        if let Ok(Written::Through(record)) = &mut written {
            record.value.old = None;
        }
        self.emit.written(written, || None, task)
    }

    fn put(
        &mut self, key: &K, (start, end): (Timestamp, Timestamp), held: Option<(A, Timestamp)>, new: Option<A>, headers: &Headers,
    ) -> Result<Written<Windowed<K>, A>, RowError> {
        let key_len = self.bytes.len();
        Session { start, end }.extend(&mut self.bytes);
        let key = Windowed { key: key.clone(), start, end };
        let mut written = self.rows.replace(&self.bytes, key, headers, held, new, end);
        self.bytes.truncate(key_len);
        // Results carry headers only where a cache has kept them, as in Kafka.
        if let Ok(Written::Through(record)) = &mut written {
            record.headers = Headers::default();
        }
        written
    }
}
