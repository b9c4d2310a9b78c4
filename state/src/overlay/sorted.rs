//! The order of an overlay's keys, kept up to date only as far as scans need it.

use std::ops::Bound;

/// So many new keys are put in their places one by one; more are sorted together.
const FEW_NEW_KEYS: usize = 16;

/// Positions of entries in the order of their keys.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    order: Vec<u32>,
}

impl Sorted {
    pub(super) fn covers(&self, entries: usize) -> bool {
        self.order.len() == entries
    }

    /// Takes in the entries that were added since the last call.
    pub(super) fn extend<'a>(&mut self, entries: usize, key: impl Fn(u32) -> &'a [u8]) {
        let new = super::index_of(self.order.len())..super::index_of(entries);
        if new.len() <= FEW_NEW_KEYS {
            for index in new {
                let place = self.order.partition_point(|&other| key(other) < key(index));
                self.order.insert(place, index);
            }
        } else {
            self.order.extend(new);
            // The stable sort finds the run that is in order already and merges.
            self.order.sort_by(|&one, &other| key(one).cmp(key(other)));
        }
    }

    pub(super) fn range<'a>(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, key: impl Fn(u32) -> &'a [u8]) -> &[u32] {
        let start = self.order.partition_point(|&index| match from {
            Bound::Unbounded => false,
            Bound::Included(from) => key(index) < from,
            Bound::Excluded(from) => key(index) <= from,
        });
        let end = self.order.partition_point(|&index| match to {
            Bound::Unbounded => true,
            Bound::Included(to) => key(index) <= to,
            Bound::Excluded(to) => key(index) < to,
        });
        &self.order[start..end.max(start)]
    }

    /// Forgets the entries from position `entries` on.
    pub(super) fn truncate(&mut self, entries: usize) {
        if self.order.len() > entries {
            self.order.retain(|&index| (index as usize) < entries);
        }
    }

    pub(super) fn clear(&mut self) {
        self.order.clear();
    }
}
