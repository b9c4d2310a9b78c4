//! One ordered sequence out of an overlay and the database below it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::Visit;
use crate::overlay::Overlay;
use crate::{ByteDatabase, Direction, StateError, value};

/// Takes the database's entries in order and passes them on with those of the overlay between them.
pub(super) struct Merge<'a, 'v> {
    overlay: &'a Overlay,
    /// What the overlay has between the bounds of the scan and has not been passed on, in the order of the keys.
    waiting: &'a [u32],
    direction: Direction,
    visit: &'a mut Visit<'v>,
    flow: ControlFlow<()>,
    failure: Option<StateError>,
}

impl<'a, 'v> Merge<'a, 'v> {
    pub(super) fn new(overlay: &'a Overlay, waiting: &'a [u32], direction: Direction, visit: &'a mut Visit<'v>) -> Self {
        Self { overlay, waiting, direction, visit, flow: ControlFlow::Continue(()), failure: None }
    }

    /// Passes on what the overlay has before `key`, then the overlay's version of `key` or else the database's.
    pub(super) fn take(&mut self, database: &ByteDatabase, key: &[u8], bytes: &[u8]) -> ControlFlow<()> {
        while let Some(index) = self.first_waiting() {
            let order = self.overlay.key(index).cmp(key);
            match if self.direction == Direction::Forward { order } else { order.reverse() } {
                Ordering::Less => self.pass_waiting(index)?,
                Ordering::Equal => return self.pass_waiting(index),
                Ordering::Greater => break,
            }
        }
        match value::read(database, Some(bytes)) {
            Ok(content) => self.flow = content.map_or(self.flow, |(timestamp, value)| (self.visit)(key, timestamp, value)),
            Err(failure) => {
                self.failure = Some(failure);
                self.flow = ControlFlow::Break(());
            }
        }
        self.flow
    }

    /// Passes on what is left in the overlay, unless the visitor had enough.
    pub(super) fn finish(mut self) -> Result<(), StateError> {
        while self.flow.is_continue()
            && let Some(index) = self.first_waiting()
        {
            // The flow decides whether there is a next round.
            let _ = self.pass_waiting(index);
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn first_waiting(&self) -> Option<u32> {
        match self.direction {
            Direction::Forward => self.waiting.first().copied(),
            Direction::Backward => self.waiting.last().copied(),
        }
    }

    fn pass_waiting(&mut self, index: u32) -> ControlFlow<()> {
        self.waiting = match self.direction {
            Direction::Forward => &self.waiting[1..],
            Direction::Backward => &self.waiting[..self.waiting.len() - 1],
        };
        if let Some((timestamp, value)) = self.overlay.content(index) {
            self.flow = (self.visit)(self.overlay.key(index), timestamp, value);
        }
        self.flow
    }
}
