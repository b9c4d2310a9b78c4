//! Two streams meet: each record with those of the other side within its reach in time. Kafka: `KStreamKStreamJoin`.

mod leftovers;

pub(crate) use leftovers::Leftovers;

use super::{Operator, Outlet};
use crate::format::{Format, FormatError, Nullable, Row};
use crate::record::{Headers, Item, Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::store::{EventRows, RowError};
use crate::task::{Context, Flow};
use headwater_state::Written;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// How far a record of one side reaches into the other side's time, and how long it waits for what is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) before_ms: Timestamp,
    pub(crate) after_ms: Timestamp,
    pub(crate) grace_ms: Timestamp,
}

impl Reach {
    /// The same seen from the other side.
    pub(crate) fn reversed(self) -> Self {
        Reach { before_ms: self.after_ms, after_ms: self.before_ms, ..self }
    }

    /// How long an event may still find a partner.
    pub(crate) fn retention_ms(self) -> Timestamp {
        self.before_ms.saturating_add(self.after_ms).saturating_add(self.grace_ms)
    }

    /// Whether no partner is awaited any more.
    pub(crate) fn is_closed(self, timestamp: Timestamp, time: Timestamp) -> bool {
        timestamp.saturating_add(self.after_ms).saturating_add(self.grace_ms) < time
    }
}

/// A side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// What a record and its partner, if it has one, are made into.
pub(crate) type Pair<K, V, O, Out> = Arc<dyn Fn(&K, V, Option<O>) -> Out + Send + Sync>;

/// What the bytes of a record that stayed alone are made into, by the side it came from, key and value.
pub(crate) type Single<K, Out> = Arc<dyn Fn(Side, &[u8], &[u8]) -> Result<(K, Out), FormatError> + Send + Sync>;

/// Where the records of a left or outer join wait that found no partner yet; both sides share it.
pub(crate) struct Waiting<K, Out> {
    pub(crate) leftovers: Rc<Leftovers>,
    pub(crate) single: Single<K, Out>,
    /// Records of this side wait; others only end the waiting of their partners.
    pub(crate) keeps: bool,
}

/// One side of a join in one task. `V` and `O` are the values of this side and of the other.
pub(crate) struct StreamJoin<K: Nullable, V: Nullable, O: Row, Out> {
    pub(crate) stage: Arc<str>,
    pub(crate) side: Side,
    /// As this side sees it.
    pub(crate) reach: Reach,
    pub(crate) this: Rc<EventRows<K::Present, V::Present>>,
    pub(crate) other: Rc<EventRows<K::Present, O>>,
    /// The largest time of both sides; only [`TimeRule::Kafka`] keeps it.
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) waiting: Option<Waiting<K, Out>>,
    pub(crate) pair: Pair<K, V::Present, O, Out>,
    pub(crate) next: Outlet<K, Out>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) found: Vec<(Timestamp, O)>,
}

impl<K: Nullable, V: Nullable, O: Row, Out: Item> Operator<K, V> for StreamJoin<K, V, O, Out> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let time = self.time(record.timestamp, task);
        let Record { key, value, timestamp, headers } = record;
        let keeps = self.waiting.as_ref().is_some_and(|waiting| waiting.keeps);
        match (key.present(), value.into_present()) {
            (Some(present), Some(value)) => {
                self.bytes.clear();
                if let Err(error) = <K::Present as Nullable>::Format::default().encode(present, &mut self.bytes) {
                    return self.this.key_error(error).settle(&self.stage, task);
                }
                if task.rules.time == TimeRule::Kafka && timestamp == time || task.rules.time == TimeRule::Watermark {
                    self.let_go(time, timestamp, &headers, task)?;
                }
                if task.rules.time == TimeRule::Watermark && self.reach.is_closed(timestamp, time) {
                    task.drop_late(&self.stage);
                    return Ok(());
                }
                self.join(Record { key, value, timestamp, headers }, time, task)
            }
            // Without a key there is no partner, so there is nothing to wait for.
            (None, Some(value)) if keeps => {
                let value = (self.pair)(&key, value, None);
                self.next.send(Record { key, value, timestamp, headers }, task)
            }
            _ => {
                task.drop_record();
                Ok(())
            }
        }
    }
}

impl<K: Nullable, V: Nullable, O: Row, Out: Item> StreamJoin<K, V, O, Out> {
    /// The time that decides what is over.
    fn time(&self, timestamp: Timestamp, task: &Context) -> Timestamp {
        match task.rules.time {
            TimeRule::Watermark => {
                // What the stores show ends one millisecond above their time less the retention, and a partner at that very time still counts.
                let shown = task.stream_time().saturating_sub(1);
                self.this.observe_stream_time(shown);
                self.other.observe_stream_time(shown);
                task.stream_time()
            }
            TimeRule::Kafka => {
                let observed = self.observed.get().max(timestamp);
                self.observed.set(observed);
                observed
            }
        }
    }

    /// Sends the records on that no partner can reach any more, in the order of their times.
    fn let_go(&mut self, time: Timestamp, now: Timestamp, headers: &Headers, task: &mut Context) -> Flow {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        let closed = match task.rules.time {
            TimeRule::Kafka => waiting.leftovers.take_closed_as_kafka(self.side, self.reach, time, now),
            TimeRule::Watermark => waiting.leftovers.take_closed(self.side, self.reach, time, now),
        };
        let single = |leftover: leftovers::Leftover| {
            let made = (waiting.single)(leftover.side, leftover.key(), &leftover.value);
            let (key, value) = made.map_err(|source| waiting.leftovers.row_error(source))?;
            let record = Record { key, value, timestamp: leftover.timestamp, headers: headers.clone() };
            Ok((record, (Some(leftover.key().to_vec()), Some(leftover.value))))
        };
        match closed.and_then(|closed| closed.into_iter().map(single).collect::<Result<Vec<_>, RowError>>()) {
            // What fails now is the record that waited, not the one at hand.
            Ok(records) => records.into_iter().try_for_each(|(record, bytes)| task.detached(|| bytes, |task| self.next.send(record, task))),
            Err(error) => error.settle(&self.stage, task),
        }
    }

    fn join(&mut self, record: Record<K, V::Present>, time: Timestamp, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let (from, to) = (timestamp.saturating_sub(self.reach.before_ms).max(0), timestamp.saturating_add(self.reach.after_ms).max(0));
        let mut found = std::mem::take(&mut self.found);
        if let Err(error) = self.other.fetch(&self.bytes, from..=to, &mut found) {
            return error.settle(&self.stage, task);
        }
        let is_alone = found.is_empty();
        for (partner_time, partner) in found.drain(..) {
            if let Err(error) = self.end_waiting(partner_time, timestamp) {
                return error.settle(&self.stage, task);
            }
            let value = (self.pair)(&key, value.clone(), Some(partner));
            self.next.send(Record { key: key.clone(), value, timestamp: timestamp.max(partner_time), headers: headers.clone() }, task)?;
        }
        self.found = found;
        if is_alone && self.waiting.as_ref().is_some_and(|waiting| waiting.keeps) {
            // Under Kafka's rule a window that lies in the past waits for nobody, grace or not.
            if task.rules.time == TimeRule::Kafka && to < time {
                let value = (self.pair)(&key, value.clone(), None);
                self.next.send(Record { key: key.clone(), value, timestamp, headers }, task)?;
            } else if let Err(error) = self.wait(timestamp, &value) {
                return error.settle(&self.stage, task);
            }
        }
        // Last, as in Kafka: a stream that is joined with itself meets the record only on the other side.
        match self.this.add(&self.bytes, timestamp, &value) {
            Ok(Written::Kept | Written::Expired) => {}
            Err(error) => return error.settle(&self.stage, task),
        }
        Ok(())
    }

    fn end_waiting(&self, partner_time: Timestamp, now: Timestamp) -> Result<(), RowError> {
        self.waiting.as_ref().map_or(Ok(()), |waiting| waiting.leftovers.remove(self.side.other(), partner_time, &self.bytes, now))
    }

    fn wait(&self, timestamp: Timestamp, value: &V::Present) -> Result<(), RowError> {
        let Some(waiting) = &self.waiting else { return Ok(()) };
        self.this.with_encoded(value, |bytes| waiting.leftovers.add(self.side, timestamp, &self.bytes, bytes))
    }
}
