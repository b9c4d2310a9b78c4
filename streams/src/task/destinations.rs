//! Which topics there are for data to choose.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The topics that existed when the application started, with their partition counts.
#[derive(Debug)]
pub(crate) enum Destinations {
    /// Whatever is named exists and has one partition: tests.
    Any,
    /// These.
    Known(BTreeMap<Arc<str>, i32>),
}

impl Destinations {
    pub(crate) fn partitions_of(&self, topic: &str) -> Option<i32> {
        match self {
            Destinations::Any => Some(1),
            Destinations::Known(topics) => topics.get(topic).copied(),
        }
    }
}
