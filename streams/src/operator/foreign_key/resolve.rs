//! Back on the left side: answers become results. Kafka: `ResponseJoinProcessorSupplier`.

use super::{Answer, version_of};
use crate::format::{Format, Row};
use crate::operator::{AsOf, Getter, Operator, Outlet};
use crate::record::Record;
use crate::task::{Context, Flow};
use std::sync::Arc;

/// What a join makes of a left row and of the right row that it names.
pub(crate) type ForeignJoiner<K, V, R, Out> = Arc<dyn Fn(&K, V, Option<R>) -> Option<Out> + Send + Sync>;

/// An answer to what the left row no longer says is dropped: another one is on its way. Without a right row there is a result only where
/// `joins_alone`, without a left row there is none.
pub(crate) fn resolve<K: Row, V: Row, R: Row, Out: Row>(
    stage: Arc<str>, row_of: Getter<K, V>, joins_alone: bool, join: ForeignJoiner<K, V, R, Out>, mut next: Outlet<K, Option<Out>>,
) -> impl Operator<K, Answer<R>> {
    let (rows, mut bytes) = (V::Format::default(), Vec::new());
    move |record: Record<K, Answer<R>>, task: &mut Context| -> Flow {
        let Record { key, value: answer, timestamp, headers } = record;
        let left = match row_of(&key, AsOf::Now) {
            Ok(found) => found.map(|(row, _)| row),
            Err(error) => return error.settle(&stage, task),
        };
        let version = match &left {
            Some(row) => {
                bytes.clear();
                if let Err(error) = rows.encode(row, &mut bytes) {
                    return task.fail(&stage, error.in_part("value").into());
                }
                Some(version_of(&bytes))
            }
            None => None,
        };
        if version != answer.version {
            task.drop_record();
            return Ok(());
        }
        let value = left.filter(|_| joins_alone || answer.row.is_some()).and_then(|row| join(&key, row, answer.row));
        next.send(Record { key, value, timestamp, headers }, task)
    }
}
