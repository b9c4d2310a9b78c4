//! A stream meets a versioned table after a while: records wait, logged, until the table may be expected to know their time (KIP-923).
//! Kafka: `KStreamKTableJoinProcessor` with a grace period, `RocksDBTimeOrderedKeyValueBuffer`.

mod buffer;

pub(crate) use buffer::Buffer;

use super::{Operator, StreamTableJoin, Unmatched};
use crate::format::{Format, Nullable, Row};
use crate::record::{Item, Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::store::RowError;
use crate::task::{Context, Flow};
use buffer::Waiting;

/// One such join in one task.
pub(crate) struct BufferedJoin<K: Nullable, V: Nullable, T, F, Out> {
    pub(crate) join: StreamTableJoin<K, T, F, Out>,
    pub(crate) buffer: Buffer,
    pub(crate) grace_ms: Timestamp,
    pub(crate) keys: <K::Present as Nullable>::Format,
    pub(crate) values: V::Format,
}

impl<K: Nullable, V: Nullable, T: Item, Out: Item, F: Fn(&K, V::Present, Option<T>) -> Out> Operator<K, V> for BufferedJoin<K, V, T, F, Out>
where
    V::Present: Row,
{
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let (Some(value), has_key) = (value.into_present(), key.present().is_some()) else {
            task.drop_record();
            return Ok(());
        };
        let record = Record { key, value, timestamp, headers };
        // Nothing can come for a record without a key; Kafka fails here.
        if !has_key {
            return match self.join.unmatched {
                Unmatched::GoesOn => self.join.join(record, task),
                Unmatched::Ends => {
                    task.drop_record();
                    Ok(())
                }
            };
        }
        if timestamp < self.time(task).saturating_sub(self.grace_ms) {
            // The versions of its time are there, if they are not forgotten.
            return self.join.join(record, task);
        }
        match self.put(&record, task) {
            Ok(()) => self.let_go(task),
            Err(error) => error.settle(&self.join.stage, task),
        }
    }
}

impl<K: Nullable, V: Nullable, T: Item, Out: Item, F: Fn(&K, V::Present, Option<T>) -> Out> BufferedJoin<K, V, T, F, Out> {
    fn time(&self, task: &Context) -> Timestamp {
        match task.rules.time {
            TimeRule::Kafka => self.buffer.observed.get(),
            TimeRule::Watermark => task.stream_time(),
        }
    }

    fn put(&self, record: &Record<K, V::Present>, task: &Context) -> Result<(), RowError> {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        if let Some(present) = record.key.present() {
            self.keys.encode(present, &mut key).map_err(|source| RowError::Key { store: self.buffer.store, source })?;
        }
        self.values.encode(&record.value, &mut value).map_err(|source| self.buffer.row_error(source))?;
        self.buffer.put(&key, record.timestamp, Waiting { coordinates: task.coordinates.clone(), headers: record.headers.clone(), value });
        Ok(())
    }

    /// Joins the records whose time has come, in the order of their times and keys.
    fn let_go(&mut self, task: &mut Context) -> Flow {
        let due = match self.buffer.take_until(self.time(task).saturating_sub(self.grace_ms)) {
            Ok(due) => due,
            Err(error) => return error.settle(&self.join.stage, task),
        };
        let at_hand = task.coordinates.clone();
        let joined = due.into_iter().try_for_each(|(timestamp, key, waiting)| {
            let Waiting { coordinates, headers, value } = waiting;
            let decoded = self.keys.decode(&key).and_then(|key| Ok((K::from_present(key), self.values.decode(&value)?)));
            let (present, row) = match decoded {
                Ok(decoded) => decoded,
                Err(source) => return self.buffer.row_error(source).settle(&self.join.stage, task),
            };
            task.coordinates = coordinates;
            let record = Record { key: present, value: row, timestamp, headers };
            // What fails now is this record, not the one at hand.
            task.detached(|| (Some(key), Some(value)), |task| self.join.join(record, task))
        });
        task.coordinates = at_hand;
        joined
    }
}
