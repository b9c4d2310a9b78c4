//! `try_map_values`: a value is mapped, or its record fails.

use super::{Operator, Outlet};
use crate::record::{Item, Portable, Record};
use crate::task::{Context, Failure};
use std::fmt::Display;
use std::sync::Arc;

pub(crate) fn try_map_values<K: Item, V: Item, V2: Item, E: Display>(
    stage: Arc<str>, f: Arc<impl Fn(&K, V) -> Result<V2, E> + Portable>, mut next: Outlet<K, V2>,
) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| match f(&record.key, record.value) {
        Ok(value) => next.send(Record { key: record.key, value, timestamp: record.timestamp, headers: record.headers }, task),
        Err(error) => task.fail(&stage, Failure::text(error.to_string())),
    }
}
