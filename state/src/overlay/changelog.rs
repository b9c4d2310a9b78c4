//! What of an overlay is still to go to the changelog.

use std::mem::size_of;

use super::{Entry, Overlay, Span, index_of, length_of};
use crate::{Logging, Timestamp};

/// Updates since the last drain.
#[derive(Debug)]
pub(super) struct Updates {
    logging: Logging,
    /// The turn of the last write.
    pub(super) turn: u64,
    /// Entries written since the last drain, each once ([`Logging::LastPerKey`]).
    pub(super) written: Vec<u32>,
    /// Each update in order ([`Logging::EachUpdate`]), with the values in `values`.
    pub(super) each: Vec<Update>,
    pub(super) values: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    index: u32,
    value: Option<Span>,
    timestamp: Timestamp,
}

impl Updates {
    pub(super) fn new(logging: Logging) -> Self {
        Self { logging, turn: 0, written: Vec::new(), each: Vec::new(), values: Vec::new() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.written.len() * size_of::<u32>() + self.each.len() * size_of::<Update>() + self.values.len()
    }

    pub(super) fn clear(&mut self) {
        self.written.clear();
        self.each.clear();
        self.values.clear();
    }
}

impl Overlay {
    /// Whether updates wait for [`Overlay::drain`].
    pub(crate) fn has_updates(&self) -> bool {
        !self.updates.written.is_empty() || !self.updates.each.is_empty()
    }

    /// Hands over key, value and timestamp of each update that the changelog has not seen, and forgets them as updates.
    pub(crate) fn drain(&mut self, sink: &mut dyn FnMut(&[u8], Option<&[u8]>, Timestamp)) {
        self.forget_before();
        let mut written = std::mem::take(&mut self.updates.written);
        written.sort_unstable_by_key(|&index| self.entries[index as usize].turn);
        for &index in &written {
            let entry = &mut self.entries[index as usize];
            entry.turn = 0;
            let Entry { timestamp, .. } = *entry;
            sink(self.key(index), self.content(index).map(|(_, value)| value), timestamp);
        }
        self.updates.written = written;
        for update in &self.updates.each {
            let value = update.value.map(|span| &self.updates.values[span.range()]);
            sink(self.key(update.index), value, update.timestamp);
        }
        self.updates.clear();
    }

    pub(super) fn log_update(&mut self, index: u32, value: Option<&[u8]>, timestamp: Timestamp) {
        let updates = &mut self.updates;
        match updates.logging {
            Logging::Off => {}
            Logging::LastPerKey => {
                updates.turn += 1;
                let entry = &mut self.entries[index as usize];
                if entry.turn == 0 {
                    updates.written.push(index);
                }
                entry.turn = updates.turn;
            }
            Logging::EachUpdate => {
                let value = value.map(|value| {
                    let span = Span { start: updates.values.len(), length: length_of(value) };
                    updates.values.extend_from_slice(value);
                    span
                });
                updates.each.push(Update { index, value, timestamp });
            }
        }
        debug_assert!(index < index_of(self.entries.len()), "an update belongs to an entry");
    }
}
