//! `with_coordinates`: a value together with where its record was read.

use super::{Operator, Outlet};
use crate::record::{Item, Record};
use crate::task::{Context, Coordinates, Failure};
use std::sync::Arc;

pub(crate) fn with_coordinates<K: Item, V: Item>(stage: Arc<str>, mut next: Outlet<K, (Coordinates, V)>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| match task.coordinates().cloned() {
        Some(at) => next.send(record.carry(|key, value| (key, (at, value))), task),
        None => task.fail(&stage, Failure::text("a record that a cache forwards was read nowhere; take coordinates before the table")),
    }
}
