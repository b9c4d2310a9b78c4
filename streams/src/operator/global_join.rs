//! A stream meets a global table: each record with the row of a key that is made of it. Kafka: `KStreamGlobalKTableJoin`.

use super::{Operator, Outlet, Unmatched};
use crate::format::{Format, Nullable, Row};
use crate::record::{Item, Record};
use crate::task::store::RowError;
use crate::task::{Context, Flow, GlobalRows};
use std::sync::Arc;

/// One such join in one task. `G` and `T` are key and value of the global table.
pub(crate) struct GlobalJoin<K, G: Nullable, T: Row, By, F, Out> {
    pub(crate) stage: Arc<str>,
    pub(crate) store: &'static str,
    pub(crate) rows: Arc<GlobalRows>,
    pub(crate) by: Arc<By>,
    pub(crate) unmatched: Unmatched,
    pub(crate) join: Arc<F>,
    pub(crate) keys: G::Format,
    pub(crate) values: T::Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) next: Outlet<K, Out>,
}

/// A null value has nothing to be joined, and neither has a record for which there is no key: both count as dropped. In a left join the latter goes on alone.
impl<K: Item, V: Nullable, G: Nullable, T: Row, Out: Item, By, F> Operator<K, V> for GlobalJoin<K, G, T, By, F, Out>
where
    By: Fn(&K, &V::Present) -> G,
    F: Fn(&K, V::Present, Option<T>) -> Out,
{
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let Some(value) = value.into_present() else {
            task.drop_record();
            return Ok(());
        };
        let row = match (self.by)(&key, &value).into_present() {
            Some(other) => match self.row(&other) {
                Ok(row) => row,
                Err(error) => return error.settle(&self.stage, task),
            },
            None if self.unmatched == Unmatched::Ends => {
                task.drop_record();
                return Ok(());
            }
            None => None,
        };
        if row.is_none() && self.unmatched == Unmatched::Ends {
            return Ok(());
        }
        let value = (self.join)(&key, value, row);
        self.next.send(Record { key, value, timestamp, headers }, task)
    }
}

impl<K, G: Nullable, T: Row, By, F, Out> GlobalJoin<K, G, T, By, F, Out> {
    fn row(&mut self, key: &G::Present) -> Result<Option<T>, RowError> {
        self.bytes.clear();
        self.keys.encode(key, &mut self.bytes).map_err(|source| RowError::Key { store: self.store, source })?;
        let row = self.rows.get(&self.bytes, |found| found.map(|(_, value)| self.values.decode(value)).transpose());
        row.map_err(|source| RowError::Row { store: self.store, source })
    }
}
