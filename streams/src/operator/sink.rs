//! `to`: records, and changes of tables, become bytes and wait in the outbox of their task.

use super::Operator;
use crate::format::{Nullable, Row};
use crate::record::{Change, Item, Record};
use crate::task::{Context, OutputId};
use crate::topic::Sink;
use std::sync::Arc;

pub(crate) fn sink<K: Item, V: Item>(stage: Arc<str>, sink: Arc<Sink<K, V>>, to: OutputId) -> impl Operator<K, V> {
    let mut key = Vec::new();
    move |record: Record<K, V>, task: &mut Context| {
        key.clear();
        let sent = (sink.key)(&record.key, &mut key).map_err(|error| error.in_part("key")).and_then(|has_key| {
            let key = has_key.then_some(&key[..]);
            let value = |out: &mut Vec<u8>| (sink.value)(&record.value, out).map_err(|error| error.in_part("value"));
            task.outbox.send(to, key, record.timestamp, &record.headers, value)
        });
        sent.or_else(|error| task.fail_send(&stage, error.into()))
    }
}

/// The same for a table: the row as it is now, a tombstone where it is deleted. The sink's values may have a null or not, so its encoder knows only rows.
pub(crate) fn table_sink<K: Row, V: Row, S: Nullable<Present = V>>(
    stage: Arc<str>, sink: Arc<Sink<K, S>>, to: OutputId,
) -> impl Operator<K, Change<V>> {
    let mut key = Vec::new();
    move |record: Record<K, Change<V>>, task: &mut Context| {
        key.clear();
        let sent = (sink.key)(&record.key, &mut key).map_err(|error| error.in_part("key")).and_then(|_| {
            let value = |out: &mut Vec<u8>| match record.value.new {
                Some(row) => (sink.value)(&S::from_present(row), out).map_err(|error| error.in_part("value")),
                None => Ok(false),
            };
            task.outbox.send(to, Some(&key[..]), record.timestamp, &record.headers, value)
        });
        sent.or_else(|error| task.fail_send(&stage, error.into()))
    }
}
