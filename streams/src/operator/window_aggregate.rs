//! Aggregation by key and window, where windows lie fixed on the time line. Kafka: `KStreamWindowAggregate`.

use super::aggregate::{Fold, latest};
use super::emit::Emit;
use super::lateness::{Windows, observe};
use super::windows::WindowsOf;
use super::{Initial, Operator};
use crate::format::{Format, Nullable, Row};
use crate::record::{Record, Timestamp, Windowed};
use crate::task::store::{KeyEnd, WindowRows};
use crate::task::{Context, Flow};
use headwater_state::Window;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// One window aggregation of one task. With a window a null value *is* an event, as in Kafka.
pub(crate) struct WindowAggregate<W, K: Row, A: Row, F, E> {
    pub(crate) windows: W,
    pub(crate) fold: Arc<F>,
    /// What an aggregate begins as, for those who ask what it was before.
    pub(crate) initial: Initial<A>,
    pub(crate) rows: Rc<WindowRows<K, A>>,
    /// The largest time that this operator has seen; only [`TimeRule::Kafka`](crate::runtime::TimeRule::Kafka) keeps it.
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) emit: E,
    pub(crate) bytes: Vec<u8>,
}

impl<W: WindowsOf, K: Row, V: Nullable, A: Row, F: Fold<K, V, A>, E: Emit<K, A>> Operator<K, V> for WindowAggregate<W, K, A, F, E> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let time = observe(&self.observed, record.timestamp, task);
        self.rows.observe_stream_time(self.emit.expires_by(task));
        self.bytes.clear();
        if let Err(error) = K::Format::default().encode(&record.key, &mut self.bytes) {
            return self.rows.key_error(error).settle(self.emit.stage(), task);
        }
        let mut windows = Windows::default();
        for start in self.windows.starts(record.timestamp) {
            if self.windows.is_closed(start, time) {
                windows.rejected += 1;
                continue;
            }
            windows.entered += 1;
            self.add(start, &record, task)?;
        }
        windows.report_late(self.emit.stage(), task);
        self.emit.after_record(time, &record.headers, task)
    }
}

impl<W: WindowsOf, K: Row, A: Row, F, E: Emit<K, A>> WindowAggregate<W, K, A, F, E> {
    #[inline]
    fn add<V: Nullable>(&mut self, start: Timestamp, record: &Record<K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        let key_len = self.bytes.len();
        Window::at(start).extend(&mut self.bytes);
        let (fold, end) = (&self.fold, self.windows.end(start));
        let key = || Windowed { key: record.key.clone(), start, end };
        let written = self.rows.update(&self.bytes, key, &record.headers, |key, held, held_time| {
            let timestamp = latest(held.is_some(), held_time, record.timestamp);
            (fold(&key.key, record.value.clone(), held), timestamp)
        });
        self.bytes.truncate(key_len);
        self.emit.written(written, &*self.initial, task)
    }
}
