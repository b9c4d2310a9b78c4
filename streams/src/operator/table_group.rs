//! `group_by` of tables, and what aggregates the groups: a row that moves is taken out of its old group before it comes into the new one.
//! Kafka: `KTableRepartitionMap`, `KTableAggregate`, `KTableReduce`.

use super::aggregate::{forgets_time_of_deleted, latest};
use super::{Operator, Outlet, Update};
use crate::format::{Format, Nullable, Row};
use crate::record::{Change, Headers, Portable, Record, Timestamp};
use crate::task::store::KeyValueRows;
use crate::task::{Context, Flow};
use std::rc::Rc;
use std::sync::Arc;

/// A row's group and what it brings there.
pub(crate) trait Grouping<K, V, K2, V2>: Fn(&K, V) -> (K2, V2) + Portable {}
impl<K, V, K2, V2, F: Fn(&K, V) -> (K2, V2) + Portable> Grouping<K, V, K2, V2> for F {}

/// What is not the latest row of a versioned table takes no part (KIP-914).
/// Within one group a change is one record; between two, it is two, the old one first. A null group or value is no group at all.
pub(crate) fn table_group<K: Row, V: Row, K2: Nullable, V2: Nullable>(
    f: Arc<impl Grouping<K, V, K2, V2>>, only_latest: bool, mut next: Outlet<K2::Present, Change<V2::Present>>,
) -> impl Operator<K, Change<V>> {
    let (format, mut old_bytes, mut new_bytes) = (<K2::Present as Nullable>::Format::default(), Vec::new(), Vec::new());
    let mut same = move |old: &K2::Present, new: &K2::Present| {
        old_bytes.clear();
        new_bytes.clear();
        // A key that cannot be written fails where it is sent.
        format.encode(old, &mut old_bytes).is_ok() && format.encode(new, &mut new_bytes).is_ok() && old_bytes == new_bytes
    };
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value: Change { old, new, is_latest }, timestamp, headers } = record;
        if only_latest && !is_latest {
            return Ok(());
        }
        let place = |row: Option<V>| -> Option<(K2::Present, V2::Present)> {
            let (group, value) = f(&key, row?);
            Some((group.into_present()?, value.into_present()?))
        };
        let mut send = |group, old, new, headers: Headers, task: &mut Context| -> Flow {
            next.send(Record { key: group, value: Change { old, new, is_latest }, timestamp, headers }, task)
        };
        match (place(old), place(new)) {
            (Some((from, old)), Some((to, new))) if same(&from, &to) => send(from, Some(old), Some(new), headers, task),
            (from, to) => {
                if let Some((from, old)) = from {
                    send(from, Some(old), None, headers.clone(), task)?;
                }
                to.map_or(Ok(()), |(to, new)| send(to, None, Some(new), headers, task))
            }
        }
    }
}

/// How a group's aggregate changes; no aggregate deletes the row.
pub(crate) struct Adjust<Add, Subtract> {
    /// Puts a value into an aggregate that may not exist yet.
    pub(crate) add: Add,
    /// Takes a value out of an aggregate.
    pub(crate) subtract: Subtract,
}

/// The old value goes out first, then the new one comes in, and the aggregate is told of once. Its time is the largest of its records', unless it begins anew.
pub(crate) fn table_aggregate<K: Row, V: Row, A: Row>(
    stage: Arc<str>, adjust: Arc<Adjust<impl Fn(&K, V, Option<A>) -> Option<A> + 'static, impl Fn(&K, V, A) -> Option<A> + 'static>>,
    rows: Rc<KeyValueRows<K, A>>, next: Option<Outlet<K, Change<A>>>,
) -> impl Operator<K, Change<V>> {
    let (mut update, format, mut bytes) = (Update::new(stage, next), K::Format::default(), Vec::new());
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value: Change { old, new, .. }, timestamp, headers } = record;
        bytes.clear();
        let forgets = forgets_time_of_deleted(rows.is_cached(), task);
        let adjust = |key: &K, held: Option<A>, time: Timestamp| {
            let touched = held.is_some() && (old.is_some() || new.is_some());
            let latest = latest(touched, time, timestamp);
            let left = match (old, held) {
                (Some(old), Some(held)) => (adjust.subtract)(key, old, held),
                (_, held) => held,
            };
            let aggregate = match new {
                Some(new) => (adjust.add)(key, new, left),
                None => left,
            };
            let time = if aggregate.is_none() && forgets { timestamp } else { latest };
            (aggregate, time)
        };
        let written = match format.encode(&key, &mut bytes) {
            Ok(()) => rows.update(&bytes, || key, &headers, adjust),
            Err(error) => Err(rows.key_error(error)),
        };
        update.forward(written, task)
    }
}
