//! Writes that become visible and durable together.

use crate::Family;

/// Writes to one database that are applied atomically, in the order in which they were added. Cleared, it keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    operations: Vec<Operation>,
    bytes: Vec<u8>,
}

/// One write: its key (or first key) and value (or end key) follow each other in `bytes`.
#[derive(Clone, Copy, Debug)]
struct Operation {
    kind: Kind,
    family: Family,
    first: usize,
    second: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Put,
    Delete,
    DeleteRange,
}

/// One write, as an engine reads it.
pub(crate) enum Write<'a> {
    Put(&'a [u8], &'a [u8]),
    Delete(&'a [u8]),
    DeleteRange(&'a [u8], &'a [u8]),
}

impl WriteSet {
    /// No writes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores `value` under `key`.
    pub fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.put_parts(family, key, &[value]);
    }

    /// Stores the concatenation of `parts` under `key`, so that a caller with a header and a body need not join them first.
    pub fn put_parts(&mut self, family: Family, key: &[u8], parts: &[&[u8]]) {
        self.bytes.extend_from_slice(key);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        let second = parts.iter().map(|part| part.len()).sum();
        self.operations.push(Operation { kind: Kind::Put, family, first: key.len(), second });
    }

    /// Removes `key`; nothing happens if it is absent.
    pub fn delete(&mut self, family: Family, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.operations.push(Operation { kind: Kind::Delete, family, first: key.len(), second: 0 });
    }

    /// Removes all keys from `from` up to, not including, `to`. Its cost does not grow with the number of keys, but reads pay for each
    /// range that is still remembered: remove many keys at once, seldom, and begin where the last removal ended.
    pub fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        self.bytes.extend_from_slice(from);
        self.bytes.extend_from_slice(to);
        self.operations.push(Operation { kind: Kind::DeleteRange, family, first: from.len(), second: to.len() });
    }

    /// Forgets all writes and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.operations.clear();
        self.bytes.clear();
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// How many bytes of keys and values there are to write.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn writes(&self) -> impl Iterator<Item = (Family, Write<'_>)> {
        let mut rest = self.bytes.as_slice();
        self.operations.iter().map(move |operation| {
            let (first, after) = rest.split_at(operation.first);
            let (second, after) = after.split_at(operation.second);
            rest = after;
            let write = match operation.kind {
                Kind::Put => Write::Put(first, second),
                Kind::Delete => Write::Delete(first),
                Kind::DeleteRange => Write::DeleteRange(first, second),
            };
            (operation.family, write)
        })
    }
}
