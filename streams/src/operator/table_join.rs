//! Two tables by one key: each change meets the row that the other side has now. Kafka: `KTableKTableInnerJoin` and its left, right and outer siblings.

use super::{AsOf, Getter, Operator, Outlet, Update};
use crate::format::{Format, Row};
use crate::record::{Change, Record, Timestamp};
use crate::task::store::{KeyValueRows, RowError, Written};
use crate::task::{Context, Flow};
use std::rc::Rc;
use std::sync::Arc;

/// What a join makes of a row of one side and one of the other; it is not asked about neither.
pub(crate) type TableJoiner<K, V, R, Out> = Arc<dyn Fn(&K, Option<V>, Option<R>) -> Option<Out> + Send + Sync>;

/// Whose absence leaves nothing to be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) own: bool,
    pub(crate) other: bool,
}

impl Needs {
    /// The same seen from the other side.
    pub(crate) fn turned(self) -> Self {
        Needs { own: self.other, other: self.own }
    }

    fn are_met(self, has_own: bool, has_other: bool) -> bool {
        (has_own || has_other) && (has_own || !self.own) && (has_other || !self.other)
    }
}

/// How one side of a join treats what comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JoinSide {
    pub(crate) needs: Needs,
    /// Somebody downstream wants to know what a result was before.
    pub(crate) old_values: bool,
    /// The side is a versioned table: what is not its latest row is no news (KIP-914).
    pub(crate) only_latest: bool,
}

/// One side: its changes meet the rows of the other. The result's time is the larger one of both; an absent row has none, a deletion its own.
pub(crate) fn table_join_side<K: Row, V: Row, R: Row, Out: Row>(
    stage: Arc<str>, side: JoinSide, other: Getter<K, R>, join: TableJoiner<K, V, R, Out>, mut next: Outlet<K, Change<Out>>,
) -> impl Operator<K, Change<V>> {
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value: Change { old, new, is_latest }, timestamp, headers } = record;
        if side.only_latest && !is_latest {
            task.drop_record();
            return Ok(());
        }
        let (row, time) = match other(&key, AsOf::Now) {
            Ok(found) => found.map_or((None, timestamp), |(row, time)| (Some(row), time)),
            Err(error) => return error.settle(&stage, task),
        };
        if row.is_none() && (side.needs.other || (old.is_none() && new.is_none())) {
            return Ok(());
        }
        let result = |own: Option<V>, row: Option<R>| {
            if side.needs.are_met(own.is_some(), row.is_some()) { join(&key, own, row) } else { None }
        };
        let old = if side.old_values { result(old, row.clone()) } else { None };
        let new = result(new, row);
        next.send(Record { key, value: Change { old, new, is_latest }, timestamp: timestamp.max(time), headers }, task)
    }
}

/// Where both sides come together; a store keeps the results. What a result was before the sides know, not the store. Kafka: `KTableKTableJoinMerger`.
pub(crate) fn stored_join<K: Row, V: Row>(
    stage: Arc<str>, old_values: bool, rows: Rc<KeyValueRows<K, V>>, next: Option<Outlet<K, Change<V>>>,
) -> impl Operator<K, Change<V>> {
    let (mut update, format, mut bytes) = (Update::new(stage, next), K::Format::default(), Vec::new());
    move |record: Record<K, Change<V>>, task: &mut Context| {
        let Record { key, value: Change { old, new, .. }, timestamp, headers } = record;
        bytes.clear();
        let written = match format.encode(&key, &mut bytes) {
            Ok(()) => rows.update(&bytes, || key, &headers, |_, _, _: Timestamp| (new, timestamp)),
            Err(error) => Err(rows.key_error(error)),
        };
        let written = written.map(|written| match written {
            Written::Through(mut record) => {
                record.value.old = old.filter(|_| old_values);
                Written::Through(record)
            }
            held_or_expired => held_or_expired,
        });
        update.forward(written, task)
    }
}

/// The same without a store.
pub(crate) fn passing_join<K: Row, V: Row>(old_values: bool, mut next: Outlet<K, Change<V>>) -> impl Operator<K, Change<V>> {
    move |mut record: Record<K, Change<V>>, task: &mut Context| -> Flow {
        record.value.old = record.value.old.filter(|_| old_values);
        next.send(record, task)
    }
}

/// The result of a key, computed when somebody asks.
pub(crate) fn joined_row<K: Row, V: Row, R: Row, Out: Row>(
    needs: Needs, left: Getter<K, V>, right: Getter<K, R>, join: TableJoiner<K, V, R, Out>,
) -> Getter<K, Out> {
    // Also for those who ask about another time: a join is never versioned (KIP-914).
    Rc::new(move |key: &K, _: AsOf| -> Result<Option<(Out, Timestamp)>, RowError> {
        let own = left(key, AsOf::Now)?;
        if own.is_none() && needs.own {
            return Ok(None);
        }
        let other = right(key, AsOf::Now)?;
        let Some(time) = own.as_ref().map(|(_, time)| *time).max(other.as_ref().map(|(_, time)| *time)) else { return Ok(None) };
        if !needs.are_met(own.is_some(), other.is_some()) {
            return Ok(None);
        }
        Ok(join(key, own.map(|(row, _)| row), other.map(|(row, _)| row)).map(|row| (row, time)))
    })
}
