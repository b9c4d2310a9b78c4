//! A time that an operator or a store keeps, taken back with the record that moved it.

use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::task::{Front, Stop};
use std::cell::Cell;
use std::rc::Rc;

/// One such time. The task saves it with its commits and sets it after an abort.
pub(crate) struct Clock {
    pub(crate) time: Rc<Cell<Timestamp>>,
    before: Cell<Timestamp>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock { time: Rc::new(Cell::new(NO_TIMESTAMP)), before: Cell::new(NO_TIMESTAMP) }
    }
}

/// No rows, but the same undoing.
impl Front for Clock {
    fn write_back(&self) -> Result<(), Box<Stop>> {
        Ok(())
    }

    fn is_full(&self) -> bool {
        false
    }

    fn abort(&self) {}

    fn begin_record(&self) {
        self.before.set(self.time.get());
    }

    fn undo_record(&self) {
        self.time.set(self.before.get());
    }
}
