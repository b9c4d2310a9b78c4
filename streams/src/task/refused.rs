//! Records whose sends the log has refused.

use super::{Failure, Fault, Stop, Task, TaskError};
use crate::log::LogError;
use std::sync::Arc;

/// A record whose sends the log has refused, remembered over the rewind.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// Lane and offset of the last record since the last commit.
    pub(super) last: Option<(usize, i64)>,
    pub(super) known: Option<(usize, i64, String)>,
}

impl Refused {
    pub(super) fn is_known(&self, lane: usize, offset: i64) -> bool {
        self.known.as_ref().is_some_and(|known| (known.0, known.1) == (lane, offset))
    }

    pub(super) fn stop(&self) -> Box<Stop> {
        let reason = self.known.as_ref().map_or_else(String::new, |known| known.2.clone());
        Box::new(Stop::Record { fault: Fault::Sending, stage: Arc::from("send"), cause: Failure::text(reason) })
    }
}

impl Task {
    /// Whether a record was processed since the last commit.
    pub(crate) fn has_processed(&self) -> bool {
        self.refused.last.is_some()
    }

    /// The log refuses what the last record led to: it becomes a dead letter when it is read again. A second time there is no way on.
    pub(crate) fn refuse_last(&mut self, error: &LogError) -> Result<(), TaskError> {
        let (lane, offset) = self.refused.last.expect("asked only after a record was processed");
        if self.refused.is_known(lane, offset) {
            let reason = format!("record {} offset {offset} is refused by the log even as a dead letter: {error}", self.lanes[lane].at);
            return Err(TaskError::Log { task: self.id, reason });
        }
        self.refused.known = Some((lane, offset, error.to_string()));
        Ok(())
    }
}
