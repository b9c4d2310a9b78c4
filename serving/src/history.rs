//! The sum of the windows before the trend. While it is quick to read it is read each time; in a large table it is kept and
//! continued, and read anew so seldom that reading takes [`DUTY`] of the time.

use crate::sales::History;
use std::time::{Duration, Instant};

/// Reading the sum of old windows may take this part of the time: one in so many.
const DUTY: u32 = 50;
/// While the sum is as quick as this, it is read each time.
const QUICK: Duration = Duration::from_millis(4);

/// The sum of the windows before one of them, and what it took to read.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    before: String,
    sum: History,
    read_at: Instant,
    cost: Duration,
}

impl Kept {
    /// The sum of all windows before `before`, whose reading began then.
    pub(crate) fn new(before: String, sum: History, began: Instant) -> Kept {
        Kept { before, sum, read_at: began, cost: began.elapsed() }
    }

    /// The first window that is not part of the sum.
    pub(crate) fn before(&self) -> &str {
        &self.before
    }

    /// Whether it is to be read anew.
    pub(crate) fn is_due(&self) -> bool {
        self.cost <= QUICK || self.read_at.elapsed() >= self.cost * DUTY
    }

    /// Whether somebody was told an age that must end now, although nothing tells that the store has changed.
    pub(crate) fn is_old(&self) -> bool {
        self.sum.age_ms > 0 && self.is_due()
    }

    pub(crate) fn sum(&self) -> History {
        self.sum
    }

    /// The sum with the windows that have left the trend since, which are read; what was told of its age is remembered.
    pub(crate) fn aged(&mut self, sum: History) -> History {
        self.sum.age_ms = self.read_at.elapsed().as_millis() as u64 + 1;
        History { age_ms: self.sum.age_ms, ..sum }
    }
}
