//! What a call of user code shares with the stores that it uses.

use crate::record::{NO_TIMESTAMP, Timestamp};
use std::cell::Cell;

/// One call of a processor, while it lasts.
pub(crate) struct Call {
    /// The time of what it writes.
    now: Cell<Timestamp>,
    /// How many stores it is visiting.
    visits: Cell<u32>,
}

impl Default for Call {
    fn default() -> Self {
        Call { now: Cell::new(NO_TIMESTAMP), visits: Cell::new(0) }
    }
}

impl Call {
    #[inline]
    pub(crate) fn begin(&self, now: Timestamp) {
        self.now.set(now);
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.now.get()
    }

    #[inline]
    pub(crate) fn is_visiting(&self) -> bool {
        self.visits.get() > 0
    }

    /// While `visit` runs, nothing must write the store that is read.
    pub(crate) fn during_visit<R>(&self, visit: impl FnOnce() -> R) -> R {
        self.visits.set(self.visits.get() + 1);
        let done = visit();
        self.visits.set(self.visits.get() - 1);
        done
    }
}
