//! The end of a sub-topology: records go to an internal topic, to the partition of their new key.

use super::Operator;
use super::routed::{Letter, Routed};
use crate::format::Nullable;
use crate::record::Record;
use crate::task::{Context, OutputId};
use crate::topic::encode;
use std::sync::Arc;

/// A null key has no partition of its own: such records end here, uncounted as in Kafka, unless somebody below wants them (a left join).
pub(crate) fn repartition<K: Nullable, V: Nullable>(stage: Arc<str>, to: OutputId, keeps_null_keys: bool) -> impl Operator<K, V> {
    let mut key = Vec::new();
    move |record: Record<K, V>, task: &mut Context| {
        key.clear();
        let sent = encode(&record.key, &mut key).map_err(|error| error.in_part("key")).and_then(|has_key| {
            if !has_key && !keeps_null_keys {
                return Ok(());
            }
            let key = has_key.then_some(&key[..]);
            let value = |out: &mut Vec<u8>| encode(&record.value, out).map_err(|error| error.in_part("value"));
            task.outbox.send(to, key, record.timestamp, &record.headers, value)
        });
        sent.or_else(|error| task.fail_send(&stage, error.into()))
    }
}

/// The same with partitions of the user's choice.
pub(crate) fn routed_repartition<K: Nullable, V: Nullable>(
    stage: Arc<str>, mut routed: Routed<K, V>, keeps_null_keys: bool,
) -> impl Operator<K, V> {
    let mut key = Vec::new();
    move |record: Record<K, V>, task: &mut Context| {
        key.clear();
        match encode(&record.key, &mut key) {
            Ok(false) if !keeps_null_keys => Ok(()),
            Ok(has_key) => {
                let letter = Letter { key: has_key.then_some(&key[..]), timestamp: record.timestamp, headers: &record.headers };
                let write = |out: &mut Vec<u8>| encode(&record.value, out).map_err(|error| error.in_part("value"));
                routed.send(&record.key, record.value.present(), &letter, task, write)
            }
            Err(error) => task.fail_send(&stage, error.in_part("key").into()),
        }
    }
}
