//! `peek` and `for_each`: user code looks at records. What it does outside is done at least once.

use super::{Operator, Outlet};
use crate::record::{Item, Portable, Record};
use crate::task::Context;
use std::sync::Arc;

pub(crate) fn peek<K: Item, V: Item>(f: Arc<impl Fn(&K, &V) + Portable>, mut next: Outlet<K, V>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        f(&record.key, &record.value);
        next.send(record, task)
    }
}

pub(crate) fn for_each<K: Item, V: Item>(f: Arc<impl Fn(&K, &V) + Portable>) -> impl Operator<K, V> {
    move |record: Record<K, V>, _: &mut Context| {
        f(&record.key, &record.value);
        Ok(())
    }
}
