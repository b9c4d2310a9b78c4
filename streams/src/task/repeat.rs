//! Values of a task's stores, written once more as they are, so that they stand last in the changelog.

use super::{Task, TaskError};
use crate::log::TopicPartition;
use crate::record::Timestamp;
use headwater_state::{Span, SpanHandle, StateError, TaskState};
use std::ops::Range;

impl Task {
    /// Writes the values of these keys of a changelog again; a time is that of the record which calls for it. Returns how many.
    pub(crate) fn repeat(
        &mut self, changelog: &TopicPartition, keys: &mut dyn Iterator<Item = (&[u8], Timestamp)>,
    ) -> Result<usize, TaskError> {
        let id = self.id;
        let failed = |source: StateError| TaskError::State { task: id, source };
        let Some(changelog) = self.changelogs.iter().find(|known| known.at == *changelog) else { return Ok(0) };
        // What a front still holds is newer, and comes behind this with the next commit.
        self.context.begin_record();
        let state = self.context.state.borrow();
        let mut count = 0;
        for (key, time) in keys {
            repeat_one(&state, changelog.store, key, time).map_err(failed)?;
            count += 1;
        }
        self.dirty |= count > 0;
        Ok(count)
    }

    /// Changelogs to which the task has written nothing since the last commit.
    pub(crate) fn quiet_changelogs(&self) -> Vec<TopicPartition> {
        self.changelogs.iter().filter(|changelog| changelog.is_quiet()).map(|changelog| changelog.at.clone()).collect()
    }

    /// A changelog that ends here holds what somebody else has written behind our last record. It is told once.
    pub(crate) fn foreign_tail(&mut self, at: &TopicPartition, end: i64) -> Option<Range<i64>> {
        let changelog = self.changelogs.iter_mut().find(|known| known.at == *at && known.is_quiet())?;
        let foreign = changelog.next_offset..end;
        changelog.next_offset = changelog.next_offset.max(end);
        (!foreign.is_empty()).then_some(foreign)
    }
}

fn repeat_one(state: &TaskState, store: &str, key: &[u8], time: Timestamp) -> Result<(), StateError> {
    if let Some(store) = state.key_value(store) {
        match store.get(key, owned)? {
            Some((time, value)) => store.put(key, &value, time),
            None => store.delete(key, time),
        }
    } else if let Some(store) = state.window(store) {
        repeat_span(&store, key, time)?;
    } else if let Some(store) = state.session(store) {
        repeat_span(&store, key, time)?;
    }
    Ok(())
}

fn repeat_span<S: Span>(store: &SpanHandle<S>, key: &[u8], time: Timestamp) -> Result<(), StateError> {
    let Some((key, span)) = SpanHandle::<S>::row_of(key) else { return Ok(()) };
    // A row that has expired is nobody's any more: what the store does not take needs no repetition.
    match store.get(key, span, owned)? {
        Some((time, value)) => store.put(key, span, &value, time),
        None => store.delete(key, span, time),
    };
    Ok(())
}

fn owned(found: Option<(Timestamp, &[u8])>) -> Option<(Timestamp, Vec<u8>)> {
    found.map(|(time, value)| (time, value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_state::{ChangelogRecord, Disk, Journal, MemoryDisk, StoreSpec, Window};

    /// Once number 0 was written again in place of the one that somebody else had overwritten.
    #[test]
    fn a_value_among_several_of_one_time_is_repeated_under_its_number() {
        let disk = Disk::Memory(MemoryDisk::new());
        let mut state = TaskState::open(&disk, "0_0", 1, vec![StoreSpec::window("events", 1_000, 100)], Journal::Off).unwrap();
        let store = state.window("events").unwrap();
        for number in [1, 2] {
            let _ = store.put(b"k", Window { start: 5, number }, &[number as u8], 5);
        }
        let mut keys = Vec::new();
        state.drain_changelog("events", &mut |record| keys.push(record.key.to_vec())).unwrap();
        repeat_one(&state, "events", &keys[1], 9).unwrap();
        let mut repeated = Vec::new();
        let mut take =
            |record: ChangelogRecord<'_>| repeated.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec), record.timestamp));
        state.drain_changelog("events", &mut take).unwrap();
        assert_eq!(repeated, [(keys[1].clone(), Some(vec![2]), 5)]);
    }
}
