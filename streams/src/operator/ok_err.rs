//! `ok_err`: results part, so that failures take their own road.

use super::Operator;
use crate::record::{Item, Record};
use crate::task::Context;

pub(crate) fn ok_err<K: Item, V: Item, E: Item>(
    mut ok: Box<dyn Operator<K, V>>, mut err: Box<dyn Operator<K, E>>,
) -> impl Operator<K, Result<V, E>> {
    move |record: Record<K, Result<V, E>>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        match value {
            Ok(value) => ok.process(Record { key, value, timestamp, headers }, task),
            Err(value) => err.process(Record { key, value, timestamp, headers }, task),
        }
    }
}
