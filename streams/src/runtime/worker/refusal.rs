//! Finds the record whose sends the log refuses (too large, impossible time, no key for a compacted topic).
//!
//! The transaction is gone with all that was in it, and the log does not say which input record a refused send came from. So the
//! interval is done again in halves until one record is left: that one becomes a dead letter before it is sent again.

use super::{Slot, Worker};
use crate::log::{ErrorCode, LogError};
use crate::runtime::AppError;

/// The search for a refused record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Search {
    /// Records since the last commit.
    done: usize,
    /// At most this many records a commit, while the search runs.
    limit: Option<usize>,
    /// Records to go until the interval that failed is behind us.
    left: usize,
}

impl Search {
    /// How many records may still be processed before a commit must come.
    pub(super) fn allowance(&self, budget: usize) -> usize {
        self.limit.map_or(budget, |limit| limit.saturating_sub(self.done).min(budget))
    }

    pub(super) fn processed(&mut self, records: usize) {
        self.done += records;
    }

    pub(super) fn wants_commit(&self) -> bool {
        self.limit.is_some_and(|limit| self.done >= limit)
    }

    pub(super) fn committed(&mut self) {
        self.left = self.left.saturating_sub(self.done);
        self.done = 0;
        if self.left == 0 {
            self.limit = None;
        }
    }

    pub(super) fn aborted(&mut self) {
        self.done = 0;
    }

    /// A commit was refused. Returns whether the search has come down to one record.
    fn narrow(&mut self) -> bool {
        let found = self.done <= 1;
        if self.limit.is_none() {
            self.left = self.done;
        }
        self.limit = (!found).then_some((self.done / 2).max(1));
        found
    }
}

impl Worker {
    /// A commit has failed: was it because of a record?
    pub(super) fn search_refused(&mut self, error: &LogError) -> Result<(), AppError> {
        if !is_refusal(error) || !self.search.narrow() {
            return Ok(());
        }
        let found = self.slots.values_mut().find_map(|slot| match slot {
            Slot::Running(task) if task.has_processed() => Some(task),
            _ => None,
        });
        match found {
            Some(task) => Ok(task.refuse_last(error)?),
            // Nothing was read: what is refused comes from a flush, a punctuation or a marker, and would come again.
            None => Err(AppError::log("the log refuses what a flush or a punctuation has produced")(error.clone())),
        }
    }
}

pub(super) fn is_refusal(error: &LogError) -> bool {
    matches!(error.code(), ErrorCode::MessageTooLarge | ErrorCode::InvalidTimestamp | ErrorCode::InvalidRecord)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_down_to_the_one_record_that_is_refused() {
        for culprit in 0..1000 {
            let (mut search, mut at, mut commits) = (Search::default(), 0, 0);
            let found = loop {
                let batch = search.allowance(1000 - at);
                search.processed(batch);
                commits += 1;
                if (at..at + batch).contains(&culprit) {
                    if search.narrow() {
                        break at;
                    }
                    search.aborted();
                } else {
                    at += batch;
                    search.committed();
                }
            };
            assert_eq!(found, culprit);
            assert!(commits < 40, "{commits} commits to find {culprit}");
        }
    }
}
