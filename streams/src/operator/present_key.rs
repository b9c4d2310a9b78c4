//! Records with a null key belong to no group and end here.

use super::{Operator, Outlet};
use crate::format::Nullable;
use crate::record::{Item, Record};
use crate::task::Context;

pub(crate) fn present_key<K: Nullable, V: Item>(mut next: Outlet<K::Present, V>) -> impl Operator<K, V> {
    move |record: Record<K, V>, task: &mut Context| {
        let Record { key, value, timestamp, headers } = record;
        match key.into_present() {
            Some(key) => next.send(Record { key, value, timestamp, headers }, task),
            None => {
                task.drop_record();
                Ok(())
            }
        }
    }
}
