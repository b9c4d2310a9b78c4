//! `flat_map` and `flat_map_values`: one record becomes any number of them.

use super::{Operator, Outlet};
use crate::record::{Item, Portable, Record};
use crate::task::Context;
use std::sync::Arc;

pub(crate) fn flat_map<K: Item, V: Item, K2: Item, V2: Item, I: IntoIterator<Item = (K2, V2)>>(
    f: Arc<impl Fn(K, V) -> I + Portable>, mut next: Outlet<K2, V2>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        for (key, value) in f(key, value) {
            next.send(Record { key, value, timestamp, headers: headers.clone() }, task)?;
        }
        Ok(())
    }
}

pub(crate) fn flat_map_values<K: Item, V: Item, V2: Item, I: IntoIterator<Item = V2>>(
    f: Arc<impl Fn(&K, V) -> I + Portable>, mut next: Outlet<K, V2>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        for value in f(&key, value) {
            next.send(Record { key: key.clone(), value, timestamp, headers: headers.clone() }, task)?;
        }
        Ok(())
    }
}
