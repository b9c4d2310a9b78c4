//! The global tables of one instance: all rows of their topics, in memory, shared by all tasks for reading.
//!
//! They are read anew at each start, before tasks are opened, so nothing of them is durable here. Kafka: `GlobalStateManagerImpl`.

use super::{Clocks, Unreadable};
use crate::graph::{GlobalTable, Topology};
use crate::log::{Fetched, RecordRef};
use crate::query::{Ask, Found, Question};
use crate::record::{NO_TIMESTAMP, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The tables, by their stores. Clones are the same tables.
#[derive(Clone, Default)]
pub(crate) struct Globals(Arc<Vec<(GlobalTable, Arc<GlobalRows>)>>);

/// Rows by the bytes of their keys.
#[derive(Default)]
pub(crate) struct GlobalRows {
    rows: RwLock<Rows>,
    /// The largest time of each partition, for sources that ask for it.
    times: RwLock<HashMap<i32, Timestamp>>,
    /// Records without a key: they are no rows.
    dropped: AtomicU64,
}

type Rows = BTreeMap<Vec<u8>, (Timestamp, Vec<u8>)>;

/// A record that is no row as the types say.
pub(crate) struct NoRow {
    pub(crate) offset: i64,
    pub(crate) cause: Unreadable,
}

impl Globals {
    /// Empty tables for an instance of a topology.
    pub(crate) fn of(topology: &Topology) -> Self {
        Globals(Arc::new(topology.globals().iter().map(|table| (table.clone(), Arc::default())).collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(table, _)| table.topic)
    }

    /// The rows behind a store.
    pub(crate) fn rows(&self, store: &str) -> Option<&Arc<GlobalRows>> {
        self.0.iter().find(|(table, _)| table.store == store).map(|(_, rows)| rows)
    }

    /// The answer to a question about a global table; none: it is about another store.
    pub(crate) fn answer(&self, question: &Question) -> Option<Vec<Found>> {
        let rows = self.rows(question.store)?;
        let Ask::Rows(keys) = &question.ask else { return None };
        crate::query::rows(&**rows, keys, question.direction, question.limit).ok()
    }

    /// Takes records of a topic in at wall time `now` (milliseconds). What cannot be read is handed to `refused`, which may end it.
    pub(crate) fn take<E>(&self, now: Timestamp, fetched: &Fetched, mut refused: impl FnMut(NoRow) -> Result<(), E>) -> Result<(), E> {
        for (table, rows) in self.0.iter().filter(|(table, _)| *table.topic == *fetched.partition.topic) {
            for record in fetched.records.iter() {
                let offset = record.offset;
                rows.take(now, table, fetched.partition.partition, record).or_else(|cause| refused(NoRow { offset, cause }))?;
            }
        }
        Ok(())
    }

    /// Forgets all rows: they are about to be read again.
    pub(crate) fn clear(&self) {
        for (_, rows) in self.0.iter() {
            rows.write().clear();
            rows.times.write().unwrap_or_else(PoisonError::into_inner).clear();
            rows.dropped.store(0, Ordering::Relaxed);
        }
    }

    /// Records that were no rows since the tables were last read anew.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.iter().map(|(_, rows)| rows.dropped.load(Ordering::Relaxed)).sum()
    }
}

impl GlobalRows {
    /// Hands time and bytes of a row to `read`. Meanwhile nobody writes.
    pub(crate) fn get<R>(&self, key: &[u8], read: impl FnOnce(Option<(Timestamp, &[u8])>) -> R) -> R {
        let rows = self.lock();
        read(rows.get(key).map(|(timestamp, value)| (*timestamp, &value[..])))
    }

    /// Visits rows between the bounds, in the order of their keys' bytes.
    pub(crate) fn scan(
        &self, from: Bound<&[u8]>, to: Bound<&[u8]>, forward: bool, visit: &mut dyn FnMut(&[u8], Timestamp, &[u8]) -> ControlFlow<()>,
    ) {
        let rows = self.lock();
        let mut found = rows.range::<[u8], _>((from, to));
        while let Some((key, (timestamp, value))) = if forward { found.next() } else { found.next_back() } {
            if visit(key, *timestamp, value).is_break() {
                break;
            }
        }
    }

    fn take(&self, now: Timestamp, table: &GlobalTable, partition: i32, record: RecordRef<'_>) -> Result<(), Unreadable> {
        let mut times = self.times.write().unwrap_or_else(PoisonError::into_inner);
        let time = times.entry(partition).or_insert(NO_TIMESTAMP);
        let Some(row) = (table.read)(&record, Clocks { partition: *time, wall: now })? else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        *time = row.timestamp.max(*time);
        match row.value {
            Some(value) => drop(self.write().insert(row.key, (row.timestamp, value))),
            None => drop(self.write().remove(&row.key)),
        }
        Ok(())
    }

    // Each write is one insertion, so a thread that panicked has left the rows whole.
    fn lock(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}
