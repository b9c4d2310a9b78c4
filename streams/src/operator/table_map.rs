//! `filter`, `filter_not`, `map_values` and `transform_values` of tables: a row becomes another row, or none.
//! Kafka: `KTableFilter`, `KTableMapValues`, `KTableTransformValues`.

use super::{Operator, Outlet, Update};
use crate::format::{Format, Row};
use crate::record::{Change, Record, Timestamp};
use crate::task::Context;
use crate::task::store::{KeyValueRows, RowError};
use std::rc::Rc;
use std::sync::Arc;

/// What a row becomes; deletions are asked about as well.
pub(crate) trait RowMap<K, V, V2>: Fn(&K, Option<V>) -> Option<V2> {}
impl<K, V, V2, F: Fn(&K, Option<V>) -> Option<V2>> RowMap<K, V, V2> for F {}

/// What an operator passes on, beyond the row as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing {
    /// Somebody downstream wants to know what a row was before.
    pub(crate) old_values: bool,
    /// A row that was not and is not ends here: a filter's rule, where it knows.
    pub(crate) nothing: Nothing,
}

/// What becomes of a row that was not and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// It goes on as a deletion.
    GoesOn,
    /// It is nobody's business.
    Ends,
}

/// Without a store: what a row was before is what the parent's was, mapped.
pub(crate) fn table_map<K: Row, V: Row, V2: Row>(
    f: Arc<impl RowMap<K, V, V2> + 'static>, passing: Passing, mut next: Outlet<K, Change<V2>>,
) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        let old = if passing.old_values { f(&key, value.old) } else { None };
        let new = f(&key, value.new);
        if passing.nothing == Nothing::Ends && old.is_none() && new.is_none() {
            return Ok(());
        }
        next.send(Record { key, value: Change { old, new, is_latest: value.is_latest }, timestamp, headers }, task)
    }
}

/// With a store: it knows what the row was before.
pub(crate) fn stored_table_map<K: Row, V: Row, V2: Row>(
    stage: Arc<str>, f: Arc<impl RowMap<K, V, V2> + 'static>, nothing: Nothing, rows: Rc<KeyValueRows<K, V2>>,
    next: Option<Outlet<K, Change<V2>>>,
) -> impl Operator<K, Change<V>> {
    let (mut update, format, mut bytes) = (Update::new(stage, next), K::Format::default(), Vec::new());
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        bytes.clear();
        if let Err(error) = format.encode(&key, &mut bytes) {
            return rows.key_error(error).settle(update.stage(), task);
        }
        let new = f(&key, value.new);
        if nothing == Nothing::Ends && new.is_none() {
            match has_row(&rows, &bytes, &key) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return error.settle(update.stage(), task),
            }
        }
        let written = rows.update(&bytes, || key, &headers, |_, _, _: Timestamp| (new, timestamp));
        update.forward(written, task)
    }
}

fn has_row<K: Row, V: Row>(rows: &KeyValueRows<K, V>, bytes: &[u8], key: &K) -> Result<bool, RowError> {
    Ok(rows.get(bytes, || key.clone())?.is_some())
}
