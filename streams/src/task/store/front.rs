//! Rows that were touched since the last commit, decoded, with what is needed to flush, save and undo them.

use super::key_bytes::KeyBytes;
use crate::record::{Headers, NO_TIMESTAMP, Timestamp};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Typed rows by the bytes of their keys.
pub(super) struct FrontRows<K, V> {
    places: HashTable<u32>,
    rows: Vec<Row<K, V>>,
    hasher: DefaultHashBuilder,
    /// Rows that are to be forwarded.
    unsent: Vec<u32>,
    /// Rows that are to be saved. Apart from the others, because a scan saves what was written since the last one, not all that waits for a flush.
    unsaved: Vec<u32>,
    /// Counts writes: the order of a flush is that of last writes.
    writes: u64,
    /// What the rows take up, roughly.
    bytes: usize,
    journal: Option<Journal<V>>,
}

/// One row.
pub(super) struct Row<K, V> {
    bytes: KeyBytes,
    hash: u64,
    pub(super) key: K,
    pub(super) held: Held<V>,
    /// In the list of rows that are to be forwarded.
    listed: bool,
    /// The number of the record that has it in the journal.
    journaled: u64,
    /// What its value takes up, encoded, as far as known.
    encoded_len: usize,
}

impl<K, V> Row<K, V> {
    /// The bytes of the key.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }
}

/// What changes with every write.
#[derive(Clone)]
pub(super) struct Held<V> {
    pub(super) value: Option<V>,
    pub(super) timestamp: Timestamp,
    pub(super) headers: Headers,
    /// What downstream knows, while it does not know the value; kept only where somebody asks for it.
    pub(super) sent: Option<V>,
    pub(super) was_sent: bool,
    /// The number of the last write.
    written: u64,
    pub(super) unsent: bool,
    unsaved: bool,
}

/// How to take back what one record has done.
struct Journal<V> {
    record: u64,
    before: Vec<(u32, Held<V>)>,
    /// Rows that were saved since the record began: with it the byte store takes them back.
    saved: Vec<u32>,
}

/// How the rows of a store are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forwarding {
    /// Updates go on to somebody, at a flush.
    pub(super) forwards: bool,
    /// With what the row was before.
    pub(super) old_values: bool,
}

impl<K, V: Clone> FrontRows<K, V> {
    pub(super) fn new(undoes: bool) -> Self {
        FrontRows {
            places: HashTable::new(),
            rows: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            unsent: Vec::new(),
            unsaved: Vec::new(),
            writes: 0,
            bytes: 0,
            journal: undoes.then(|| Journal { record: 1, before: Vec::new(), saved: Vec::new() }),
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.places.find(hash, |at| self.rows[*at as usize].bytes() == key).copied()
    }

    #[inline]
    pub(super) fn row(&self, at: u32) -> &Row<K, V> {
        &self.rows[at as usize]
    }

    /// Adds a row as the byte store has it.
    pub(super) fn insert(&mut self, hash: u64, bytes: &[u8], key: K, stored: Option<(V, Timestamp, usize)>) -> u32 {
        let at = u32::try_from(self.rows.len()).expect("a front has far fewer rows, for want of memory");
        let (value, timestamp, encoded_len) = match stored {
            Some((value, timestamp, encoded_len)) => (Some(value), timestamp, encoded_len),
            None => (None, NO_TIMESTAMP, 0),
        };
        let headers = Headers::default();
        let held = Held { value, timestamp, headers, sent: None, was_sent: false, written: 0, unsent: false, unsaved: false };
        self.bytes += bytes.len() + encoded_len + size_of::<Row<K, V>>();
        self.rows.push(Row { bytes: KeyBytes::of(bytes), hash, key, held, listed: false, journaled: 0, encoded_len });
        let rows = &self.rows;
        self.places.insert_unique(hash, at, |at| rows[*at as usize].hash);
        at
    }

    /// A row that is about to be written: its state before is remembered, it is in line for the next flush.
    #[inline]
    pub(super) fn write(&mut self, at: u32, forwarding: Forwarding) -> &mut Row<K, V> {
        let row = &mut self.rows[at as usize];
        if let Some(journal) = &mut self.journal
            && row.journaled != journal.record
        {
            row.journaled = journal.record;
            journal.before.push((at, row.held.clone()));
        }
        self.writes += 1;
        let held = &mut row.held;
        held.written = self.writes;
        if !std::mem::replace(&mut held.unsaved, true) {
            self.unsaved.push(at);
        }
        if forwarding.forwards && !held.unsent {
            if !std::mem::replace(&mut row.listed, true) {
                self.unsent.push(at);
            }
            held.unsent = true;
            held.was_sent = held.value.is_some();
            held.sent = if forwarding.old_values { held.value.clone() } else { None };
        }
        row
    }

    /// Takes the rows that are to be forwarded, in the order of their last writes.
    pub(super) fn take_all_unsent(&mut self) -> Vec<u32> {
        let rows = &mut self.rows;
        let mut unsent = std::mem::take(&mut self.unsent);
        unsent.sort_unstable_by_key(|at| rows[*at as usize].held.written);
        unsent.iter().for_each(|at| rows[*at as usize].listed = false);
        unsent
    }

    /// Downstream is about to know this row; returns it as it was known and as it is.
    pub(super) fn take_unsent(&mut self, at: u32) -> Option<&mut Row<K, V>> {
        let row = &mut self.rows[at as usize];
        std::mem::take(&mut row.held.unsent).then_some(row)
    }

    /// Hands each unsaved row to `save`, which says how long its value is when encoded.
    pub(super) fn save<E>(&mut self, mut save: impl FnMut(&[u8], Option<&V>, Timestamp) -> Result<usize, E>) -> Result<(), E> {
        let mut unsaved = std::mem::take(&mut self.unsaved);
        unsaved.sort_unstable_by_key(|at| self.rows[*at as usize].held.written);
        for (done, at) in unsaved.iter().copied().enumerate() {
            let row = &mut self.rows[at as usize];
            // An undone record leaves its rows here, though nothing of them is new.
            if !row.held.unsaved {
                continue;
            }
            match save(row.bytes.as_slice(), row.held.value.as_ref(), row.held.timestamp) {
                Ok(encoded_len) => {
                    self.bytes = self.bytes + encoded_len - row.encoded_len;
                    row.encoded_len = encoded_len;
                }
                Err(error) => {
                    self.unsaved = unsaved.split_off(done);
                    return Err(error);
                }
            }
            row.held.unsaved = false;
            if let Some(journal) = &mut self.journal {
                journal.saved.push(at);
            }
        }
        unsaved.clear();
        self.unsaved = unsaved;
        Ok(())
    }

    /// All rows that are here, written or only read.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&[u8], Option<&V>, Timestamp)> {
        self.rows.iter().map(|row| (row.bytes(), row.held.value.as_ref(), row.held.timestamp))
    }

    /// What the rows take up, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nothing waits here.
    pub(super) fn is_clean(&self) -> bool {
        self.unsaved.is_empty() && self.unsent.is_empty()
    }

    /// Forgets everything. The memory of the rows goes with them.
    pub(super) fn clear(&mut self) {
        *self = FrontRows::new(self.journal.is_some());
    }

    pub(super) fn begin_record(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.record += 1;
            journal.before.clear();
            journal.saved.clear();
        }
    }

    pub(super) fn undo_record(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let (unsent, unsaved) = (&mut self.unsent, &mut self.unsaved);
        for (at, before) in journal.before.drain(..) {
            let row = &mut self.rows[at as usize];
            // What the record's own flush has taken off the lists goes back on them.
            if before.unsent && !std::mem::replace(&mut row.listed, true) {
                unsent.push(at);
            }
            row.held = before;
        }
        for at in journal.saved.drain(..) {
            self.rows[at as usize].held.unsaved = true;
            unsaved.push(at);
        }
        journal.record += 1;
    }
}
