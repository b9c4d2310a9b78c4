//! The writes of the running commit interval, above the database.
//!
//! Points are found by hash; keys are brought into order only when a scan asks. Keys and values stand in one arena that is used
//! again after each commit, so that nothing is allocated for a key that is known, and little for one that is new.

mod changelog;
mod journal;
mod sorted;

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::mem::size_of;
use std::ops::{Bound, Range};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::{Logging, Timestamp};
use changelog::Updates;
use journal::Before;
use sorted::Sorted;

/// Room for a value is taken in steps of this, so that one that grows by a digit stays where it is.
const VALUE_STEP_BYTES: usize = 8;

/// The overlay of one store.
pub(crate) struct Overlay {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    arena: Vec<u8>,
    sorted: RefCell<Sorted>,
    updates: Updates,
    before: Option<Before>,
}

/// A key that was written since the last commit, and what it holds now.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    key: Span,
    value: Span,
    value_room: u32,
    is_deleted: bool,
    timestamp: Timestamp,
    /// When it was last written, counted over the store, if that is still to go to the changelog; else 0.
    turn: u64,
}

/// A piece of the arena.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    length: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start..self.start + self.length as usize
    }
}

impl Overlay {
    pub(crate) fn new(logging: Logging) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            entries: Vec::new(),
            arena: Vec::new(),
            sorted: RefCell::default(),
            updates: Updates::new(logging),
            before: None,
        }
    }

    /// What was written under `key`: nothing yet, or a timestamp and a value, or a deletion.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<(Timestamp, &[u8])>> {
        let hash = self.hasher.hash_one(key);
        let index = self.find(hash, key)?;
        Some(self.content(index))
    }

    /// Stores a value, or the knowledge that there is none.
    pub(crate) fn write(&mut self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) {
        let index = self.write_unlogged(key, value, timestamp);
        self.log_update(index, value, timestamp);
    }

    /// The same, and the changelog does not hear of it. Returns the place of the key.
    pub(crate) fn write_unlogged(&mut self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) -> u32 {
        let hash = self.hasher.hash_one(key);
        let index = match self.find(hash, key) {
            Some(index) => {
                self.keep_for_undo(index);
                index
            }
            None => self.insert(hash, key),
        };
        self.set_value(index, value, timestamp);
        index
    }

    /// How many bytes are held, bookkeeping included.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * (size_of::<Entry>() + size_of::<u32>()) + self.updates.bytes()
    }

    /// All keys and what they hold, in the order in which they were first written.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&[u8], Option<(Timestamp, &[u8])>)> {
        (0..index_of(self.entries.len())).map(|index| (self.key(index), self.content(index)))
    }

    /// Calls `read` with the keys between the bounds in order, as positions for [`Overlay::key`] and [`Overlay::content`].
    pub(crate) fn with_range<R>(&self, from: Bound<&[u8]>, to: Bound<&[u8]>, read: impl FnOnce(&[u32]) -> R) -> R {
        if !self.sorted.borrow().covers(self.entries.len()) {
            self.sorted.borrow_mut().extend(self.entries.len(), |index| self.key(index));
        }
        let sorted = self.sorted.borrow();
        read(sorted.range(from, to, |index| self.key(index)))
    }

    pub(crate) fn key(&self, index: u32) -> &[u8] {
        &self.arena[self.entries[index as usize].key.range()]
    }

    pub(crate) fn content(&self, index: u32) -> Option<(Timestamp, &[u8])> {
        let entry = &self.entries[index as usize];
        (!entry.is_deleted).then(|| (entry.timestamp, &self.arena[entry.value.range()]))
    }

    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.entries.clear();
        self.arena.clear();
        self.sorted.get_mut().clear();
        self.updates.clear();
        self.forget_before();
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.table.find(hash, |&index| self.key(index) == key).copied()
    }

    fn insert(&mut self, hash: u64, key: &[u8]) -> u32 {
        let index = index_of(self.entries.len());
        let span = Span { start: self.arena.len(), length: length_of(key) };
        self.arena.extend_from_slice(key);
        let value = Span { start: self.arena.len(), length: 0 };
        self.entries.push(Entry { hash, key: span, value, value_room: 0, is_deleted: true, timestamp: 0, turn: 0 });
        self.table.insert_unique(hash, index, |&index| self.entries[index as usize].hash);
        index
    }

    fn set_value(&mut self, index: u32, value: Option<&[u8]>, timestamp: Timestamp) {
        let entry = &mut self.entries[index as usize];
        entry.timestamp = timestamp;
        entry.is_deleted = value.is_none();
        let value = value.unwrap_or_default();
        let length = length_of(value);
        if length > entry.value_room {
            // Twice the room that was too small, so that a value that keeps growing leaves little behind.
            let room = value.len().max(2 * entry.value_room as usize).next_multiple_of(VALUE_STEP_BYTES);
            entry.value.start = self.arena.len();
            entry.value_room = u32::try_from(room).unwrap_or(u32::MAX);
            self.arena.resize(self.arena.len() + entry.value_room as usize, 0);
        }
        entry.value.length = length;
        self.arena[entry.value.range()].copy_from_slice(value);
    }
}

fn index_of(position: usize) -> u32 {
    u32::try_from(position).expect("an overlay is committed before it has four billion keys")
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("keys and values are shorter than 4 GiB")
}
