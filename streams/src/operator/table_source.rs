//! What makes a table of a stream: each record puts its row in the place of the one before, or deletes it. Kafka: `KTableSource`, `KStreamToTable`.

use super::{Operator, Outlet, Update};
use crate::format::{Format, Row};
use crate::record::{Change, Record};
use crate::task::Context;
use crate::task::store::KeyValueRows;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) fn table_source<K: Row, V: Row>(
    stage: Arc<str>, rows: Rc<KeyValueRows<K, V>>, next: Option<Outlet<K, Change<V>>>,
) -> impl Operator<K, Option<V>> {
    let (mut update, format, mut bytes) = (Update::new(stage, next), K::Format::default(), Vec::new());
    move |record: Record<K, Option<V>>, task: &mut Context| {
        bytes.clear();
        let Record { key, value, timestamp, headers } = record;
        let written = match format.encode(&key, &mut bytes) {
            Ok(()) => rows.update(&bytes, || key, &headers, |_, _, _| (value, timestamp)),
            Err(error) => Err(rows.key_error(error)),
        };
        update.forward(written, task)
    }
}

/// The same where nobody asks for rows: nothing is kept, and what a row was before is unknown.
pub(crate) fn passing_table<K: Row, V: Row>(mut next: Outlet<K, Change<V>>) -> impl Operator<K, Option<V>> {
    move |record: Record<K, Option<V>>, task: &mut Context| next.send(record.carry(|key, row| (key, Change::new(None, row))), task)
}
