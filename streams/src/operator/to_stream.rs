//! `to_stream` and `updates`: a table's changes as events.

use super::{Operator, Outlet};
use crate::format::{Nullable, Row};
use crate::record::{Change, Record};
use crate::task::Context;

/// Every change, deletions as nulls.
pub(crate) fn to_stream<K: Row, V: Row>(mut next: Outlet<K, V::OrNull>) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        next.send(record.carry(|key, change| (key, <V as Nullable>::or_null(change.new))), task)
    }
}

/// Every change but the deletions.
pub(crate) fn updates<K: Row, V: Row>(mut next: Outlet<K, V>) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        match value.new {
            Some(value) => next.send(Record { key, value, timestamp, headers }, task),
            None => Ok(()),
        }
    }
}
