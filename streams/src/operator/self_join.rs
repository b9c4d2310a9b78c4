//! A stream meets itself: each record with those before it, with itself, and those before it with it. One store instead of two. Kafka: `KStreamKStreamSelfJoin`.

use super::{Operator, Outlet, Reach};
use crate::format::{Format, Nullable};
use crate::record::{Item, Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::store::EventRows;
use crate::task::{Context, Flow};
use headwater_state::Written;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// One such join in one task.
pub(crate) struct SelfJoin<K: Nullable, V: Nullable, F, Out> {
    pub(crate) stage: Arc<str>,
    pub(crate) reach: Reach,
    pub(crate) events: Rc<EventRows<K::Present, V::Present>>,
    /// The largest time seen; only [`TimeRule::Kafka`] keeps it.
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) join: Arc<F>,
    pub(crate) next: Outlet<K, Out>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) found: Vec<(Timestamp, V::Present)>,
}

impl<K: Nullable, V: Nullable, Out: Item, F: Fn(&K, V::Present, V::Present) -> Out> Operator<K, V> for SelfJoin<K, V, F, Out> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let (Some(present), Some(value)) = (key.present(), value.into_present()) else {
            task.drop_record();
            return Ok(());
        };
        self.bytes.clear();
        if let Err(error) = <K::Present as Nullable>::Format::default().encode(present, &mut self.bytes) {
            return self.events.key_error(error).settle(&self.stage, task);
        }
        let meets_itself = match task.rules.time {
            TimeRule::Kafka => {
                self.observed.set(self.observed.get().max(timestamp));
                timestamp > self.observed.get().saturating_sub(self.reach.retention_ms()).saturating_add(1)
            }
            TimeRule::Watermark if self.reach.is_closed(timestamp, task.stream_time()) => {
                task.drop_late(&self.stage);
                return Ok(());
            }
            TimeRule::Watermark => {
                self.events.observe_stream_time(task.stream_time().saturating_sub(1));
                true
            }
        };
        let record = Record { key, value, timestamp, headers };
        self.meet(&record, meets_itself, task)?;
        match self.events.add(&self.bytes, timestamp, &record.value) {
            Ok(Written::Kept) => Ok(()),
            Ok(Written::Expired) => {
                task.drop_record();
                Ok(())
            }
            Err(error) => error.settle(&self.stage, task),
        }
    }
}

impl<K: Nullable, V: Nullable, Out: Item, F: Fn(&K, V::Present, V::Present) -> Out> SelfJoin<K, V, F, Out> {
    /// First as the left record, then as the right one, where it comes itself behind those that are not younger.
    fn meet(&mut self, record: &Record<K, V::Present>, meets_itself: bool, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let (join, next) = (&self.join, &mut self.next);
        let mut send = |time: Timestamp, out: Out, task: &mut Context| {
            next.send(Record { key: key.clone(), value: out, timestamp: time, headers: headers.clone() }, task)
        };
        let mut found = std::mem::take(&mut self.found);
        for (is_left, reach) in [(true, self.reach), (false, self.reach.reversed())] {
            let (from, to) = (timestamp.saturating_sub(reach.before_ms).max(0), timestamp.saturating_add(reach.after_ms).max(0));
            if let Err(error) = self.events.fetch(&self.bytes, from..=to, &mut found) {
                return error.settle(&self.stage, task);
            }
            let mut waits = !is_left && meets_itself;
            for (time, other) in found.drain(..) {
                if waits && time > *timestamp {
                    waits = false;
                    send(*timestamp, join(key, value.clone(), value.clone()), task)?;
                }
                let out = if is_left { join(key, value.clone(), other) } else { join(key, other, value.clone()) };
                send(time.max(*timestamp), out, task)?;
            }
            if waits {
                send(*timestamp, join(key, value.clone(), value.clone()), task)?;
            }
        }
        self.found = found;
        Ok(())
    }
}
