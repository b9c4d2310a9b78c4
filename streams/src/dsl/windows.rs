//! Time windows: how they lie on the time line and when they close.

use super::materialized::millis;
use crate::graph::TopologyError;
use crate::operator::TimeWindows;
use crate::record::Timestamp;
use std::time::Duration;

/// Windows that follow each other without gap or overlap. Kafka: `TimeWindows.ofSizeAndGrace`.
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
/// let minutes = Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(10));
/// # let _ = minutes;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling(TimeWindows);

/// Windows of one size that begin at regular intervals and overlap. Kafka: `TimeWindows.advanceBy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hopping(TimeWindows);

impl Tumbling {
    /// Windows of this size. `build()` returns [`TopologyError::WindowSize`] for none.
    pub fn of(size: Duration) -> Self {
        Tumbling::of_ms(millis(size))
    }

    /// The same in milliseconds.
    pub fn of_ms(size: Timestamp) -> Self {
        Tumbling(TimeWindows { size_ms: size, advance_ms: size, grace_ms: 0 })
    }

    /// How long a window still takes late records after its end, in stream time. KIP-328.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Tumbling(TimeWindows { grace_ms: grace, ..self.0 })
    }
}

impl Hopping {
    /// Windows of this size, one beginning each `advance`. `build()` returns [`TopologyError::WindowAdvance`] for an advance of nothing or above the size.
    pub fn of(size: Duration, advance: Duration) -> Self {
        Hopping::of_ms(millis(size), millis(advance))
    }

    /// The same in milliseconds.
    pub fn of_ms(size: Timestamp, advance: Timestamp) -> Self {
        Hopping(TimeWindows { size_ms: size, advance_ms: advance, grace_ms: 0 })
    }

    /// How long a window still takes late records after its end, in stream time. KIP-328.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Hopping(TimeWindows { grace_ms: grace, ..self.0 })
    }
}

impl From<Tumbling> for TimeWindows {
    fn from(windows: Tumbling) -> Self {
        windows.0
    }
}

impl From<Hopping> for TimeWindows {
    fn from(windows: Hopping) -> Self {
        windows.0
    }
}

/// What is wrong with the windows of a store.
pub(super) fn mistakes(windows: TimeWindows, store: &'static str) -> Vec<TopologyError> {
    let TimeWindows { size_ms, advance_ms, grace_ms } = windows;
    let mut found = Vec::new();
    if size_ms <= 0 {
        found.push(TopologyError::WindowSize { store, size_ms });
    } else if advance_ms <= 0 || advance_ms > size_ms {
        found.push(TopologyError::WindowAdvance { store, advance_ms, size_ms });
    }
    if grace_ms < 0 {
        found.push(TopologyError::NegativeGrace { store, grace_ms });
    }
    found
}
