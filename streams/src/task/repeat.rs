//! Values of a task's stores, written once more as they are, so that they stand last in the changelog.

use super::{Task, TaskError};
use crate::log::TopicPartition;
use crate::record::Timestamp;
use headwater_state::{StateError, TaskState};

/// In the changelog of a window store the start (i64) and a sequence (u32) stand behind the key.
const START_BYTES: usize = 8;
const TAIL_BYTES: usize = START_BYTES + 4;

type Found = Option<(Timestamp, Vec<u8>)>;

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
}

fn repeat_one(state: &TaskState, store: &str, key: &[u8], time: Timestamp) -> Result<(), StateError> {
    let copy = |found: Option<(Timestamp, &[u8])>| -> Found { found.map(|(time, value)| (time, value.to_vec())) };
    if let Some(store) = state.key_value(store) {
        match store.get(key, copy)? {
            Some((time, value)) => store.put(key, &value, time),
            None => store.delete(key, time),
        }
    } else if let Some(store) = state.window(store)
        && let Some((key, tail)) = key.split_at_checked(key.len().saturating_sub(TAIL_BYTES))
        && let Some(start) = tail.first_chunk::<START_BYTES>().map(|bytes| i64::from_be_bytes(*bytes))
    {
        // A window that has expired is nobody's any more: what the store does not take needs no repetition.
        match store.get(key, start, copy)? {
            Some((time, value)) => store.put(key, start, &value, time),
            None => store.delete(key, start, time),
        };
    } else if let Some(store) = state.session(store)
        && let Some((key, start)) = key.split_last_chunk::<8>()
        && let Some((key, end)) = key.split_last_chunk::<8>()
    {
        let (start, end) = (i64::from_be_bytes(*start), i64::from_be_bytes(*end));
        match store.get(key, start, end, copy)? {
            Some((time, value)) => store.put(key, start, end, &value, time),
            None => store.delete(key, start, end, time),
        };
    }
    Ok(())
}
