//! Amounts: beyond what anybody spends, or far beyond what this user does.

use super::{Detector, Hit, Purchase, Score};
use crate::money::Cents;

/// Totals in cents from which on a purchase is suspicious whoever makes it, the highest first.
const ABSOLUTE: [(u64, Score); 3] = [(2_500_000, Score(900)), (1_000_000, Score(650)), (500_000, Score(350))];
/// So many purchases make a habit.
const HABIT: u32 = 5;
/// What is below so many times the mean is no surprise, however even a user's purchases are.
const TIMES_MEAN_MIN: u128 = 3;
/// Deviations above the mean, in thousandths, from which on a purchase is suspicious: with 0.250, and 0.100 more for each further one.
const DEVIATIONS_MIN: u128 = 4_000;
const FIRST_SCORE: u128 = 250;
const DEVIATIONS_PER_SCORE: u128 = 10;
/// One purchase counts for at most so many times the mean before it: a thief does not teach us what is usual.
const LEARN_TIMES_MEAN_MAX: u64 = 4;
/// At so many purchases all counts are halved: older ones fade, and sums stay bounded.
const FADE_AT: u32 = 128;

/// Finds amounts that are too large.
#[derive(Debug, Clone, Copy, Default)]
pub struct AmountDetector;

/// A user's amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// How many purchases.
    pub count: u32,
    /// Their sum in cents.
    pub sum: u64,
    /// The sum of their squares.
    pub squares: u128,
}

impl Detector for AmountDetector {
    type Memory = Amounts;

    const NAME: &'static str = "amount";

    fn judge(&self, before: &Amounts, purchase: &Purchase) -> Option<Hit> {
        Hit::of(Self::NAME, absolute(purchase).into_iter().chain(before.surprise(purchase)))
    }

    fn learn(&self, memory: &mut Amounts, purchase: &Purchase, _: Option<&Hit>) {
        memory.learn(purchase.cents());
    }
}

fn absolute(purchase: &Purchase) -> Option<(Score, String)> {
    let (limit, score) = ABSOLUTE.into_iter().find(|(limit, _)| purchase.cents() >= *limit)?;
    Some((score, format!("{} is at least {}", purchase.total, Cents(i128::from(limit)))))
}

impl Amounts {
    /// How far a purchase lies above the user's mean, in whole numbers all the way.
    ///
    /// With n purchases, their sum S and sum of squares Q, an amount x lies `(n x - S) / sqrt(n Q - S^2)` standard deviations above the
    /// mean. A deviation below half of the mean counts as half of it: few purchases say little, and some users are very even.
    fn surprise(&self, purchase: &Purchase) -> Option<(Score, String)> {
        let (count, sum, cents) = (u128::from(self.count), u128::from(self.sum), u128::from(purchase.cents()));
        if self.count < HABIT || count * cents <= TIMES_MEAN_MIN * sum {
            return None;
        }
        let above = count * cents - sum;
        let spread = (count * self.squares).saturating_sub(sum * sum).max(sum * sum / 4).max(1);
        let deviations = (above * above * 1_000_000 / spread).isqrt();
        if deviations < DEVIATIONS_MIN {
            return None;
        }
        let score = FIRST_SCORE + (deviations - DEVIATIONS_MIN) / DEVIATIONS_PER_SCORE;
        let score = Score(score.min(u128::from(Score::HIGHEST_OF_ONE.0)) as u32);
        let mean = Cents(i128::from(self.sum / u64::from(self.count)));
        let reason = format!(
            "{} is {}.{:02} deviations above the mean {mean} of {} purchases",
            purchase.total,
            deviations / 1_000,
            deviations % 1_000 / 10,
            self.count
        );
        Some((score, reason))
    }

    fn learn(&mut self, cents: u64) {
        let most = if self.count < HABIT { u64::MAX } else { LEARN_TIMES_MEAN_MAX * self.sum / u64::from(self.count) };
        let cents = cents.min(most);
        self.count += 1;
        self.sum += cents;
        self.squares += u128::from(cents) * u128::from(cents);
        if self.count >= FADE_AT {
            *self = Amounts { count: self.count / 2, sum: self.sum / 2, squares: self.squares / 2 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(cents: &[i128]) -> Amounts {
        let mut amounts = Amounts::default();
        cents.iter().for_each(|cents| AmountDetector.learn(&mut amounts, &Purchase::of(0, *cents), None));
        amounts
    }

    #[test]
    fn an_amount_is_judged_by_itself_and_by_the_habit() {
        let even = [5_000; 8];
        let uneven = [1_000, 9_000, 2_000, 8_000, 5_000, 1_000, 9_000, 5_000];
        for (before, cents, found) in [
            (&[][..], 499_999, None),
            (&[], 500_000, Some(("0.350", "5000.00 is at least 5000.00"))),
            (&[], 1_000_000, Some(("0.650", "10000.00 is at least 10000.00"))),
            (&[], 99_999_999, Some(("0.900", "999999.99 is at least 25000.00"))),
            (&even[..4], 100_000, None),
            (&even, 14_999, None),
            (&even, 15_001, Some(("0.250", "150.01 is 4.00 deviations above the mean 50.00 of 8 purchases"))),
            (&even, 21_250, Some(("0.500", "212.50 is 6.50 deviations above the mean 50.00 of 8 purchases"))),
            (&uneven, 15_001, None),
            (&uneven, 30_000, Some(("0.630", "300.00 is 7.80 deviations above the mean 50.00 of 8 purchases"))),
            (
                &even,
                600_000,
                Some(("0.950", "6000.00 is at least 5000.00; 6000.00 is 238.00 deviations above the mean 50.00 of 8 purchases")),
            ),
        ] {
            let hit = AmountDetector.judge(&after(before), &Purchase::of(0, cents));
            let hit = hit.as_ref().map(|hit| (hit.score.to_string(), hit.reason.as_str()));
            assert_eq!(hit, found.map(|(score, reason)| (score.to_owned(), reason)), "{before:?} {cents}");
        }
    }

    #[test]
    fn one_huge_purchase_teaches_little_and_new_habits_are_learnt() {
        let mut amounts = after(&[5_000; 20]);
        amounts.learn(10_000_000);
        assert_eq!((amounts.count, amounts.sum), (21, 120_000));
        (0..200).for_each(|_| amounts.learn(40_000));
        assert_eq!(amounts.surprise(&Purchase::of(0, 60_000)), None);
    }

    #[test]
    fn sums_stay_bounded() {
        let mut amounts = Amounts::default();
        (0..100_000).for_each(|_| amounts.learn(100_000_000_000));
        assert!(amounts.count < FADE_AT && amounts.sum < 128 * 100_000_000_000);
        assert_eq!(amounts.surprise(&Purchase::of(0, 100_000_000_000)), None);
        let before = Amounts { count: 127, sum: 127, squares: 127 };
        assert_eq!(before.surprise(&Purchase::of(0, 100_000_000_000)).unwrap().0, Score(950), "nothing overflows");
    }
}
