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
}

impl<K: Clone, V: Clone> Update<K, V> {
    pub(crate) fn new(stage: Arc<str>, next: Option<Outlet<K, Change<V>>>) -> Self {
        Update { stage, next }
    }

    pub(crate) fn stage(&self) -> &Arc<str> {
        &self.stage
    }

    #[inline]
    pub(crate) fn forward(&mut self, written: Result<Written<K, V>, RowError>, task: &mut Context) -> Flow {
        match written {
            Ok(Written::Held) => Ok(()),
            Ok(Written::Expired) => {
                task.drop_record();
                Ok(())
            }
            Ok(Written::Through(record)) => self.next.as_mut().expect("an uncached store's operator forwards").send(record, task),
            Err(error) => error.settle(&self.stage, task),
        }
    }
}
