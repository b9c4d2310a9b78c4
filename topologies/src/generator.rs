//! What every generator keeps: record `i` is a pure function of the settings and `i`, so that a run can be repeated and gone on with.

use crate::random::Random;
use headwater_streams::record::Timestamp;
use std::time::Duration;

const SHUFFLE_STEPS: u64 = 4;
const SHUFFLE_MAX_MS: u64 = 2_000;
const LATE_MIN_MS: u64 = 30_000;
const LATE_MAX_MS: u64 = 600_000;

/// A source of made-up records for one topic.
pub trait Generator: Send + Sync {
    /// Whether there is a record of this index. Cheap: what is made beside other records may exist for few of them only.
    fn has(&self, _index: u64) -> bool {
        true
    }

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

    /// The event time of record `index`: shuffled by up to four steps but never by more than two seconds, which makes no record late.
    /// A late one lies 30 s to 10 min behind its turn.
    pub fn event_time(&self, index: u64, is_late: bool, random: &mut Random) -> Timestamp {
        let reach = (self.step.as_millis() as u64).saturating_mul(SHUFFLE_STEPS).min(SHUFFLE_MAX_MS);
        let shuffled = self.due(index) - reach as i64 + random.below(2 * reach + 1) as i64;
        let behind = if is_late { LATE_MIN_MS + random.below(LATE_MAX_MS - LATE_MIN_MS) } else { 0 };
        // Before 1970 a time would be malformed, not late.
        (shuffled - behind as i64).max(0)
    }
}
