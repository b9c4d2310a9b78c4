//! What Kafka Streams has left in a changelog whose layout is our own: it must not be read as ours, and somebody has to decide what becomes of it.

use crate::graph::ChangelogLayout;
use crate::log::RecordRef;
use std::collections::HashMap;

/// With these versions our rows begin, and those of Kafka Streams do not: a timestamp begins with 0, a subscription with 1 or 129.
const AWAITING_TABLE: u8 = 1;
const SUBSCRIPTIONS: u8 = 0;

/// Kafka Streams says by this header in which layout a suppressed row is (`InMemoryTimeOrderedKeyValueChangeBuffer`); ours have none.
const SUPPRESSED_HEADER: &str = "v";

/// The rows of Kafka Streams in one changelog partition that are not deleted yet, with their offsets.
#[derive(Debug)]
pub(super) struct ForeignRows {
    layout: ChangelogLayout,
    found: HashMap<Vec<u8>, i64>,
}

impl ForeignRows {
    pub(super) fn of(layout: ChangelogLayout) -> Self {
        ForeignRows { layout, found: HashMap::new() }
    }

    /// Looks at the next records of the partition.
    pub(super) fn look<'r>(&mut self, records: impl Iterator<Item = RecordRef<'r>>) {
        if self.layout == ChangelogLayout::Shared {
            return;
        }
        for record in records {
            let key = record.key.unwrap_or_default();
            if self.has_written(&record) {
                self.found.entry(key.to_vec()).or_insert(record.offset);
            } else {
                self.found.remove(key);
            }
        }
    }

    /// Whether Kafka Streams has written this row. What deletes is as good as ours.
    pub(super) fn has_written(&self, record: &RecordRef<'_>) -> bool {
        record.value.is_some_and(|value| match self.layout {
            ChangelogLayout::Shared => false,
            ChangelogLayout::Suppressed => record.headers.iter().any(|(name, _)| name == SUPPRESSED_HEADER),
            ChangelogLayout::AwaitingTable => value.first() != Some(&AWAITING_TABLE),
            ChangelogLayout::Subscriptions => value.first() != Some(&SUBSCRIPTIONS),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The offset of the first one.
    pub(super) fn first(&self) -> Option<i64> {
        self.found.values().copied().min()
    }
}
