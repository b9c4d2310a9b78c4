//! Aggregation by key and time window. Kafka: `KStreamWindowAggregate`.

use super::aggregate::{Fold, latest};
use super::{Operator, Outlet, TimeWindows, Update};
use crate::format::{Format, Nullable, Row};
use crate::record::{Change, Record, Timestamp, Windowed};
use crate::runtime::{Late, TimeRule};
use crate::task::store::WindowRows;
use crate::task::{Context, Flow};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// One window aggregation of one task. With a window a null value *is* an event, as in Kafka.
pub(crate) struct WindowAggregate<K: Row, A: Row, F> {
    pub(crate) windows: TimeWindows,
    pub(crate) fold: Arc<F>,
    pub(crate) rows: Rc<WindowRows<K, A>>,
    pub(crate) update: Update<Windowed<K>, A>,
    /// The largest time that this operator has seen; only [`TimeRule::Kafka`] keeps it.
    pub(crate) observed: Rc<Cell<Timestamp>>,
    pub(crate) bytes: Vec<u8>,
}

impl<K: Row, A: Row, F> WindowAggregate<K, A, F> {
    pub(crate) fn new(
        stage: Arc<str>, windows: TimeWindows, fold: Arc<F>, rows: Rc<WindowRows<K, A>>, observed: Rc<Cell<Timestamp>>,
        next: Option<Outlet<Windowed<K>, Change<A>>>,
    ) -> Self {
        WindowAggregate { windows, fold, rows, update: Update::new(stage, next), observed, bytes: Vec::new() }
    }

    /// The time that decides what is late.
    #[inline]
    fn time(&self, timestamp: Timestamp, task: &Context) -> Timestamp {
        match task.rules.time {
            TimeRule::Watermark => task.stream_time(),
            TimeRule::Kafka => {
                let observed = self.observed.get().max(timestamp);
                self.observed.set(observed);
                observed
            }
        }
    }
}

impl<K: Row, V: Nullable, A: Row, F: Fold<K, V, A>> Operator<K, V> for WindowAggregate<K, A, F> {
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let time = self.time(record.timestamp, task);
        self.rows.observe_stream_time(task.stream_time());
        self.bytes.clear();
        if let Err(error) = K::Format::default().encode(&record.key, &mut self.bytes) {
            return self.rows.key_error(error).settle(self.update.stage(), task);
        }
        let (mut entered, mut rejected) = (0_u32, 0_u32);
        for start in self.windows.starts(record.timestamp) {
            if self.windows.is_closed(start, time) {
                rejected += 1;
                continue;
            }
            entered += 1;
            self.add(start, &record, task)?;
        }
        self.report_late(entered, rejected, task);
        Ok(())
    }
}

impl<K: Row, A: Row, F> WindowAggregate<K, A, F> {
    #[inline]
    fn add<V: Nullable>(&mut self, start: Timestamp, record: &Record<K, V>, task: &mut Context) -> Flow
    where
        F: Fold<K, V, A>,
    {
        let key_len = self.bytes.len();
        self.bytes.extend_from_slice(&start.to_be_bytes());
        let (fold, end) = (&self.fold, start.saturating_add(self.windows.size_ms));
        let key = || Windowed { key: record.key.clone(), start, end };
        let written = self.rows.update(&self.bytes, key, &record.headers, |key, held, held_time| {
            let timestamp = latest(held.is_some(), held_time, record.timestamp);
            (fold(&key.key, record.value.clone(), held), timestamp)
        });
        self.bytes.truncate(key_len);
        self.update.forward(written, task)
    }

    /// Kafka counts each window that was closed. As a letter a record is late once, and only if no window took it: input = results + letters.
    fn report_late(&self, entered: u32, rejected: u32, task: &mut Context) {
        let reports = match task.rules.late {
            Late::Drop => rejected,
            Late::DeadLetter => u32::from(entered == 0 && rejected > 0),
        };
        (0..reports).for_each(|_| task.drop_late(self.update.stage()));
    }
}
