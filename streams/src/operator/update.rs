//! What every operator that writes a table's store does afterwards: forward now, or leave it to the flush.

use super::Outlet;
use crate::record::Change;
use crate::task::store::{RowError, Written};
use crate::task::{Context, Flow};
use std::sync::Arc;

/// The way on from a store.
pub(crate) struct Update<K, V> {
    stage: Arc<str>,
    /// A cached store's flusher has it instead.
    next: Option<Outlet<K, Change<V>>>,
    /// Somebody downstream asks what rows were before.
    old_values: bool,
}

impl<K: Clone, V: Clone> Update<K, V> {
    pub(crate) fn new(stage: Arc<str>, next: Option<Outlet<K, Change<V>>>) -> Self {
        Update { stage, next, old_values: false }
    }

    /// Those downstream ask what rows were before.
    pub(crate) fn with_old_values(self, old_values: bool) -> Self {
        Update { old_values, ..self }
    }

    pub(crate) fn stage(&self) -> &Arc<str> {
        &self.stage
    }

    #[inline]
    pub(crate) fn forward(&mut self, written: Result<Written<K, V>, RowError>, task: &mut Context) -> Flow {
        self.forward_from(written, || None, task)
    }

    /// The same, where a row that was not counts as having been `initial`: to those who ask, Kafka's aggregations say what the aggregate began
    /// as, unless a cache stands between.
    #[inline]
    pub(crate) fn forward_from(
        &mut self, written: Result<Written<K, V>, RowError>, initial: impl FnOnce() -> Option<V>, task: &mut Context,
    ) -> Flow {
        match written {
            // The store has counted what it refused.
            Ok(Written::Held | Written::Expired) => Ok(()),
            Ok(Written::Through(mut record)) => {
                if self.old_values && record.value.old.is_none() {
                    record.value.old = initial();
                }
                self.next.as_mut().expect("an uncached store's operator forwards").send(record, task)
            }
            Err(error) => error.settle(&self.stage, task),
        }
    }
}
