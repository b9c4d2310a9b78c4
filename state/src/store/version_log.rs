//! What a versioned store tells its changelog: each version that was put, which is another thing than the rows that this changed.

use crate::{ChangelogRecord, Timestamp};
use std::ops::Range;

/// Versions that were put since the last drain.
#[derive(Debug, Default)]
pub(super) struct VersionLog {
    bytes: Vec<u8>,
    puts: Vec<Put>,
    /// The lengths of both before the running record.
    mark: (usize, usize),
}

#[derive(Clone, Debug)]
struct Put {
    key: Range<usize>,
    value: Option<Range<usize>>,
    timestamp: Timestamp,
}

impl VersionLog {
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) {
        let mut add = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let (key, value) = (add(key), value.map(add));
        self.puts.push(Put { key, value, timestamp });
    }

    pub(super) fn drain(&mut self, sink: &mut dyn FnMut(ChangelogRecord<'_>)) {
        for Put { key, value, timestamp } in &self.puts {
            let value = value.clone().map(|value| &self.bytes[value]);
            sink(ChangelogRecord { key: &self.bytes[key.clone()], value, timestamp: *timestamp });
        }
        self.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.puts.len() * size_of::<Put>()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.puts.clear();
        self.mark = (0, 0);
    }

    pub(super) fn mark(&mut self) {
        self.mark = (self.bytes.len(), self.puts.len());
    }

    pub(super) fn undo(&mut self) {
        self.bytes.truncate(self.mark.0);
        self.puts.truncate(self.mark.1);
    }
}
