//! Which purchase stands at an index: whose, where and why. Everything else is the purchase's own chance.
//!
//! Indexes come in rounds of as many as there are users: in each one everybody buys once, at about the same place of the round. Blocks
//! of 512 indexes each hold one episode of fraud, at odd indexes, and one that only looks like fraud, at even ones; whose turn it would
//! be there buys nothing in this round. Four blocks hold every kind of fraud once, at most 20 records in 2,048: less than 1 % of the traffic.

use super::cities::City;
use super::people::{Person, RICH_CENTS, Whereabouts, city_beyond};
use super::{Topic, World};
use crate::closed_set::names;
use crate::random::Random;

/// Users that share a place of a round, whose order changes from round to round.
const GROUP_BITS: u32 = 6;
const BLOCK_BITS: u32 = 9;
const BLOCKS_PER_CYCLE_BITS: u32 = 2;
/// Places of a block for each of its two episodes.
const LANE: u64 = 1 << (BLOCK_BITS - 1);
/// Most places from one purchase of an episode to the next: the longest episode stays within its lane.
const GAP_MAX: u64 = 24;
const EPISODE_MAX: u64 = 9;
/// Users that are asked for what an episode needs, before the next best is taken.
const ASKED: u64 = 40;
/// Far enough that nobody who bought at home within the hour can be there.
const FAR_METRES: u64 = 4_000_000;

names! {
    /// How a fraud is done.
    FraudKind {
        /// A stolen card pays for far more than its owner ever spends.
        Amount = "amount",
        /// A list of cards is tried out: many small purchases within a minute.
        Velocity = "velocity",
        /// A copied card pays where its owner cannot be.
        Travel = "travel",
        /// An account is taken over: more than usual, quickly, half of the time from far away.
        Combined = "combined",
    }
}

/// Why somebody buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motive {
    /// It is their turn.
    Ordinary,
    /// Somebody unknown, in the place of one who is on the way.
    Guest,
    /// Looks like fraud by its amount, but for somebody who is rich it is not that much.
    BigSpender,
    /// The one thing that somebody has saved for.
    Splurge,
    /// One of a family buys after the other.
    Family,
    /// It is not them.
    Fraud(FraudKind),
}

/// Who buys, where and why.
pub(super) struct Visit {
    pub(super) person: Person,
    pub(super) city: &'static City,
    pub(super) motive: Motive,
    /// Purchases with the same number here are one visit of one buyer.
    pub(super) number: u64,
}

impl World {
    /// The visit at an index.
    pub(super) fn visit(&self, index: u64) -> Visit {
        match self.episode_at(index) {
            Some((block, motive)) => self.episode(block, motive),
            None => self.turn(index),
        }
    }

    /// What kind of fraud stands at an index, if any.
    pub(super) fn fraud_at(&self, index: u64) -> Option<FraudKind> {
        match self.episode_at(index) {
            Some((_, Motive::Fraud(kind))) => Some(kind),
            _ => None,
        }
    }

    /// The regular purchase of an index.
    fn turn(&self, index: u64) -> Visit {
        let (round, user) = (index >> self.user_bits, self.user_of(index));
        let person = Person::of(self, user);
        match person.whereabouts(self, round) {
            Whereabouts::In(city) => Visit { person, city, motive: Motive::Ordinary, number: round },
            Whereabouts::OnTheWay => {
                // Numbers of guests follow those of the users.
                let guest = (1 << self.user_bits) + self.random(Topic::Guest, index).below(1 << 22);
                let person = Person::of(self, guest);
                Visit { city: person.home, person, motive: Motive::Guest, number: round }
            }
        }
    }

    fn user_of(&self, index: u64) -> u64 {
        let (round, place) = (index >> self.user_bits, index & ((1 << self.user_bits) - 1));
        let (group, member) = (place >> GROUP_BITS, place & ((1 << GROUP_BITS) - 1));
        let shuffled = |place: u64, bits: u32, by: u64| place.wrapping_mul(by | 1).wrapping_add(by >> 32) & ((1 << bits) - 1);
        let group = shuffled(group, self.user_bits - GROUP_BITS, self.random(Topic::Groups, 0).bits());
        group << GROUP_BITS | shuffled(member, GROUP_BITS, self.random(Topic::Groups, 1 + round).bits())
    }

    /// The episode that has an index, with its block.
    fn episode_at(&self, index: u64) -> Option<(u64, Motive)> {
        let block = index >> BLOCK_BITS;
        // Nobody has bought anything yet, so nobody can be robbed.
        if block == 0 {
            return None;
        }
        let lane = index & 1;
        let mut random = self.random(if lane == 1 { Topic::Fraud } else { Topic::LookAlike }, block);
        let motive = if lane == 1 {
            Motive::Fraud(self.kind_of(block))
        } else {
            random.pick(&[Motive::BigSpender, Motive::Splurge, Motive::Family])
        };
        let (length, gap_ms) = extent(motive, &mut random);
        debug_assert!(length <= EPISODE_MAX, "an episode stays in its lane");
        let gap = (gap_ms * 1_000 / (2 * self.step_us)).clamp(1, GAP_MAX);
        let first = random.below(LANE - GAP_MAX * (EPISODE_MAX - 1));
        let behind = ((index & ((1 << BLOCK_BITS) - 1)) >> 1).checked_sub(first)?;
        (behind % gap == 0 && behind / gap < length).then_some((block, motive))
    }

    /// The kinds stand in another order in each cycle of blocks.
    fn kind_of(&self, block: u64) -> FraudKind {
        let cycle = block >> BLOCKS_PER_CYCLE_BITS;
        let mut random = self.random(Topic::Kinds, cycle);
        let mut kinds = [FraudKind::Amount, FraudKind::Velocity, FraudKind::Travel, FraudKind::Combined];
        for place in (1..kinds.len()).rev() {
            kinds.swap(place, random.below(place as u64 + 1) as usize);
        }
        kinds[(block & ((1 << BLOCKS_PER_CYCLE_BITS) - 1)) as usize]
    }

    fn episode(&self, block: u64, motive: Motive) -> Visit {
        let mut random = self.random(Topic::Episode, block << 1 | u64::from(matches!(motive, Motive::Fraud(_))));
        let Visit { person, city, .. } = self.somebody(block, motive == Motive::BigSpender, &mut random);
        let is_far = match motive {
            Motive::Fraud(FraudKind::Travel) => true,
            Motive::Fraud(FraudKind::Combined) => random.below(2) == 0,
            _ => false,
        };
        let city = if is_far { city_beyond(FAR_METRES, city, &mut random) } else { city };
        Visit { person, city, motive, number: block }
    }

    /// Somebody who has bought within the last round, before this block.
    fn somebody(&self, block: u64, rich: bool, random: &mut Random) -> Visit {
        let end = block << BLOCK_BITS;
        let first = random.below(end.min(1 << self.user_bits));
        let ago = |asked: u64| self.turn(end - 1 - (first + asked) % end);
        let fits = |visit: &Visit| visit.motive == Motive::Ordinary && (!rich || visit.person.habit_cents >= RICH_CENTS);
        let found = (0..ASKED).map(ago).find(fits);
        found.unwrap_or_else(|| ago(0))
    }
}

/// How many purchases an episode has, and how far apart.
fn extent(motive: Motive, random: &mut Random) -> (u64, u64) {
    let between = |random: &mut Random, least: u64, most: u64| least + random.below(most - least + 1);
    let (length, seconds) = match motive {
        Motive::Ordinary | Motive::Guest | Motive::BigSpender | Motive::Splurge => (1, 1),
        Motive::Family => (between(random, 2, 3), between(random, 5, 20)),
        Motive::Fraud(FraudKind::Amount) => (between(random, 1, 2), between(random, 30, 48)),
        Motive::Fraud(FraudKind::Velocity) => (between(random, 7, 9), between(random, 3, 7)),
        Motive::Fraud(FraudKind::Travel) => (between(random, 1, 3), between(random, 20, 48)),
        Motive::Fraud(FraudKind::Combined) => (between(random, 4, 6), between(random, 6, 16)),
    };
    (length, seconds * 1_000)
}
