//! A stream meets itself: each record with its neighbours in time and with itself, out of one store. Kafka: `KStreamKStreamSelfJoin` (KIP-862).

use super::{Operator, Outlet, Reach};
use crate::format::{Format, Nullable, Row};
use crate::record::{Item, Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::store::{EventRows, RowError};
use crate::task::{Context, Flow};
use headwater_state::Written;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// What a record and its partner are made into, the one on the left side first.
pub(crate) type SelfPair<K, V, Out> = Arc<dyn Fn(&K, V, V) -> Out + Send + Sync>;

/// Such a join in one task.
pub(crate) struct SelfJoin<K: Row, V: Nullable, Out> {
    pub(crate) stage: Arc<str>,
    /// As the left side sees it.
    pub(crate) reach: Reach,
    pub(crate) rows: Rc<EventRows<K, V::Present>>,
    /// The largest time; only [`TimeRule::Kafka`] keeps it.
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) pair: SelfPair<K, V::Present, Out>,
    pub(crate) next: Outlet<K, Out>,
    pub(crate) bytes: Vec<u8>,
}

impl<K: Row, V: Nullable, Out: Item> Operator<K, V> for SelfJoin<K, V, Out> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let Some(value) = value.into_present() else {
            task.drop_record();
            return Ok(());
        };
        self.bytes.clear();
        if let Err(error) = K::Format::default().encode(&key, &mut self.bytes) {
            return self.rows.key_error(error).settle(&self.stage, task);
        }
        if !self.begin(timestamp, task) {
            return Ok(());
        }
        let record = Record { key, value, timestamp, headers };
        self.meet_as_left(&record, task)?;
        self.meet_as_right(&record, task)?;
        match self.rows.add(&self.bytes, timestamp, &record.value) {
            Ok(Written::Kept | Written::Expired) => Ok(()),
            Err(error) => error.settle(&self.stage, task),
        }
    }
}

impl<K: Row, V: Nullable, Out: Item> SelfJoin<K, V, Out> {
    /// Moves time; false: the record is late.
    fn begin(&self, timestamp: Timestamp, task: &mut Context) -> bool {
        if task.rules.time == TimeRule::Kafka {
            self.observed.set(self.observed.get().max(timestamp));
            return true;
        }
        // As in a join of two streams: what the store shows ends one millisecond above its time less the retention.
        self.rows.observe_stream_time(task.stream_time().saturating_sub(1));
        let is_late = self.reach.is_closed(timestamp, task.stream_time());
        if is_late {
            task.drop_late(&self.stage);
        }
        !is_late
    }

    fn meet_as_left(&mut self, record: &Record<K, V::Present>, task: &mut Context) -> Flow {
        for (time, partner) in self.partners(record.timestamp, self.reach).or_else(|error| self.fail(error, task))? {
            let value = (self.pair)(&record.key, record.value.clone(), partner);
            self.send(record, value, record.timestamp.max(time), task)?;
        }
        Ok(())
    }

    /// The record meets itself where it stands in time among the others.
    fn meet_as_right(&mut self, record: &Record<K, V::Present>, task: &mut Context) -> Flow {
        let mut meets_itself = task.rules.time == TimeRule::Watermark
            || record.timestamp > self.observed.get().saturating_sub(self.reach.retention_ms()).saturating_add(1);
        for (time, partner) in self.partners(record.timestamp, self.reach.reversed()).or_else(|error| self.fail(error, task))? {
            if record.timestamp < time && std::mem::take(&mut meets_itself) {
                self.meet_itself(record, task)?;
            }
            let value = (self.pair)(&record.key, partner, record.value.clone());
            self.send(record, value, record.timestamp.max(time), task)?;
        }
        if meets_itself { self.meet_itself(record, task) } else { Ok(()) }
    }

    fn meet_itself(&mut self, record: &Record<K, V::Present>, task: &mut Context) -> Flow {
        let value = (self.pair)(&record.key, record.value.clone(), record.value.clone());
        self.send(record, value, record.timestamp, task)
    }

    fn send(&mut self, record: &Record<K, V::Present>, value: Out, timestamp: Timestamp, task: &mut Context) -> Flow {
        self.next.send(Record { key: record.key.clone(), value, timestamp, headers: record.headers.clone() }, task)
    }

    fn partners(&self, timestamp: Timestamp, reach: Reach) -> Result<Vec<(Timestamp, V::Present)>, RowError> {
        let (from, to) = (timestamp.saturating_sub(reach.before_ms).max(0), timestamp.saturating_add(reach.after_ms).max(0));
        let mut found = Vec::new();
        self.rows.fetch(&self.bytes, from..=to, &mut found)?;
        Ok(found)
    }

    /// Nobody is met where the store cannot be read, if the task goes on at all.
    fn fail(&self, error: RowError, task: &mut Context) -> Result<Vec<(Timestamp, V::Present)>, Box<crate::task::Stop>> {
        error.settle(&self.stage, task).map(|()| Vec::new())
    }
}
