//! What every generator keeps: record `i` is a pure function of the settings and `i`, so that a run can be repeated and gone on with.

use headwater_streams::record::Timestamp;
use std::time::Duration;

/// A source of made-up records for one topic.
pub trait Generator: Send + Sync {
    /// Writes the key of record `index` behind what `out` holds. Cheap: going on with a topic asks for the keys of all that is there.
    fn key(&self, index: u64, out: &mut Vec<u8>);

    /// Writes its value behind what `out` holds.
    fn value(&self, index: u64, out: &mut Vec<u8>);
}

/// What decides the records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Another seed, other records.
    pub seed: u64,
    /// The event time around which record 0 lies, in milliseconds since the epoch.
    pub start: Timestamp,
    /// Event time between two records.
    pub step: Duration,
    /// The share of late records, 0 to 1.
    pub late: f64,
    /// The share of malformed records, 0 to 1.
    pub bad: f64,
}

impl Settings {
    /// The event time of record `index` before any shuffling: also when it may be sent, where event time has caught up with the clock.
    pub fn due(&self, index: u64) -> Timestamp {
        let micros = u64::try_from(self.step.as_micros()).unwrap_or(u64::MAX).saturating_mul(index);
        self.start.saturating_add_unsigned(micros / 1000)
    }
}
