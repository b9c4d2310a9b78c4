//! Who buys: where they live, what they spend, what they use and when they are away.

use super::cities::{CITIES, City};
use super::{Topic, World};
use crate::random::Random;
use crate::sales_stream::PaymentMethod;

/// Rounds of a season, in which a person makes at most one journey.
const SEASON_BITS: u32 = 6;
const SEASON: u64 = 1 << SEASON_BITS;
/// Of so many seasons one holds a journey, if there is time for it.
const SEASONS_PER_JOURNEY: u64 = 6;
/// Including the way to the airport. Fast, but possible.
const FLIGHT_METRES_PER_HOUR: u64 = 850_000;

/// One user.
pub(super) struct Person {
    pub(super) user: u64,
    pub(super) home: &'static City,
    /// What a purchase comes to, more or less.
    pub(super) habit_cents: u64,
    pub(super) payment: PaymentMethod,
    pub(super) devices: u64,
}

/// Who lives on such a foot is rich.
pub(super) const RICH_CENTS: u64 = 25_000;

impl Person {
    pub(super) fn of(world: &World, user: u64) -> Self {
        let mut random = world.random(Topic::Person, user);
        let habit_cents = match random.below(10) {
            0..6 => 2_000 + random.below(6_000),
            6..9 => 8_000 + random.below(RICH_CENTS - 8_000),
            _ => RICH_CENTS + random.below(65_000),
        };
        Person { user, home: pick(&mut random), habit_cents, payment: random.pick(PaymentMethod::ALL), devices: 1 + random.below(3) }
    }

    /// The amount of a purchase such as any other: up to four times the habit, seldom so much; on average 7/6 of it.
    pub(super) fn usual_cents(&self, random: &mut Random) -> u64 {
        let two = random.below(1_000) + random.below(1_000);
        self.habit_cents * two * two / 1_000_000
    }

    /// So many thousandths of the average purchase.
    pub(super) fn times_average_cents(&self, thousandths: u64) -> u64 {
        self.habit_cents * 7 / 6 * thousandths / 1_000
    }

    /// Where the person is in this round; on the way, nobody buys.
    pub(super) fn whereabouts(&self, world: &World, round: u64) -> Whereabouts {
        // Everybody has a calendar of their own.
        let round = round + (self.user.wrapping_mul(0x9e37_79b9) & (SEASON - 1));
        let (season, at) = (round >> SEASON_BITS, round & (SEASON - 1));
        let mut random = world.random(Topic::Journey, self.user << 32 | season);
        if random.below(SEASONS_PER_JOURNEY) > 0 {
            return Whereabouts::In(self.home);
        }
        let (there, begin, end) = (pick(&mut random), 1 + random.below(8), SEASON - 1 - random.below(8));
        let flight_ms = u128::from(self.home.metres_to(there)) * 3_600_000 / u128::from(FLIGHT_METRES_PER_HOUR);
        // One round lies between two purchases without any flight.
        let flight = u64::try_from(flight_ms.div_ceil(world.round_ms())).unwrap_or(u64::MAX).saturating_sub(1);
        if flight.saturating_mul(2) + 2 > end - begin {
            return Whereabouts::In(self.home);
        }
        match at {
            _ if at < begin || at >= end => Whereabouts::In(self.home),
            _ if at >= begin + flight && at < end - flight => Whereabouts::In(there),
            _ => Whereabouts::OnTheWay,
        }
    }
}

/// Where somebody is.
pub(super) enum Whereabouts {
    /// In this city.
    In(&'static City),
    /// Nowhere.
    OnTheWay,
}

fn pick(random: &mut Random) -> &'static City {
    &CITIES[random.below(CITIES.len() as u64) as usize]
}

/// A city at least so far from this one.
pub(super) fn city_beyond(metres: u64, from: &City, random: &mut Random) -> &'static City {
    let first = random.below(CITIES.len() as u64) as usize;
    let mut all = CITIES[first..].iter().chain(&CITIES[..first]);
    all.find(|city| city.metres_to(from) >= metres).expect("no city is near to all others")
}
