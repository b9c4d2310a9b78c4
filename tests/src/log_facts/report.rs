//! What came of playing cases.

use super::case::Case;

/// So often a case is played that no play keeps up with.
const PLAYS: usize = 10;

/// What came of playing some cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that conform.
    pub passed: usize,
    /// Names of cases that do not, with what differed.
    pub failed: Vec<(String, String)>,
    /// Cases that were not played.
    pub skipped: usize,
    /// Steps of played cases that only look, where the binding has no such look.
    pub passed_over: usize,
    /// Plays that were no evidence: they differed, behind something that had run out before it should.
    pub too_slow: usize,
}

/// What came of one play.
pub(super) struct Played {
    /// Empty where it conforms.
    pub(super) difference: String,
    /// What had run out before the first difference.
    pub(super) too_slow: Option<String>,
    pub(super) passed_over: usize,
}

impl Report {
    /// Takes note of a play; gives the case back if it is to be played again.
    pub(super) fn add(&mut self, case: Case, played: Played) -> Option<Case> {
        if !played.difference.is_empty() && played.too_slow.is_some() {
            self.too_slow += 1;
            return Some(case);
        }
        self.passed_over += played.passed_over;
        if played.difference.is_empty() {
            self.passed += 1;
        } else {
            self.failed.push((case.name, played.difference));
        }
        None
    }

    /// Plays a case whose first play was too slow, until a play is in time. A case that none keeps up with has shown nothing, and fails.
    pub(super) fn play_again(&mut self, mut case: Case, play: impl Fn(&Case) -> Played) {
        let mut last = String::new();
        for _ in 1..PLAYS {
            let played = play(&case);
            last = format!("{}{}", played.too_slow.as_deref().unwrap_or_default(), played.difference);
            match self.add(case, played) {
                None => return,
                Some(again) => case = again,
            }
        }
        self.failed.push((case.name, format!("\n  none of {PLAYS} plays was in time: {last}")));
    }

    /// The last line of a run.
    pub fn summary(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped)
    }
}
