//! `transform_values_with`: a row becomes another one, with stores at hand. Kafka: `KTableTransformValues`.

use super::{Operator, Outlet, Processing};
use crate::format::{Nullable, Row};
use crate::record::{Change, Record};
use crate::task::store::Handles;
use crate::task::{Context, Failure, Flow};

/// Each change is one call, with the row as it is now. What the function has made of it before only a store of the result knows: its own may have changed since.
pub(crate) fn table_transform<K: Row, V: Row, H: Handles, V2: Nullable>(
    mut processing: Processing<H>, f: impl Fn(&K, Option<V>, &mut H) -> Result<V2, Failure>, mut next: Outlet<K, Option<V2::Present>>,
) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| -> Flow {
        let Record { key, value, timestamp, headers } = record;
        processing.call.begin(timestamp);
        let mut made = None;
        let outcome = f(&key, value.new, &mut processing.handles).map(|row| made = Some(row));
        processing.settle(outcome, None, task)?;
        match made {
            Some(row) => next.send(Record { key, value: row.into_present(), timestamp, headers }, task),
            None => Ok(()),
        }
    }
}
