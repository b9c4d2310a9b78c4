//! Nodes that only pass on: where streams meet (`merge`), and the branches of a `split`.

use super::{Operator, Outlet};
use crate::record::{Item, Record};
use crate::task::Context;

pub(crate) fn pass<K: Item, V: Item>(mut next: Outlet<K, V>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| next.send(record, task)
}
