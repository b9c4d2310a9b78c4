//! Impossible travel: two purchases of one user that nobody could have made, since no way from one to the other is that fast.

use super::{Detector, Hit, Purchase, Score};
use crate::sales_stream::Coordinates;
use headwater_streams::record::Timestamp;

/// Nearer places are one: addresses and cells are not exact.
const METRES_MIN: u64 = 100_000;
/// km/h that airliners reach, with the way to the airport: no proof, but it adds up with other hits.
const FAST: u64 = 900;
/// km/h that nobody travels: with 0.600, and 0.001 more for every four further ones.
const IMPOSSIBLE: u64 = 1_000;
const FAST_SCORE: Score = Score(300);
const IMPOSSIBLE_SCORE: Score = Score(600);
const SPEED_PER_SCORE: u64 = 4;
/// Metres per millisecond in km/h.
const KMH: u64 = 3_600;
/// Most places that are remembered; of more than that, the oldest are forgotten.
const REMEMBERED_MAX: usize = 8;

/// Finds neighbours in event time that are too far apart. What arrives late is looked at from both sides.
#[derive(Debug, Clone, Copy, Default)]
pub struct TravelDetector;

/// Where a user was, in the order of time. A place that cannot be true is not remembered: the thief's is not the user's, so that
/// the user's own next purchase is none the worse for it. Time heals a mistake: the longer ago, the nearer is every place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts(pub Vec<Sight>);

/// One place and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// When.
    pub time: Timestamp,
    /// Where.
    pub at: Coordinates,
}

impl Detector for TravelDetector {
    type Memory = Whereabouts;

    const NAME: &'static str = "travel";

    fn judge(&self, before: &Whereabouts, purchase: &Purchase) -> Option<Hit> {
        let next = before.place_of(purchase.event_time);
        let neighbours = [next.checked_sub(1), Some(next)].into_iter().flatten().filter_map(|place| before.0.get(place));
        let (speed, metres, elapsed) = neighbours.filter_map(|sight| journey(sight, purchase)).max_by_key(|(speed, ..)| *speed)?;
        let score = match speed {
            ..FAST => return None,
            FAST..IMPOSSIBLE => FAST_SCORE,
            _ => {
                let more = ((speed - IMPOSSIBLE) / SPEED_PER_SCORE).min(u64::from(Score::HIGHEST_OF_ONE.0 - IMPOSSIBLE_SCORE.0));
                Score(IMPOSSIBLE_SCORE.0 + more as u32)
            }
        };
        Hit::of(Self::NAME, [(score, format!("{} km in {} s: {speed} km/h", metres / 1_000, elapsed / 1_000))])
    }

    fn learn(&self, memory: &mut Whereabouts, purchase: &Purchase, hit: Option<&Hit>) {
        if hit.is_some_and(|hit| hit.score >= IMPOSSIBLE_SCORE) {
            return;
        }
        let place = memory.place_of(purchase.event_time);
        memory.0.insert(place, Sight { time: purchase.event_time, at: purchase.at });
        if memory.0.len() > REMEMBERED_MAX {
            memory.0.remove(0);
        }
    }
}

impl Whereabouts {
    /// Where something of this time belongs: behind all that is not later.
    fn place_of(&self, time: Timestamp) -> usize {
        self.0.partition_point(|sight| sight.time <= time)
    }
}

/// Speed, metres and milliseconds between a sight and a purchase, unless they are near to each other. Less than a millisecond counts as one.
fn journey(sight: &Sight, purchase: &Purchase) -> Option<(u64, u64, u64)> {
    let metres = sight.at.metres_to(purchase.at);
    let elapsed = sight.time.abs_diff(purchase.event_time).max(1);
    (metres >= METRES_MIN).then_some((metres * KMH / elapsed, metres, elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sales_stream::Degrees;

    const HOUR: i64 = 3_600_000;
    /// 111 km of the equator.
    const DEGREE: i32 = 1_000_000;

    fn at(time: i64, longitude: i32) -> Purchase {
        Purchase { at: Coordinates { longitude: Degrees(longitude), ..Coordinates::default() }, ..Purchase::of(time, 1_000) }
    }

    fn after(purchases: &[(i64, i32)]) -> Whereabouts {
        let mut memory = Whereabouts::default();
        for (time, longitude) in purchases {
            let purchase = at(*time, *longitude);
            let hit = TravelDetector.judge(&memory, &purchase);
            TravelDetector.learn(&mut memory, &purchase, hit.as_ref());
        }
        memory
    }

    #[test]
    fn only_a_speed_that_nobody_has_is_an_alert() {
        for (before, time, longitude, found) in [
            (&[][..], 0, 0, None),
            (&[(0, 0)], 1, DEGREE / 2, None),
            (&[(0, 0)], HOUR, 8 * DEGREE, None),
            (&[(0, 0)], HOUR, 85 * DEGREE / 10, Some(("0.300", "945 km in 3600 s: 945 km/h"))),
            (&[(0, 0)], HOUR, 9 * DEGREE, Some(("0.600", "1000 km in 3600 s: 1000 km/h"))),
            (&[(0, 0)], HOUR, 18 * DEGREE, Some(("0.850", "2001 km in 3600 s: 2001 km/h"))),
            (&[(0, 0)], HOUR, -90 * DEGREE, Some(("0.950", "10007 km in 3600 s: 10007 km/h"))),
            (&[(0, 0)], 0, DEGREE, Some(("0.950", "111 km in 0 s: 400302000 km/h"))),
            (&[(0, 0), (10 * HOUR, 0)], 9 * HOUR, 9 * DEGREE, Some(("0.600", "1000 km in 3600 s: 1000 km/h"))),
            (&[(0, 0), (10 * HOUR, 9 * DEGREE)], 5 * HOUR, 4 * DEGREE, None),
        ] {
            let hit = TravelDetector.judge(&after(before), &at(time, longitude));
            let hit = hit.as_ref().map(|hit| (hit.score.to_string(), hit.reason.as_str()));
            assert_eq!(hit, found.map(|(score, reason)| (score.to_owned(), reason)), "{before:?} {time} {longitude}");
        }
    }

    #[test]
    fn the_thief_is_not_believed_and_the_owner_is() {
        let memory = after(&[(0, 0), (HOUR, 90 * DEGREE), (HOUR + 1_000, 90 * DEGREE)]);
        assert_eq!(memory.0.iter().map(|sight| sight.time).collect::<Vec<_>>(), [0]);
        assert_eq!(TravelDetector.judge(&memory, &at(2 * HOUR, 0)), None);
        assert_eq!(TravelDetector.judge(&memory, &at(30 * HOUR, 90 * DEGREE)), None, "by then it could be true");
    }

    #[test]
    fn the_last_few_places_are_remembered() {
        let many: Vec<_> = (0..100).rev().map(|n| (n * HOUR, 0)).collect();
        assert_eq!(after(&many).0.len(), REMEMBERED_MAX);
        let memory = after(&(0..100).map(|n| (n * HOUR, 0)).collect::<Vec<_>>());
        assert_eq!(memory.0[0].time, 92 * HOUR);
    }
}
