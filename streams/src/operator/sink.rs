//! `to`: records, and changes of tables, become bytes and wait in the outbox of their task.

use super::Operator;
use super::routed::{Letter, Routed};
use crate::format::{FormatError, Nullable, Row};
use crate::record::{Change, Item, Record};
use crate::task::{Context, OutputId};
use crate::topic::Sink;
use std::sync::Arc;

pub(crate) fn sink<K: Item, V: Nullable>(stage: Arc<str>, sink: Arc<Sink<K, V>>, to: OutputId) -> impl Operator<K, V> {
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

/// The same where records choose their topic or their partitions.
pub(crate) fn routed_sink<K: Item, V: Nullable>(stage: Arc<str>, sink: Arc<Sink<K, V>>, mut routed: Routed<K, V>) -> impl Operator<K, V> {
    let mut key = Vec::new();
    move |record: Record<K, V>, task: &mut Context| {
        key.clear();
        let Record { key: typed, value, timestamp, headers } = &record;
        match (sink.key)(typed, &mut key) {
            Ok(has_key) => {
                let letter = Letter { key: has_key.then_some(&key[..]), timestamp: *timestamp, headers };
                let write = |out: &mut Vec<u8>| (sink.value)(value, out).map_err(|error| error.in_part("value"));
                routed.send(typed, value.present(), &letter, task, write)
            }
            Err(error) => task.fail_send(&stage, error.in_part("key").into()),
        }
    }
}

/// What a table's sink writes: the row as it is now, a tombstone where it is deleted. The sink's values may have a null or not, so its encoder knows only rows.
fn write_row<K, S: Nullable>(sink: &Sink<K, S>, row: Option<S::Present>, out: &mut Vec<u8>) -> Result<bool, FormatError> {
    match row {
        Some(row) => (sink.value)(&S::from_present(row), out).map_err(|error| error.in_part("value")),
        None => Ok(false),
    }
}

/// The same for a table.
pub(crate) fn table_sink<K: Row, V: Row, S: Nullable<Present = V>>(
    stage: Arc<str>, sink: Arc<Sink<K, S>>, to: OutputId,
) -> impl Operator<K, Change<V>> {
    let mut key = Vec::new();
    move |record: Record<K, Change<V>>, task: &mut Context| {
        key.clear();
        let sent = (sink.key)(&record.key, &mut key).map_err(|error| error.in_part("key")).and_then(|_| {
            let value = |out: &mut Vec<u8>| write_row(&sink, record.value.new, out);
            task.outbox.send(to, Some(&key[..]), record.timestamp, &record.headers, value)
        });
        sent.or_else(|error| task.fail_send(&stage, error.into()))
    }
}

/// The same for a table whose rows choose their topic or their partitions.
pub(crate) fn routed_table_sink<K: Row, V: Row, S: Nullable<Present = V>>(
    stage: Arc<str>, sink: Arc<Sink<K, S>>, mut routed: Routed<K, S>,
) -> impl Operator<K, Change<V>> {
    let mut key = Vec::new();
    move |record: Record<K, Change<V>>, task: &mut Context| {
        key.clear();
        let Record { key: typed, value: Change { new, .. }, timestamp, headers } = &record;
        match (sink.key)(typed, &mut key) {
            Ok(_) => {
                let letter = Letter { key: Some(&key[..]), timestamp: *timestamp, headers };
                routed.send(typed, new.as_ref(), &letter, task, |out: &mut Vec<u8>| write_row(&sink, new.clone(), out))
            }
            Err(error) => task.fail_send(&stage, error.in_part("key").into()),
        }
    }
}
