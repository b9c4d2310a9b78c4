//! A stream meets a table: each record with the row that its key has now or, in a versioned table, had at the record's time. Kafka: `KStreamKTableJoinProcessor`.

use super::{AsOf, Getter, Operator, Outlet};
use crate::format::Nullable;
use crate::record::{Item, Record};
use crate::task::{Context, Flow};
use std::sync::Arc;

/// What becomes of a record that finds no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// It ends here (an inner join).
    Ends,
    /// It goes on alone (a left join), even without a key.
    GoesOn,
}

/// One join of a stream and a table in one task.
pub(crate) struct StreamTableJoin<K: Nullable, T, F, Out> {
    pub(crate) stage: Arc<str>,
    pub(crate) row_of: Getter<K::Present, T>,
    pub(crate) unmatched: Unmatched,
    pub(crate) join: Arc<F>,
    pub(crate) next: Outlet<K, Out>,
}

/// A null value has nothing to be joined; it counts as dropped, as does a key that finds nothing because it is null.
impl<K: Nullable, V: Nullable, T: Item, Out: Item, F: Fn(&K, V::Present, Option<T>) -> Out> Operator<K, V>
    for StreamTableJoin<K, T, F, Out>
{
    fn process(&mut self, record: Record<K, V>, task: &mut Context) -> Flow {
        let Record { key, value, timestamp, headers } = record;
        let has_key = key.present().is_some();
        let (Some(value), true) = (value.into_present(), has_key || self.unmatched == Unmatched::GoesOn) else {
            task.drop_record();
            return Ok(());
        };
        self.join(Record { key, value, timestamp, headers }, task)
    }
}

impl<K: Nullable, T: Item, F, Out: Item> StreamTableJoin<K, T, F, Out> {
    /// Joins a record that has a value.
    #[inline]
    pub(super) fn join<V>(&mut self, record: Record<K, V>, task: &mut Context) -> Flow
    where
        F: Fn(&K, V, Option<T>) -> Out,
    {
        let Record { key, value, timestamp, headers } = record;
        let row = match key.present().map(|key| (self.row_of)(key, AsOf::Time(timestamp))).transpose() {
            Ok(row) => row.flatten().map(|(row, _)| row),
            Err(error) => return error.settle(&self.stage, task),
        };
        if row.is_none() && self.unmatched == Unmatched::Ends {
            return Ok(());
        }
        let value = (self.join)(&key, value, row);
        self.next.send(Record { key, value, timestamp, headers }, task)
    }
}
