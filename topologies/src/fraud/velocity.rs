//! Velocity: more purchases in a short time, or more money, than a person spends by hand.

use super::{Detector, Hit, Purchase, Score};
use crate::money::Cents;
use headwater_streams::record::Timestamp;

const MINUTE_MS: u64 = 60_000;
const TEN_MINUTES_MS: u64 = 600_000;
/// Purchases within a minute, the most first.
const PER_MINUTE: [(u64, Score); 4] = [(6, Score(900)), (5, Score(750)), (4, Score(600)), (3, Score(300))];
/// Purchases within ten minutes.
const PER_TEN_MINUTES: [(u64, Score); 4] = [(8, Score(900)), (7, Score(750)), (6, Score(600)), (5, Score(300))];
/// Cents within ten minutes, in more than one purchase.
const SUM_PER_TEN_MINUTES: [(u64, Score); 2] = [(1_000_000, Score(600)), (500_000, Score(300))];
/// Most purchases that are remembered; of more than that, the oldest are forgotten.
const REMEMBERED_MAX: usize = 64;

/// Finds purchases that follow each other too quickly. Windows reach to both sides, in event time: what arrives late counts too.
#[derive(Debug, Clone, Copy, Default)]
pub struct VelocityDetector;

/// A user's purchases of the last ten minutes, in the order of their time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recently(pub Vec<Recent>);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// When.
    pub time: Timestamp,
    /// For how much.
    pub cents: u64,
}

impl Detector for VelocityDetector {
    type Memory = Recently;

    const NAME: &'static str = "velocity";

    fn judge(&self, before: &Recently, purchase: &Purchase) -> Option<Hit> {
        let within = |span: u64| before.0.iter().filter(move |recent| recent.time.abs_diff(purchase.event_time) < span);
        let (minute, ten_minutes) = (1 + within(MINUTE_MS).count() as u64, 1 + within(TEN_MINUTES_MS).count() as u64);
        let sum = purchase.cents() + within(TEN_MINUTES_MS).map(|recent| recent.cents).sum::<u64>();
        let sum = if ten_minutes > 1 { sum } else { 0 };
        let findings = [
            reached(&PER_MINUTE, minute).map(|score| (score, format!("{minute} purchases within a minute"))),
            reached(&PER_TEN_MINUTES, ten_minutes).map(|score| (score, format!("{ten_minutes} purchases within ten minutes"))),
            reached(&SUM_PER_TEN_MINUTES, sum).map(|score| (score, format!("{} within ten minutes", Cents(i128::from(sum))))),
        ];
        Hit::of(Self::NAME, findings.into_iter().flatten())
    }

    fn learn(&self, memory: &mut Recently, purchase: &Purchase, _: Option<&Hit>) {
        let Recently(all) = memory;
        let place = all.partition_point(|recent| recent.time <= purchase.event_time);
        all.insert(place, Recent { time: purchase.event_time, cents: purchase.cents() });
        let newest = all.last().expect("one was just put in").time;
        let over = all.partition_point(|recent| recent.time.abs_diff(newest) >= TEN_MINUTES_MS);
        let too_many = all.len().saturating_sub(REMEMBERED_MAX);
        all.drain(..over.max(too_many));
    }
}

fn reached(limits: &[(u64, Score)], value: u64) -> Option<Score> {
    limits.iter().find(|(limit, _)| value >= *limit).map(|(_, score)| *score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(purchases: &[(i64, i128)]) -> Recently {
        let mut recently = Recently::default();
        purchases.iter().for_each(|(seconds, cents)| VelocityDetector.learn(&mut recently, &Purchase::of(seconds * 1_000, *cents), None));
        recently
    }

    #[test]
    fn counts_and_sums_have_limits() {
        let every = |seconds: i64, count: i64| (0..count).map(|n| (n * seconds, 1_000)).collect::<Vec<_>>();
        for (before, at, cents, found) in [
            (vec![], 0, 1_000_000, None),
            (every(20, 1), 20, 1_000, None),
            (every(20, 2), 40, 1_000, Some(("0.300", "3 purchases within a minute"))),
            (every(20, 3), 59, 1_000, Some(("0.600", "4 purchases within a minute"))),
            (every(20, 3), 60, 1_000, Some(("0.300", "3 purchases within a minute"))),
            (every(10, 4), 40, 1_000, Some(("0.750", "5 purchases within a minute; 5 purchases within ten minutes"))),
            (every(10, 5), 50, 1_000, Some(("0.900", "6 purchases within a minute; 6 purchases within ten minutes"))),
            (every(100, 4), 400, 1_000, Some(("0.300", "5 purchases within ten minutes"))),
            (every(90, 7), 599, 1_000, Some(("0.900", "8 purchases within ten minutes"))),
            (vec![(0, 300_000)], 599, 200_000, Some(("0.300", "5000.00 within ten minutes"))),
            (vec![(0, 900_000)], 599, 100_000, Some(("0.600", "10000.00 within ten minutes"))),
            (vec![(0, 900_000)], 600, 100_000, None),
            (vec![(30, 1_000), (50, 1_000)], 0, 1_000, Some(("0.300", "3 purchases within a minute"))),
        ] {
            let hit = VelocityDetector.judge(&after(&before), &Purchase::of(at * 1_000, cents));
            let hit = hit.as_ref().map(|hit| (hit.score.to_string(), hit.reason.as_str()));
            assert_eq!(hit, found.map(|(score, reason)| (score.to_owned(), reason)), "{before:?} {at}");
        }
    }

    #[test]
    fn what_is_remembered_is_in_order_recent_and_bounded() {
        let times = |recently: Recently| recently.0.iter().map(|recent| recent.time / 1_000).collect::<Vec<_>>();
        assert_eq!(times(after(&[(700, 1), (650, 1), (710, 1), (109, 1)])), [650, 700, 710], "too old when it arrives");
        assert_eq!(times(after(&[(0, 1), (1, 1), (600, 1)])), [1, 600]);
        let many: Vec<_> = (0..1_000).map(|n| (n / 10, 1)).collect();
        assert_eq!(times(after(&many)).len(), REMEMBERED_MAX);
    }
}
