//! `split`: each record goes into the first branch that takes it.

use super::Operator;
use crate::record::{Item, Record};
use crate::task::Context;
use std::sync::Arc;

/// Whether a branch takes a record.
pub(crate) type Predicate<K, V> = Arc<dyn Fn(&K, &V) -> bool + Send + Sync>;

/// What no branch takes goes nowhere.
pub(crate) fn split<K: Item, V: Item>(mut branches: Vec<(Predicate<K, V>, Box<dyn Operator<K, V>>)>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let taker = branches.iter_mut().find(|(takes, _)| takes(&record.key, &record.value));
        taker.map_or(Ok(()), |(_, branch)| branch.process(record, task))
    }
}
