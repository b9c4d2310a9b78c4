//! The seam to storage: ordered bytes, written in atomic sets. What is in memory for the simulated log is a database for the embedded one.

use crate::log::LogError;

/// Ordered keys with values. Reads see all sets applied before.
pub(crate) trait Store: Send + Sync {
    /// Shows `visit` the pairs with `from <= key < below` in order, until it says that it has enough.
    fn scan(&self, from: &[u8], below: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<Next, LogError>) -> Result<(), LogError>;

    /// Applies all of it or, should the process die, nothing. Leaves `writes` empty.
    fn apply(&self, writes: &mut WriteSet) -> Result<(), LogError>;

    /// Makes visible what another process has written meanwhile.
    fn catch_up(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Enough,
}

/// Changes that belong together, applied in order.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    /// All keys from the first on, below the second.
    DeleteRange(Vec<u8>, Vec<u8>),
}

impl WriteSet {
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.push(Change::Put(key, value));
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.changes.push(Change::Delete(key));
    }

    pub(crate) fn delete_range(&mut self, from: Vec<u8>, below: Vec<u8>) {
        self.changes.push(Change::DeleteRange(from, below));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Whether the key is a batch's; batches are large and may be kept apart.
pub(crate) fn is_batch(key: &[u8]) -> bool {
    key.first() == Some(&super::keys::BATCH)
}
