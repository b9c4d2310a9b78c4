//! Category-sales on two processes and three partitions, in which either may die, stop, hang or come at any moment.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{AssignmentPolicy, Log, TopicPartition};
use headwater_streams::runtime::Config;
use headwater_tests::simulation::{Check, Fleet, Input, Mischief, START, Seed, World, seeds};
use headwater_topologies::category_sales;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const RECORDS: i64 = 320;
const PARTITIONS: i32 = 3;

#[test]
fn exactly_once_survives_kills_stops_and_joins() {
    let mischief = Mischief { kill: 60, burn: 20, stop: 40, start: 1_500, ..Mischief::default() };
    let kills: u32 =
        seeds(150).into_iter().map(|seed| live(seed, 0, Config::new("category-sales"), mischief, Check::ExactlyOnce).kills).sum();
    assert!(kills > 20, "only {kills} kills: nothing was tested");
}

#[test]
fn exactly_once_survives_zombies() {
    let mischief = Mischief { kill: 20, burn: 10, stop: 10, start: 1_500, pause: 60, ..Mischief::default() };
    let pauses: u32 =
        seeds(150).into_iter().map(|seed| live(seed, 0, Config::new("category-sales"), mischief, Check::ExactlyOnce).long_pauses).sum();
    assert!(pauses > 20, "only {pauses} pauses beyond the session: nothing was tested");
}

/// Everything is given up in each rebalance, and nothing is lost by it.
#[test]
fn exactly_once_survives_under_the_range_policy() {
    let mischief = Mischief { kill: 40, burn: 10, stop: 40, start: 1_500, pause: 20, ..Mischief::default() };
    let config = || Config { policy: AssignmentPolicy::Range, ..Config::new("category-sales") };
    seeds(40).into_iter().for_each(|seed| drop(live(seed, 0, config(), mischief, Check::ExactlyOnce)));
}

/// A lost answer leaves a commit in doubt: what the group has decides.
#[test]
fn exactly_once_survives_lost_answers() {
    let mischief = Mischief { kill: 20, burn: 10, stop: 10, start: 1_500, pause: 10, ..Mischief::default() };
    seeds(150).into_iter().for_each(|seed| drop(live(seed, 400, Config::new("category-sales"), mischief, Check::ExactlyOnce)));
}

/// A store whose changelog was cut off is restored from what is left of it: lost disks in all other tests rely on this.
#[test]
fn window_changelogs_are_trimmed() {
    let fleet = live(1, 0, Config::new("category-sales"), Mischief { start: 10_000, ..Mischief::default() }, Check::ExactlyOnce);
    let changelog = CHANGELOG;
    let ends = |partition| fleet.world.log.admin().ends(&TopicPartition::new(changelog, partition)).unwrap();
    let trimmed: i64 = (0..PARTITIONS).map(|partition| ends(partition).earliest).sum();
    assert!(trimmed > 0, "nothing was trimmed: {:?}", (0..PARTITIONS).map(ends).collect::<Vec<_>>());
}

#[test]
fn at_least_once_loses_nothing() {
    let mischief = Mischief { kill: 60, burn: 10, stop: 20, start: 1_500, pause: 40, ..Mischief::default() };
    let config = || {
        let config = Config::new("category-sales").at_least_once();
        Config { commit_interval: Duration::from_millis(300), ..config }
    };
    seeds(150).into_iter().for_each(|seed| drop(live(seed, 0, config(), mischief, Check::AtLeastOnce)));
}

/// The broker dies and comes back: nobody ends, nothing is lost or doubled.
#[test]
fn exactly_once_survives_a_log_that_is_away() {
    let mischief = Mischief { kill: 10, stop: 10, start: 1_500, outage: 30, ..Mischief::default() };
    let outages: u32 =
        seeds(60).into_iter().map(|seed| live(seed, 0, Config::new("category-sales"), mischief, Check::ExactlyOnce).outages).sum();
    assert!(outages > 60, "only {outages} outages: nothing was tested");
}

#[test]
fn at_least_once_survives_a_log_that_is_away() {
    let mischief = Mischief { kill: 10, stop: 10, start: 1_500, outage: 30, ..Mischief::default() };
    let config = || Config::new("category-sales").at_least_once();
    seeds(60).into_iter().for_each(|seed| drop(live(seed, 0, config(), mischief, Check::AtLeastOnce)));
}

/// A process that was stopped beyond its session had old values in its producer, which reach the changelog when it wakes up.
#[test]
fn at_least_once_mends_what_a_zombie_has_written() {
    let mut late = 0;
    for seed in seeds(30) {
        let _seed = Seed(seed);
        let config = Config { commit_interval: Duration::from_millis(300), ..Config::new("category-sales").at_least_once() };
        let (input, mut fleet) = born(seed, 0, config);
        let mut zombie = Zombie::default();
        for (i, line) in input.lines().iter().enumerate() {
            let now = fleet.world.now();
            fleet.world.append("transactions", i as i32 % PARTITIONS, now, None, Some(line));
            fleet.run(15, Mischief { start: 1_500, ..Mischief::default() });
            if i % 20 == 19 && (i as i64) < RECORDS * 3 / 4 {
                zombie.write(&mut fleet.world, i as i32 / 20 % PARTITIONS);
            }
        }
        fleet.settle();
        late += zombie.written.len();
        zombie.check(&fleet.world, seed);
        Check::AtLeastOnce.sales(&fleet.world, &input, &format!("seed {seed}"));
    }
    assert!(late > 60, "only {late} late records: nothing was tested");
}

#[derive(Default)]
struct Zombie {
    /// Partitions and offsets.
    written: BTreeSet<(i32, i64)>,
}

impl Zombie {
    /// Writes an old value again whose key has a newer one.
    fn write(&mut self, world: &mut World, partition: i32) {
        let records = &world.read(CHANGELOG)[partition as usize];
        let all: Vec<_> = records.iter().collect();
        let is_old = |i: &usize| all[i + 1..].iter().any(|later| later.key == all[*i].key && later.value != all[*i].value);
        let Some(old) = (0..all.len()).rev().find(is_old).map(|i| all[i]) else { return };
        let (key, value) = (old.key.unwrap().to_vec(), old.value.map(<[u8]>::to_vec));
        let end = world.log.admin().ends(&TopicPartition::new(CHANGELOG, partition)).unwrap().latest;
        let timestamp = old.timestamp;
        world.append(CHANGELOG, partition, timestamp, Some(&key), value.as_deref());
        self.written.insert((partition, end));
    }

    /// The last value of each key is one of the owner.
    fn check(&self, world: &World, seed: u64) {
        for (partition, records) in world.read(CHANGELOG).iter().enumerate() {
            let last: BTreeMap<_, _> = records.iter().map(|record| (record.key.unwrap(), record.offset)).collect();
            // A window that has expired is nobody's any more.
            let start = |key: &[u8]| i64::from_be_bytes(key[key.len() - 12..key.len() - 4].try_into().unwrap());
            let newest = last.keys().map(|key| start(key)).max().unwrap_or(0);
            let alive = last.iter().filter(|(key, _)| start(key) + 60_000 >= newest);
            let of_zombie = alive.filter(|(_, offset)| self.written.contains(&(partition as i32, **offset))).count();
            assert_eq!(of_zombie, 0, "seed {seed}: a restore of partition {partition} would take old values for the last ones");
        }
    }
}

const CHANGELOG: &str = "category-sales-category-sales-changelog";

/// A life in which the input comes bit by bit, then peace; and the result.
fn live(seed: u64, lost: u64, config: Config, mischief: Mischief, check: Check) -> Fleet {
    let _seed = Seed(seed);
    let (input, mut fleet) = born(seed, lost, config);
    for (i, line) in input.lines().iter().enumerate() {
        while fleet.is_away() {
            fleet.run(15, mischief);
        }
        let now = fleet.world.now();
        fleet.world.append("transactions", i as i32 % PARTITIONS, now, None, Some(line));
        if i % 4 == 0 {
            fleet.run(15, mischief);
        }
    }
    fleet.settle();
    check.sales(&fleet.world, &input, &format!("seed {seed}"));
    fleet
}

fn born(seed: u64, lost: u64, config: Config) -> (Input, Fleet) {
    let input = Input::generate(RECORDS);
    let world = World::with_faults(START + 40_000_000, seed, lost);
    world.create("transactions", PARTITIONS, &[("retention.ms", "-1")]);
    world.create("category-sales", PARTITIONS, &[("retention.ms", "-1")]);
    let (purge_interval, watch_interval) = (Duration::from_millis(500), Duration::from_secs(4));
    let config = Config { buffered_records: 20, purge_interval, watch_interval, ..config };
    let fleet = Fleet::new(world, 2, seed, config, || category_sales::topology().build().unwrap());
    (input, fleet)
}
