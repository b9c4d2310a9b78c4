//! What is on the edges of an application under simulation: tables that come late, sinks that fail, records that the log refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::connector::{Claim, Connector, ConnectorError, DeadLetter, Level, SinkTask, Writer, Written};
use headwater_streams::graph::Topology;
use headwater_streams::log::{Headers, Records};
use headwater_streams::prelude::{KTable, Store, StreamsBuilder, Topic};
use headwater_streams::runtime::{Config, Guarantee};
use headwater_tests::simulation::{Fleet, Mischief, Random, START, Seed, World, seeds};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const QUIET: Mischief = Mischief { kill: 0, burn: 0, stop: 0, start: 10_000, pause: 0, outage: 0 };

mod joined_with_a_late_table {
    use super::*;

    const ROWS: Topic<String, String> = Topic::new("rows");
    const EVENTS: Topic<String, String> = Topic::new("events");
    const JOINED: Topic<String, String> = Topic::new("joined");
    const TABLE: Store<String, String> = Store::new("table");

    /// The table has a changelog of its own.
    fn logged() -> Topology {
        joined(|app| app.table(ROWS, TABLE))
    }

    /// The topic itself is the changelog.
    fn sourced() -> Topology {
        joined(|app| app.table(ROWS.source().as_changelog(), TABLE))
    }

    fn joined(table: impl Fn(&StreamsBuilder) -> KTable<String, String>) -> Topology {
        let app = StreamsBuilder::new();
        let table = table(&app);
        app.stream(EVENTS).join(&table, |_, event, row: String| format!("{event} {}", row.len())).to(JOINED);
        app.build().unwrap()
    }

    /// The table is larger than what one fetch brings, and older than all events.
    fn check(mut world: World, seed: u64, topology: fn() -> Topology) {
        world.create("rows", 2, &[("cleanup.policy", "compact")]);
        world.create("events", 2, &[]);
        world.create("joined", 2, &[]);
        let row = "x".repeat(20_000);
        for i in 0..300 {
            world.append("rows", i % 2, START - 10_000, Some(format!("key-{i}").as_bytes()), Some(row.as_bytes()));
        }
        for i in 0..300 {
            world.append("events", i % 2, START, Some(format!("key-{i}").as_bytes()), Some(format!("{i}").as_bytes()));
        }
        let config = Config { buffered_records: 40, ..Config::new("late-table") };
        let mut fleet = Fleet::new(world, 2, seed, config, topology);
        fleet.run(1_000, Mischief { kill: 100, burn: 30, stop: 20, start: 2_000, pause: 10, ..Mischief::default() });
        fleet.settle();
        let joined: Vec<_> = texts(&fleet.world, "joined");
        let distinct: BTreeSet<_> = joined.iter().cloned().collect();
        let expected: BTreeSet<_> = (0..300).map(|i| format!("{i} 20000")).collect();
        assert_eq!(distinct, expected, "seed {seed}");
        assert_eq!(joined.len(), 300, "seed {seed}: an event was joined twice");
    }

    #[test]
    fn no_event_misses_its_row() {
        for seed in seeds(10) {
            let _seed = Seed(seed);
            check(World::at(START), seed, logged);
        }
    }

    /// Events are there long before the table's fetches are answered: only what was read to its end may be joined empty.
    #[test]
    fn no_event_misses_a_row_whose_fetch_is_slow() {
        for seed in seeds(10) {
            let _seed = Seed(seed);
            for topology in [logged, sourced] {
                check(World::with_slow_topic(START, seed, "rows", 9_500, 20_000), seed, topology);
                check(World::with_slow_topic(START, seed, "rows", 10_000, 3_000), seed, topology);
            }
        }
    }
}

mod joined_by_others {
    use super::*;

    const IN: Topic<String, String> = Topic::new("in");
    const OUT: Topic<String, String> = Topic::new("out");

    fn topology() -> Topology {
        let app = StreamsBuilder::new();
        app.stream(IN).to(OUT);
        app.build().unwrap()
    }

    /// There is one partition, so the second process never gets anything: each time it comes or goes there is a generation more.
    #[test]
    fn no_transaction_of_who_keeps_its_tasks_fails_twice_in_a_row() {
        let calm = Mischief::default();
        for seed in seeds(20) {
            let _seed = Seed(seed);
            let world = World::at(START);
            world.create("in", 1, &[]);
            world.create("out", 1, &[]);
            let mut fleet = Fleet::new(world, 2, seed, Config::new("others"), topology);
            fleet.start(0);
            fleet.run(200, calm);
            for i in 0..300 {
                let now = fleet.world.now();
                fleet.world.append("in", 0, now, Some(b"key"), Some(format!("{i}").as_bytes()));
                match i % 20 {
                    5 => fleet.start(1),
                    15 => fleet.stop(1),
                    _ => {}
                }
                fleet.run(20, calm);
            }
            let progress = fleet.progress(0).unwrap();
            assert!(progress.rebalances > 15 && progress.commits > 100, "seed {seed}: {progress:?}");
            assert!(progress.aborted_in_a_row <= 1, "seed {seed}: {progress:?}");
            fleet.settle();
            assert_eq!(texts(&fleet.world, "out").len(), 300, "seed {seed}");
        }
    }
}

mod refused_by_the_log {
    use super::*;

    const IN: Topic<String, u64> = Topic::new("in");
    const OUT: Topic<String, String> = Topic::new("out");

    fn topology() -> Topology {
        let app = StreamsBuilder::new();
        app.stream(IN).map_values(|_, length| "x".repeat(length as usize)).to(OUT);
        app.build().unwrap()
    }

    /// Too long for the topic: some by a little, some so much that the producer hears of it at once.
    fn is_refused(i: u64) -> bool {
        i % 50 == 17 || i % 50 == 18 || i == 120
    }

    fn length(i: u64) -> u64 {
        match is_refused(i) {
            true if i.is_multiple_of(2) => 2_000_000 + i,
            true => 20_000 + i,
            false => i,
        }
    }

    fn run(config: Config, seed: u64, mischief: Mischief) -> (Vec<u64>, Vec<i64>) {
        let mut world = World::at(START);
        world.create("in", 1, &[]);
        world.create("out", 1, &[("max.message.bytes", "10000")]);
        for i in 0..200 {
            world.append("in", 0, START, Some(b"k"), Some(&length(i).to_be_bytes()));
        }
        let mut fleet = Fleet::new(world, 1, seed, config, topology);
        fleet.run(600, mischief);
        fleet.settle();
        let out = texts(&fleet.world, "out").iter().map(|text| text.len() as u64).collect();
        let offsets = letters(&fleet.world, "refused-dlq").into_iter().map(|letter| letter.offset).collect();
        (out, offsets)
    }

    #[test]
    fn each_refused_record_is_a_dead_letter_and_all_others_go_on() {
        let (good, bad): (Vec<u64>, Vec<u64>) = (0..200).partition(|i| !is_refused(*i));
        let bad: Vec<i64> = bad.into_iter().map(|i| i as i64).collect();
        for seed in seeds(10) {
            let _seed = Seed(seed);
            let mischief = Mischief { kill: 50, start: 2_000, ..QUIET };
            assert_eq!(run(Config::new("refused"), seed, mischief), (good.clone(), bad.clone()), "seed {seed}");
        }
    }

    #[test]
    fn at_least_once_goes_on_as_well() {
        let config = Config::new("refused").at_least_once();
        assert_eq!(config.guarantee, Guarantee::AtLeastOnce);
        let (out, letters) = run(config, 1, QUIET);
        let (out, letters): (BTreeSet<_>, BTreeSet<_>) = (out.into_iter().collect(), letters.into_iter().collect());
        assert_eq!(out, (0..200).filter(|i| !is_refused(*i)).collect());
        assert_eq!(letters, (0..200).filter(|i| is_refused(*i)).map(|i| i as i64).collect());
    }
}

mod sinks {
    use super::*;

    const IN: Topic<String, u64> = Topic::new("in");
    const OUT: Topic<String, u64> = Topic::new("out");

    /// A target with transactions, which forgets to answer at times.
    #[derive(Debug, Default)]
    struct Target {
        rows: BTreeMap<String, u64>,
        progress: BTreeMap<i32, Progress>,
        letters: BTreeMap<(i32, i64), DeadLetter>,
        unpublished: BTreeSet<(i32, i64)>,
        unavailable: u64,
        written: usize,
    }

    #[derive(Clone, Copy, Debug, Default)]
    struct Progress {
        epoch: u64,
        next: Option<i64>,
    }

    /// A map as a sink: `name` tells two of them apart.
    #[derive(Clone, Debug)]
    struct Map {
        name: &'static str,
        target: Arc<Mutex<Target>>,
        random: Arc<Mutex<Random>>,
        /// How often it does not answer, in 10,000 calls.
        fails: u64,
    }

    #[derive(Debug)]
    struct MapWriter {
        map: Map,
        task: SinkTask,
        epoch: u64,
    }

    impl Map {
        fn new(name: &'static str, seed: u64, fails: u64) -> Map {
            Map { name, target: Arc::default(), random: Arc::new(Mutex::new(Random::of(seed + 1_000))), fails }
        }

        fn answers(&self) -> Result<(), ConnectorError> {
            if !self.random.lock().unwrap().happens(self.fails) {
                return Ok(());
            }
            self.target.lock().unwrap().unavailable += 1;
            Err(ConnectorError::Unavailable { sink: self.name.into(), reason: "no answer".into() })
        }
    }

    impl Connector for Map {
        fn name(&self) -> &str {
            self.name
        }
        fn level(&self) -> Level {
            Level::ExactlyOnce
        }
        fn open(&self, task: &SinkTask) -> Result<Box<dyn Writer>, ConnectorError> {
            self.answers()?;
            Ok(Box::new(MapWriter { map: self.clone(), task: task.clone(), epoch: 0 }))
        }
    }

    fn is_refused(offset: i64) -> bool {
        offset % 23 == 11
    }

    impl Writer for MapWriter {
        fn claim(&mut self) -> Result<Claim, ConnectorError> {
            self.map.answers()?;
            let mut target = self.map.target.lock().unwrap();
            let progress = target.progress.entry(self.task.partition).or_default();
            if progress.next.is_some_and(|next| next > self.task.log_end || next < self.task.log_start) {
                return Err(ConnectorError::Refused {
                    sink: self.map.name.into(),
                    reason: format!("{:?} outside {:?}", progress, self.task),
                });
            }
            progress.epoch += 1;
            self.epoch = progress.epoch;
            let next_offset = progress.next;
            let mine = target.unpublished.iter().filter(|(partition, _)| *partition == self.task.partition);
            let unpublished = mine.map(|id| target.letters[id].clone()).collect();
            Ok(Claim { next_offset, unpublished })
        }

        fn write(&mut self, batch: &Records, next_offset: i64) -> Result<Written, ConnectorError> {
            self.map.answers()?;
            let mut refused = Vec::new();
            {
                let mut target = self.map.target.lock().unwrap();
                let progress = target.progress.get_mut(&self.task.partition).unwrap();
                if progress.epoch != self.epoch {
                    let topic = self.task.topic.clone();
                    return Err(ConnectorError::Fenced { sink: self.map.name.into(), topic, partition: self.task.partition });
                }
                let from = progress.next.unwrap_or(0);
                progress.next = Some(next_offset);
                for record in batch.iter() {
                    assert!(record.offset >= from, "{}: offset {} again after {from}", self.map.name, record.offset);
                    let id = (self.task.partition, record.offset);
                    if is_refused(record.offset) {
                        refused.push(self.letter(record.offset, record.key, record.value));
                        let before = target.letters.insert(id, refused.last().unwrap().clone());
                        assert!(before.is_none(), "{}: {id:?} refused twice", self.map.name);
                        target.unpublished.insert(id);
                    } else {
                        let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                        target.rows.insert(key, u64::from_be_bytes(record.value.unwrap().try_into().unwrap()));
                        target.written += 1;
                    }
                }
            }
            // Written, but the answer may be lost.
            self.map.answers()?;
            Ok(Written { rows: batch.len() - refused.len(), refused })
        }

        fn published(&mut self, letters: &[DeadLetter]) -> Result<(), ConnectorError> {
            self.map.answers()?;
            let mut target = self.map.target.lock().unwrap();
            for letter in letters {
                target.unpublished.remove(&(letter.partition, letter.offset));
            }
            Ok(())
        }
    }

    impl MapWriter {
        fn letter(&self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> DeadLetter {
            let (topic, partition, stage) = (self.task.topic.clone(), self.task.partition, self.map.name.to_owned());
            let (key, value) = (key.map(Into::into), value.map(Into::into));
            DeadLetter { topic, partition, offset, stage, reason: "no".into(), key, value, timestamp: 0, headers: Headers::EMPTY }
        }
    }

    fn topology(maps: &[Map]) -> Topology {
        let app = StreamsBuilder::new();
        app.stream(IN).map_values(|_, n| n + 1).to(OUT);
        maps.iter().for_each(|map| app.connect(OUT, map.clone()));
        app.build().unwrap()
    }

    fn live(seed: u64, processes: usize, maps: &[Map], mischief: Mischief) {
        let mut world = World::at(START);
        world.create("in", 2, &[]);
        world.create("out", 2, &[]);
        let of = maps.to_vec();
        for i in 0..100 {
            world.append("in", i % 2, START, Some(format!("key-{}", i % 40).as_bytes()), Some(&(i as u64).to_be_bytes()));
        }
        let config = Config { buffered_records: 20, ..Config::new("maps") };
        let mut fleet = Fleet::new(world, processes, seed, config, move || topology(&of));
        for i in 100..400 {
            let now = fleet.world.now();
            fleet.world.append("in", i % 2, now, Some(format!("key-{}", i % 40).as_bytes()), Some(&(i as u64).to_be_bytes()));
            fleet.run(8, mischief);
        }
        fleet.settle();
        maps.iter().for_each(|map| check(&fleet.world, map, &format!("seed {seed}, {}", map.name)));
    }

    fn check(world: &World, map: &Map, case: &str) {
        let target = map.target.lock().unwrap();
        let (mut rows, mut refused, mut count) = (BTreeMap::new(), BTreeSet::new(), 0);
        for (partition, records) in world.read("out").iter().enumerate() {
            for record in records.iter() {
                count += 1;
                if is_refused(record.offset) {
                    refused.insert((partition as i32, record.offset));
                } else {
                    let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                    rows.insert(key, u64::from_be_bytes(record.value.unwrap().try_into().unwrap()));
                }
            }
        }
        assert_eq!(count, 400, "{case}");
        assert_eq!(target.rows, rows, "{case}: table and topic differ");
        assert_eq!(target.written + refused.len(), 400, "{case}: a row was written twice or never");
        assert_eq!(target.letters.keys().copied().collect::<BTreeSet<_>>(), refused, "{case}");
        let published = letters(world, "maps-dlq").into_iter().filter(|letter| letter.stage == map.name);
        assert_eq!(published.map(|letter| (letter.partition, letter.offset)).collect::<BTreeSet<_>>(), refused, "{case}: letters");
        assert_eq!(target.unpublished, BTreeSet::new(), "{case}: letters that nobody has published");
        assert!(map.fails == 0 || target.unavailable > 0, "{case}: it has always answered");
    }

    #[test]
    fn a_table_is_its_topic_whatever_becomes_of_target_and_process() {
        for seed in seeds(40) {
            let _seed = Seed(seed);
            live(seed, 2, &[Map::new("map", seed, 300)], Mischief { kill: 40, stop: 30, start: 1_500, pause: 20, ..QUIET });
        }
    }

    /// Each sink has a position of its own.
    #[test]
    fn two_sinks_of_one_topic_do_not_take_each_others_records() {
        for seed in seeds(10) {
            let _seed = Seed(seed);
            live(seed, 1, &[Map::new("first", seed, 300), Map::new("second", seed + 7, 300)], Mischief { kill: 20, ..QUIET });
        }
    }
}

fn texts(world: &World, topic: &str) -> Vec<String> {
    let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    world.read(topic).iter().flat_map(|records| records.iter()).map(|record| text(record.value)).collect()
}

fn letters(world: &World, topic: &str) -> Vec<DeadLetter> {
    world.read(topic).iter().flat_map(|records| records.iter()).map(|record| DeadLetter::from_record(record).unwrap().1).collect()
}
