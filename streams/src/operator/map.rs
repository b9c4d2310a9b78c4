//! `map`, `map_values` and `select_key`: one record becomes another.

use super::{Operator, Outlet};
use crate::record::{Item, Portable, Record};
use crate::task::Context;
use std::sync::Arc;

pub(crate) fn map<K: Item, V: Item, K2: Item, V2: Item>(
    f: Arc<impl Fn(K, V) -> (K2, V2) + Portable>, mut next: Outlet<K2, V2>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| next.send(record.carry(&*f), task)
}

pub(crate) fn map_values<K: Item, V: Item, V2: Item>(
    f: Arc<impl Fn(&K, V) -> V2 + Portable>, mut next: Outlet<K, V2>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let mapped = record.carry(|key, value| {
            let value = f(&key, value);
            (key, value)
        });
        next.send(mapped, task)
    }
}

pub(crate) fn select_key<K: Item, V: Item, K2: Item>(
    f: Arc<impl Fn(&K, &V) -> K2 + Portable>, mut next: Outlet<K2, V>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| next.send(record.carry(|key, value| (f(&key, &value), value)), task)
}
