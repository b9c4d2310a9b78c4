//! Records whose sends the log has refused.

use super::{Failure, Fault, Stop};
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
