//! What the application says of a suspicious purchase.

use super::{Hit, Purchase};
use crate::closed_set::names;
use std::fmt;
use uuid::Uuid;

/// Which detectors with which limits have judged. Another set of either is another version.
pub const MODEL: &str = "rules-1";

/// Thousandths, 0 to 1,000: how likely it is that something is wrong, as far as detectors can say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u32);

impl Score {
    /// From here on a purchase is worth an alert.
    pub const ALERT: Score = Score(500);

    /// The highest that one detector gives: no single one is sure.
    pub const HIGHEST_OF_ONE: Score = Score(950);

    /// All scores together: as if detectors were wrong independently of each other, `1 - (1 - a)(1 - b)...`, rounded up to thousandths.
    ///
    /// ```
    /// use headwater_topologies::fraud::Score;
    /// assert_eq!(Score::combined([Score(300), Score(350)]), Score(545));
    /// ```
    pub fn combined(scores: impl IntoIterator<Item = Score>) -> Score {
        // One factor of 1,000 stays: the doubt that is left, in thousandths. Ten detectors fit.
        let (doubt, unit) =
            scores.into_iter().fold((1_000_u128, 1), |(doubt, unit), score| (doubt * u128::from(1_000 - score.0), unit * 1_000));
        Score(1_000 - (doubt / unit) as u32)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

names! {
    /// How soon somebody should look.
    Severity {
        /// A score of at least 0.500.
        Medium = "medium",
        /// A score of at least 0.700.
        High = "high",
        /// A score of at least 0.900.
        Critical = "critical",
    }
}

impl Severity {
    /// The severity of an alert with this score.
    pub fn of(score: Score) -> Self {
        match score.0 {
            ..700 => Severity::Medium,
            700..900 => Severity::High,
            900.. => Severity::Critical,
        }
    }
}

/// A suspicious purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose.
    pub user_id: String,
    /// Which.
    pub purchase: Purchase,
    /// How suspicious it is, all in all.
    pub score: Score,
    /// What for, in the order of the detectors.
    pub hits: Vec<Hit>,
    /// What judged: [`MODEL`].
    pub model: String,
}

/// Which alert: the primary key of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertKey {
    /// The transaction that it is about.
    pub transaction_id: Uuid,
}

impl Alert {
    /// The alert that these hits are worth, if they are.
    pub fn worth(user_id: &str, purchase: Purchase, hits: Vec<Hit>) -> Option<Alert> {
        let score = Score::combined(hits.iter().map(|hit| hit.score));
        (score >= Score::ALERT).then(|| Alert { user_id: user_id.to_owned(), purchase, score, hits, model: MODEL.to_owned() })
    }

    /// Which alert this is.
    pub fn key(&self) -> AlertKey {
        AlertKey { transaction_id: self.purchase.transaction_id }
    }

    /// How soon somebody should look.
    pub fn severity(&self) -> Severity {
        Severity::of(self.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_combine_whatever_their_order() {
        for (scores, combined) in [
            (&[][..], "0.000"),
            (&[300], "0.300"),
            (&[300, 350], "0.545"),
            (&[350, 300], "0.545"),
            (&[333, 333, 333], "0.704"),
            (&[950, 950, 950], "1.000"),
            (&[0, 500], "0.500"),
        ] {
            assert_eq!(Score::combined(scores.iter().copied().map(Score)).to_string(), combined, "{scores:?}");
        }
    }

    #[test]
    fn severity_follows_the_score() {
        for (score, severity) in [(500, "medium"), (699, "medium"), (700, "high"), (899, "high"), (900, "critical"), (1_000, "critical")] {
            assert_eq!(Severity::of(Score(score)).name(), severity);
        }
    }
}
