//! Punctuations by the wall clock, on two processes of which either may die, stop or come at any moment: what they send is committed with what
//! they have taken out of their store, so that each record is counted in exactly one of the sums.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::Config;
use headwater_tests::simulation::{Fleet, Mischief, START, Seed, World, seeds};
use std::collections::BTreeMap;
use std::time::Duration;

const IN: Topic<u64, u64> = Topic::new("in");
const SUMS: Topic<u64, u64> = Topic::new("sums");
const WAITING: Store<u64, u64> = Store::new("waiting");
const PARTITIONS: i32 = 3;
const KEYS: u64 = 5;

/// Adds up, and lets the sums go every now and then.
struct Collector;

impl Processor<u64, u64> for Collector {
    type Stores = Store<u64, u64>;
    type Key = u64;
    type Value = u64;

    fn init(&mut self, schedules: &mut Schedules) {
        schedules.wall_clock(Duration::from_millis(250));
    }

    fn process(
        &self, record: Record<u64, u64>, waiting: &mut StoreHandle<u64, u64>, _: &mut ProcessorContext<u64, u64>,
    ) -> Result<(), Failure> {
        Ok(waiting.update(&record.key, |sum| Some(sum.unwrap_or(0) + record.value))?)
    }

    fn punctuate(&self, _: Due, waiting: &mut StoreHandle<u64, u64>, context: &mut ProcessorContext<u64, u64>) -> Result<(), Failure> {
        for (key, sum) in waiting.all()? {
            waiting.delete(&key)?;
            context.send(key, sum);
        }
        Ok(())
    }
}

fn topology() -> Topology {
    let app = StreamsBuilder::new();
    app.stream(IN).process_with(WAITING, || Collector).to(SUMS);
    app.build().unwrap()
}

/// The sums of all that was sent, by key, and how many records they came in.
fn sums(world: &World) -> (BTreeMap<u64, u64>, usize) {
    let number = |bytes: Option<&[u8]>| u64::from_be_bytes(bytes.unwrap().try_into().unwrap());
    let (mut sums, mut count) = (BTreeMap::new(), 0);
    for records in world.read(SUMS.name()) {
        for record in records.iter() {
            *sums.entry(number(record.key)).or_default() += number(record.value);
            count += 1;
        }
    }
    (sums, count)
}

#[test]
fn each_record_is_in_exactly_one_sum() {
    let mischief = Mischief { kill: 60, burn: 20, stop: 40, start: 1_500, ..Mischief::default() };
    let (mut kills, mut told) = (0, 0);
    for seed in seeds(40) {
        let _seed = Seed(seed);
        let world = World::with_faults(START, seed, 100);
        world.create(IN.name(), PARTITIONS, &[]);
        world.create(SUMS.name(), PARTITIONS, &[]);
        let mut fleet = Fleet::new(world, 2, seed, Config::new("sums"), topology);
        let mut expected = BTreeMap::new();
        for n in 1..=120_u64 {
            let key = n % KEYS;
            let now = fleet.world.now();
            fleet.world.append(IN.name(), key as i32 % PARTITIONS, now, Some(&key.to_be_bytes()), Some(&n.to_be_bytes()));
            *expected.entry(key).or_default() += n;
            fleet.run(15, mischief);
        }
        fleet.settle();
        let (found, count) = sums(&fleet.world);
        assert_eq!(found, expected, "seed {seed}");
        kills += fleet.kills;
        told += count;
    }
    assert!(kills > 40 && told > 40 * 2 * KEYS as usize, "{kills} kills, {told} sums: nothing was tested");
}
