//! `filter`, `filter_not` and `map_values` of tables: a row becomes another row, or none. Kafka: `KTableFilter`, `KTableMapValues`.

use super::{Operator, Outlet};
use crate::format::Row;
use crate::record::{Change, Portable, Record};
use crate::task::Context;
use std::sync::Arc;

/// A row that was not and is not is nobody's business, but only a filter knows: a mapper that deletes passes the deletion on.
pub(crate) fn table_filter<K: Row, V: Row>(
    passes: Arc<impl Fn(&K, &V) -> bool + Portable>, mut next: Outlet<K, Change<V>>,
) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        let old = value.old.filter(|row| passes(&key, row));
        let new = value.new.filter(|row| passes(&key, row));
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        next.send(Record { key, value: Change { old, new }, timestamp, headers }, task)
    }
}

pub(crate) fn table_map_values<K: Row, V: Row, V2: Row>(
    f: Arc<impl Fn(&K, V) -> Option<V2> + Portable>, mut next: Outlet<K, Change<V2>>,
) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        let old = value.old.and_then(|row| f(&key, row));
        let new = value.new.and_then(|row| f(&key, row));
        next.send(Record { key, value: Change { old, new }, timestamp, headers }, task)
    }
}
