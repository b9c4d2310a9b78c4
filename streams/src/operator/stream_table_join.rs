//! A stream meets a table: each record with the row that its key has now or, in a versioned table, had at the record's time. Kafka: `KStreamKTableJoinProcessor`.

use super::{AsOf, Getter, Operator, Outlet};
use crate::format::Nullable;
use crate::record::{Item, Record};
use crate::task::Context;
use std::sync::Arc;

/// What becomes of a record that finds no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// It ends here (an inner join).
    Ends,
    /// It goes on alone (a left join), even without a key.
    GoesOn,
}

/// A null value has nothing to be joined; it counts as dropped, as does a key that finds nothing because it is null.
pub(crate) fn stream_table_join<K: Nullable, V: Nullable, T: Item, Out: Item>(
    stage: Arc<str>, row_of: Getter<K::Present, T>, unmatched: Unmatched, join: Arc<impl Fn(&K, V::Present, Option<T>) -> Out + 'static>,
    mut next: Outlet<K, Out>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        let has_key = key.present().is_some();
        let (Some(value), true) = (value.into_present(), has_key || unmatched == Unmatched::GoesOn) else {
            task.drop_record();
            return Ok(());
        };
        let row = match key.present().map(|key| row_of(key, AsOf::Time(timestamp))).transpose() {
            Ok(row) => row.flatten().map(|(row, _)| row),
            Err(error) => return error.settle(&stage, task),
        };
        if row.is_none() && unmatched == Unmatched::Ends {
            return Ok(());
        }
        let value = join(&key, value, row);
        next.send(Record { key, value, timestamp, headers }, task)
    }
}
