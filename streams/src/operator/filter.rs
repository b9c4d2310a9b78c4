//! `filter` and `filter_not`: records pass or do not.

use super::{Operator, Outlet};
use crate::record::{Item, Portable, Record};
use crate::task::Context;
use std::sync::Arc;

pub(crate) fn filter<K: Item, V: Item>(passes: Arc<impl Fn(&K, &V) -> bool + Portable>, mut next: Outlet<K, V>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        if passes(&record.key, &record.value) { next.send(record, task) } else { Ok(()) }
    }
}
