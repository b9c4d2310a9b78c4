//! A moment of a database, held while one caller reads.

use std::ops::{Bound, ControlFlow};

use rocksdb::{ReadOptions, Snapshot};

use super::Rocks;
use crate::{Direction, StateError};

/// Reads that all see the same moment.
pub(crate) struct RocksView<'a> {
    rocks: &'a Rocks,
    snapshot: Snapshot<'a>,
}

impl<'a> RocksView<'a> {
    pub(super) fn new(rocks: &'a Rocks) -> Self {
        Self { rocks, snapshot: rocks.db.snapshot() }
    }

    pub(crate) fn get(&self, family: &str, key: &[u8], read: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), StateError> {
        self.rocks.get_with(&self.options(), family, key, read)
    }

    pub(crate) fn scan(
        &self, family: &str, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.rocks.scan_with(self.options(), family, from, to, direction, visit)
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.snapshot);
        options
    }
}
