//! Global tables: each instance reads all of their topics. They belong to no sub-topology and to no task.

use crate::log::RecordRef;
use crate::record::Timestamp;
use crate::task::{Clocks, Unreadable};
use std::fmt;
use std::sync::Arc;

/// A global table of a topology.
#[derive(Clone)]
pub(crate) struct GlobalTable {
    pub(crate) topic: &'static str,
    pub(crate) store: &'static str,
    pub(crate) read: ReadGlobal,
}

/// Reads a record as a row, in the formats of the store. None: it is no row (a null key).
pub(crate) type ReadGlobal = Arc<dyn Fn(&RecordRef<'_>, Clocks) -> Result<Option<GlobalRow>, Unreadable> + Send + Sync>;

/// A row of a global table as its store has it.
pub(crate) struct GlobalRow {
    pub(crate) key: Vec<u8>,
    /// None: the row is deleted.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: Timestamp,
}

impl fmt::Debug for GlobalTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.topic, self.store)
    }
}
