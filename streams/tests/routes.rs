//! Where records come from and where they go, with several partitions and the real runtime: patterns, topics and partitions that records choose.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{
    Clock, FetchLimit, Headers, Isolation, Log, LogSettings, NO_OFFSET, ProducerConfig, ReaderConfig, Records, SimulatedLog, StartAt,
    TopicPartition, TopicSpec, VirtualClock,
};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{AppError, Boundary, Config, OnFailure, Recovery, SimulatedProcess};
use headwater_streams::state::{Disk, MemoryDisk};
use headwater_streams::task::partition_of_key;
use std::sync::Arc;
use std::time::Duration;

const IN: Topic<u64, u64> = Topic::new("in");
const PARTITIONS: i32 = 3;

/// A log with topics of three partitions.
struct World {
    clock: VirtualClock,
    log: SimulatedLog,
}

impl World {
    fn with(topics: &[&str]) -> World {
        let clock = VirtualClock::at(1_767_225_600_000);
        let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), LogSettings::default(), 7).unwrap();
        for name in topics {
            log.admin().create_topic(&TopicSpec { name: (*name).into(), partitions: PARTITIONS, ..TopicSpec::default() }).unwrap();
        }
        World { clock, log }
    }

    fn append(&self, topic: &str, key: u64, value: u64) {
        let mut records = Records::new();
        records.push(NO_OFFSET, self.clock.now_ms(), Some(&key.to_be_bytes()), Some(&value.to_be_bytes()), &Headers::EMPTY);
        let mut producer = self.log.producer(ProducerConfig::default()).unwrap();
        producer.send(&TopicPartition::new(topic, 0), &mut records).unwrap();
        producer.flush().unwrap();
    }

    /// Runs the application until it has stood still for a while.
    fn run(&self, topology: Topology, config: Config) -> Result<(), AppError> {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        let mut process = SimulatedProcess::start(log, Disk::Memory(MemoryDisk::new()), "a", topology, config)?;
        let mut idle = 0;
        while idle < 100 {
            match process.advance(self.clock.now_ms())? {
                Boundary::Idle(_) => idle += 1,
                Boundary::Effect | Boundary::Step | Boundary::Stopped => {}
            }
            self.clock.advance(Duration::from_millis(20));
            self.log.maintain().unwrap();
        }
        Ok(())
    }

    /// Keys and values of a topic, partition by partition.
    fn read(&self, topic: &str) -> Vec<Vec<(u64, u64)>> {
        let number = |bytes: Option<&[u8]>| u64::from_be_bytes(bytes.unwrap().try_into().unwrap());
        let of = |partition| {
            let mut reader = self.log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() }).unwrap();
            reader.assign(&TopicPartition::new(topic, partition), StartAt::Earliest);
            let mut fetched = Vec::new();
            reader.poll(FetchLimit::default(), Duration::ZERO, &mut fetched).unwrap();
            fetched.iter().flat_map(|batch| batch.records.iter().map(|record| (number(record.key), number(record.value)))).collect()
        };
        (0..PARTITIONS).map(of).collect()
    }
}

#[test]
fn a_partitioner_may_choose_one_several_all_or_none() {
    let world = World::with(&["in", "out"]);
    (0..5).for_each(|n| world.append("in", n, n));
    let app = StreamsBuilder::new();
    let choose = |topic: &str, key: &u64, value: Option<&u64>, partitions| {
        assert_eq!((topic, Some(key), partitions), ("out", value, PARTITIONS));
        match key {
            0 => Partitions::OfKey,
            1 => Partitions::One(2),
            2 => Partitions::Each(vec![0, 2]),
            3 => Partitions::All,
            _ => Partitions::Nowhere,
        }
    };
    app.stream(IN).to(Topic::<u64, u64>::new("out").sink().partitioned_by(choose));
    world.run(app.build().unwrap(), Config::new("app")).unwrap();
    let mut expected = vec![vec![(2, 2), (3, 3)], vec![(3, 3)], vec![(1, 1), (2, 2), (3, 3)]];
    expected[partition_of_key(&0_u64.to_be_bytes(), PARTITIONS) as usize].insert(0, (0, 0));
    assert_eq!(world.read("out"), expected);
}

#[test]
fn a_partition_that_is_not_there_is_a_failure_of_sending() {
    let world = World::with(&["in", "out"]);
    world.append("in", 7, 7);
    let app = StreamsBuilder::new();
    app.stream(IN).to(Topic::<u64, u64>::new("out").sink().partitioned_by(|_, _, _, partitions| Partitions::One(partitions)));
    let config = Config { on_send_failure: Some(OnFailure::Fail), ..Config::new("app") };
    let error = world.run(app.build().unwrap(), config).unwrap_err().to_string();
    assert!(error.contains("the partitioner chose partition 3 of 3"), "{error}");
}

#[test]
fn a_repartition_may_choose_too() {
    let world = World::with(&["in", "out"]);
    (0..4).for_each(|n| world.append("in", n, n));
    let app = StreamsBuilder::new();
    let to_the_last = |_: &str, _: &u64, _: Option<&u64>, partitions| Partitions::One(partitions - 1);
    let stream = app.stream(IN).repartition(Repartitioned::named("r").partitions(2).partitioned_by(to_the_last));
    stream.with_coordinates().map_values(|_, (at, _)| at.partition as u64).to(Topic::new("out"));
    world.run(app.build().unwrap(), Config::new("app")).unwrap();
    let mut seen: Vec<_> = world.read("out").concat();
    seen.sort_unstable();
    assert_eq!(seen, [(0, 1), (1, 1), (2, 1), (3, 1)]);
}

#[test]
fn records_choose_among_the_topics_that_exist() {
    let world = World::with(&["in", "even", "odd"]);
    (0..4).for_each(|n| world.append("in", n, n));
    world.append("in", 9, 99);
    let app = StreamsBuilder::new();
    let choose = |_: &u64, value: Option<&u64>| match value {
        Some(99) => "nowhere",
        Some(value) if value % 2 == 0 => "even",
        _ => "odd",
    };
    app.stream(IN).to(Sink::chosen_by(choose).named("by-parity"));
    let topology = app.build().unwrap();
    assert!(topology.describe().to_string().contains("a topic of each record's choice"), "{topology:?}");
    let config = Config { on_send_failure: Some(OnFailure::Skip), recovery: Recovery::Continue, ..Config::new("app") };
    world.run(topology.clone(), config).unwrap();
    let all = |topic| {
        let mut all = world.read(topic).concat();
        all.sort_unstable();
        all
    };
    assert_eq!((all("even"), all("odd")), (vec![(0, 0), (2, 2)], vec![(1, 1), (3, 3)]));
    let config = Config { on_send_failure: Some(OnFailure::Fail), ..Config::new("other") };
    let error = world.run(topology, config).unwrap_err().to_string();
    assert!(error.contains("topic `nowhere`, which the record chose, did not exist") && error.contains("operator by-parity"), "{error}");
}

#[test]
fn a_pattern_reads_what_it_matches_at_the_start() {
    let world = World::with(&["orders-no", "orders-se", "orders-old-no", "orders-", "out", "app-orders-no"]);
    for (topic, n) in [("orders-no", 1), ("orders-se", 2), ("orders-old-no", 3), ("orders-", 4), ("app-orders-no", 5)] {
        world.append(topic, n, n);
    }
    let app = StreamsBuilder::new();
    app.stream(TopicPattern::<u64, u64>::new("(app-)?orders-[a-z]{2}")).to(Topic::new("out"));
    world.run(app.build().unwrap(), Config::new("app")).unwrap();
    let mut all = world.read("out").concat();
    all.sort_unstable();
    assert_eq!(all, [(1, 1), (2, 2)], "whole names, and none of our own");
}

#[test]
fn a_pattern_that_matches_nothing_is_told_before_the_start() {
    let app = StreamsBuilder::new();
    app.stream(TopicPattern::<u64, u64>::new("orders-.+")).to(Topic::new("out"));
    let error = World::with(&["out"]).run(app.build().unwrap(), Config::new("app")).unwrap_err().to_string();
    assert!(error.contains("no topic matches orders-.+"), "{error}");
}

#[test]
fn patterns_are_checked_by_build() {
    let app = StreamsBuilder::new();
    app.stream(TopicPattern::<u64, u64>::new("orders-(")).for_each(|_, _| ());
    app.stream(TopicPattern::<u64, u64>::new("in.*")).for_each(|_, _| ());
    app.stream(IN).for_each(|_, _| ());
    let mistakes: Vec<_> = app.build().unwrap_err().iter().cloned().collect();
    assert!(matches!(mistakes[0], TopologyError::IllegalPattern { pattern: "orders-(", .. }), "{mistakes:?}");
    assert_eq!(mistakes[1], TopologyError::PatternTakesTopic { pattern: "in.*", topic: "in" });
}

#[test]
fn a_source_without_a_position_may_refuse_to_begin() {
    let app = StreamsBuilder::new();
    app.stream(IN.source().no_reset()).for_each(|_, _| ());
    let error = World::with(&["in"]).run(app.build().unwrap(), Config::new("app")).unwrap_err().to_string();
    assert!(error.contains("group app has no position in in-"), "{error}");
}

#[test]
fn the_same_topics_read_the_same_way_are_one_source() {
    let app = StreamsBuilder::new();
    let other: Topic<u64, u64> = Topic::new("other");
    app.stream(IN.source().and(other).skip_invalid_timestamps().named("first")).to(Topic::new("one"));
    app.stream(IN.source().and(other).skip_invalid_timestamps()).to(Topic::new("two"));
    assert_eq!(app.build().unwrap().sub_topologies().len(), 1);
    app.stream(IN.source().and(other).latest()).to(Topic::new("three"));
    assert_eq!(app.build().unwrap_err(), [TopologyError::TopicReadTwice { topic: "in" }, TopologyError::TopicReadTwice { topic: "other" }]);
}
