//! What is late for a window, and what is said about it.

use crate::record::Timestamp;
use crate::runtime::{Late, TimeRule};
use crate::task::Context;
use std::cell::Cell;
use std::sync::Arc;

/// The time that decides what is late: the largest that the operator has seen, the record at hand included, or the task's stream time before it.
#[inline]
pub(crate) fn observe(observed: &Cell<Timestamp>, timestamp: Timestamp, task: &Context) -> Timestamp {
    match task.rules.time {
        TimeRule::Watermark => task.stream_time(),
        TimeRule::Kafka => {
            let time = observed.get().max(timestamp);
            observed.set(time);
            time
        }
    }
}

/// What became of a record's windows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Windows {
    pub(crate) entered: u32,
    pub(crate) rejected: u32,
}

impl Windows {
    /// Kafka counts each window that was closed. As a letter a record is late once, and only if no window took it: input = results + letters.
    pub(crate) fn report_late(self, stage: &Arc<str>, task: &mut Context) {
        let reports = match task.rules.late {
            Late::Drop => self.rejected,
            Late::DeadLetter => u32::from(self.entered == 0 && self.rejected > 0),
        };
        (0..reports).for_each(|_| task.drop_late(stage));
    }
}
