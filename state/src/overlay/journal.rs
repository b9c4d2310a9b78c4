//! Undoing what one record wrote.

use super::{Entry, Overlay, index_of};

/// How an overlay was before the running record.
#[derive(Debug, Default)]
pub(super) struct Before {
    entries: usize,
    arena: usize,
    written: usize,
    each: usize,
    update_values: usize,
    /// Entries that the record wrote and that were there before, oldest first, with their values one after another in `values`.
    overwritten: Vec<(u32, Entry)>,
    values: Vec<u8>,
    is_set: bool,
}

impl Overlay {
    /// Remembers the present; [`Overlay::undo`] comes back to it.
    pub(crate) fn mark(&mut self) {
        let before = self.before.get_or_insert_default();
        before.entries = self.entries.len();
        before.arena = self.arena.len();
        before.written = self.updates.written.len();
        before.each = self.updates.each.len();
        before.update_values = self.updates.values.len();
        before.overwritten.clear();
        before.values.clear();
        before.is_set = true;
    }

    /// Takes back all writes since the last mark.
    pub(crate) fn undo(&mut self) {
        let before = self.before.take().filter(|before| before.is_set);
        let mut before = before.expect("a record that is undone was neither drained nor committed");
        self.put_back(&mut before);
        self.remove_new(&before);
        self.arena.truncate(before.arena);
        self.updates.written.truncate(before.written);
        self.updates.each.truncate(before.each);
        self.updates.values.truncate(before.update_values);
        before.is_set = false;
        self.before = Some(before);
    }

    /// Keeps what a write is about to overwrite. Newest last, so that undoing in reverse ends with the oldest.
    pub(super) fn keep_for_undo(&mut self, index: u32) {
        let Some(before) = self.before.as_mut().filter(|before| before.is_set) else { return };
        if (index as usize) < before.entries {
            let entry = self.entries[index as usize];
            before.overwritten.push((index, entry));
            before.values.extend_from_slice(&self.arena[entry.value.range()]);
        }
    }

    /// After a drain, a commit or an abort there is no way back.
    pub(super) fn forget_before(&mut self) {
        if let Some(before) = &mut self.before {
            before.is_set = false;
        }
    }

    fn put_back(&mut self, before: &mut Before) {
        while let Some((index, entry)) = before.overwritten.pop() {
            let start = before.values.len() - entry.value.length as usize;
            self.arena[entry.value.range()].copy_from_slice(&before.values[start..]);
            before.values.truncate(start);
            self.entries[index as usize] = entry;
        }
    }

    fn remove_new(&mut self, before: &Before) {
        while self.entries.len() > before.entries {
            let index = index_of(self.entries.len() - 1);
            let entry = self.entries.pop().expect("there are more entries than before");
            let found = self.table.find_entry(entry.hash, |&other| other == index);
            found.expect("each entry is in the table").remove();
        }
        self.sorted.get_mut().truncate(before.entries);
    }
}
