//! What all detectors have in common.

use super::{Purchase, Score};

/// Looks for one thing. What it remembers of a user is bounded, whatever the user does.
pub trait Detector {
    /// What it remembers of a user.
    type Memory;

    /// Its name in alerts.
    const NAME: &'static str;

    /// What it finds suspicious in a purchase, in the light of those that arrived before.
    fn judge(&self, before: &Self::Memory, purchase: &Purchase) -> Option<Hit>;

    /// Remembers the purchase for the next; `hit` is what [`judge`](Detector::judge) said of it.
    fn learn(&self, memory: &mut Self::Memory, purchase: &Purchase, hit: Option<&Hit>);
}

/// What a detector has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which detector.
    pub detector: String,
    /// How suspicious this alone is.
    pub score: Score,
    /// What it saw, for a person.
    pub reason: String,
}

impl Hit {
    /// One hit of all that a detector found; none of nothing. The gravest counts, every reason is told.
    pub(super) fn of(detector: &str, findings: impl IntoIterator<Item = (Score, String)>) -> Option<Hit> {
        let (scores, reasons): (Vec<_>, Vec<_>) = findings.into_iter().unzip();
        let score = scores.into_iter().max()?;
        Some(Hit { detector: detector.to_owned(), score, reason: reasons.join("; ") })
    }
}
