//! `aggregate`, `reduce` and `count` without windows. Kafka: `KStreamAggregate`, `KStreamReduce`.

use super::{Operator, Update};
use crate::format::{Format, Nullable, Row};
use crate::record::{Record, Timestamp};
use crate::runtime::TimeRule;
use crate::task::Context;
use crate::task::store::KeyValueRows;
use std::rc::Rc;
use std::sync::Arc;

/// How a value goes into an aggregate that may not exist yet; no aggregate deletes the row.
pub(crate) trait Fold<K, V, A>: Fn(&K, V, Option<A>) -> Option<A> {}
impl<K, V, A, F: Fn(&K, V, Option<A>) -> Option<A>> Fold<K, V, A> for F {}

/// What an aggregate begins as; none: its first value stands for itself.
pub(crate) type Initial<A> = Arc<dyn Fn() -> Option<A> + Send + Sync>;

/// Without a window a null value is no event. The aggregate's time is the largest of its records'.
pub(crate) fn aggregate<K: Row, V: Nullable, A: Row>(
    mut update: Update<K, A>, fold: Arc<impl Fold<K, V::Present, A> + 'static>, initial: Initial<A>, rows: Rc<KeyValueRows<K, A>>,
) -> impl Operator<K, V> {
    let (format, mut bytes) = (K::Format::default(), Vec::new());
    move |record: Record<K, V>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        let Some(value) = value.into_present() else {
            task.drop_record();
            return Ok(());
        };
        bytes.clear();
        let forgets = forgets_time_of_deleted(rows.is_cached(), task);
        let written = match format.encode(&key, &mut bytes) {
            Ok(()) => rows.update(
                &bytes,
                || key,
                &headers,
                |key, held, time| {
                    let time = latest(held.is_some(), time, timestamp);
                    let new = fold(key, value, held);
                    let time = if new.is_none() && forgets { timestamp } else { time };
                    (new, time)
                },
            ),
            Err(error) => Err(rows.key_error(error)),
        };
        update.forward_from(written, &*initial, task)
    }
}

/// A cache of Kafka keeps no time with what it deletes, and tells that of the record which deleted it (`TimestampedCacheFlushListener`), where a store
/// without one tells the aggregate's. Where time is the watermark, what is told must not depend on a cache.
#[inline]
pub(crate) fn forgets_time_of_deleted(is_cached: bool, task: &Context) -> bool {
    is_cached && task.rules.time == TimeRule::Kafka
}

/// The time of an aggregate: the largest of its records', out-of-order ones included.
#[inline]
pub(crate) fn latest(exists: bool, held: Timestamp, timestamp: Timestamp) -> Timestamp {
    if exists { held.max(timestamp) } else { timestamp }
}
