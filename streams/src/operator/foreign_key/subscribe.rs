//! The left side: its rows subscribe to their foreign keys. Kafka: `SubscriptionSendProcessorSupplier`.

use super::{RowVersion, Subscription, Wants, version_of};
use crate::format::{Format, FormatError, Row};
use crate::operator::{Operator, Outlet};
use crate::record::{Change, Portable, Record};
use crate::task::{Context, Flow};
use std::sync::Arc;

/// What key of the right table a left row names, if any.
pub(crate) trait ForeignKey<K, V, F>: Fn(&K, &V) -> Option<F> + Portable {}
impl<K, V, F, T: Fn(&K, &V) -> Option<F> + Portable> ForeignKey<K, V, F> for T {}

/// The options of a subscribing side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscribing {
    /// A left row without a match has a result: every change wants an answer, also one without a foreign key.
    pub(crate) is_left_join: bool,
    /// What is not the latest row of a versioned table is no news (KIP-914).
    pub(crate) only_latest: bool,
    /// The task's own partition.
    pub(crate) partition: u32,
}

/// A changed foreign key ends the old subscription before the new one begins, because the two may live in different partitions.
pub(crate) fn subscribe<K: Row, V: Row, F: Row>(
    stage: Arc<str>, foreign_key: Arc<impl ForeignKey<K, V, F>>, of: Subscribing, mut next: Outlet<F::OrNull, Subscription<K>>,
) -> impl Operator<K, Change<V>> {
    let (rows, keys, mut bytes) = (V::Format::default(), F::Format::default(), (Vec::new(), Vec::new()));
    move |record: Record<K, Change<V>>, task: &mut Context| -> Flow {
        let Record { key, value: Change { old, new, is_latest }, timestamp, headers } = record;
        if of.only_latest && !is_latest {
            task.drop_record();
            return Ok(());
        }
        let before = old.as_ref().and_then(|row| foreign_key(&key, row));
        let now = new.as_ref().and_then(|row| foreign_key(&key, row));
        let (version, moved) = match look_at(&new, before.as_ref(), now.as_ref(), &rows, &keys, &mut bytes) {
            Ok(seen) => seen,
            Err(error) => return task.fail(&stage, error.into()),
        };
        let mut send = |foreign: Option<F>, wants: Wants, task: &mut Context| {
            let value = Subscription { left: key.clone(), partition: of.partition, version, wants };
            next.send(Record { key: F::or_null(foreign), value, timestamp, headers: headers.clone() }, task)
        };
        if of.is_left_join {
            if old.is_none() && new.is_none() {
                return Ok(());
            }
            if before.is_some() && moved {
                send(before, Wants::End, task)?;
            }
            return send(now, Wants::Answer, task);
        }
        match (new, before, now) {
            (None, None, _) => Ok(()),
            (None, before, _) => send(before, Wants::EndAndAnswer, task),
            (Some(_), before, None) => {
                task.drop_record();
                if before.is_some() { send(before, Wants::EndAndAnswer, task) } else { Ok(()) }
            }
            (Some(_), before @ Some(_), now) if moved => {
                send(before, Wants::End, task)?;
                send(now, Wants::Answer, task)
            }
            (Some(_), _, now) => send(now, Wants::AnswerIfAny, task),
        }
    }
}

/// The state of the row as it is now, and whether it has left its foreign key. Keys are compared by their bytes.
fn look_at<V: Row, F: Row>(
    row: &Option<V>, before: Option<&F>, now: Option<&F>, rows: &V::Format, keys: &F::Format, bytes: &mut (Vec<u8>, Vec<u8>),
) -> Result<(RowVersion, bool), FormatError> {
    let encode_key = |key: Option<&F>, out: &mut Vec<u8>| {
        out.clear();
        key.map_or(Ok(()), |key| keys.encode(key, out)).map_err(|error| error.in_part("key"))
    };
    let (old, new) = bytes;
    encode_key(before, old)?;
    encode_key(now, new)?;
    let moved = before.is_some() != now.is_some() || old != new;
    old.clear();
    let version = match row {
        Some(row) => {
            rows.encode(row, old).map_err(|error| error.in_part("value"))?;
            Some(version_of(old))
        }
        None => None,
    };
    Ok((version, moved))
}
