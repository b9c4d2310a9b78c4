//! What Kafka Streams has left in changelogs whose layout is our own is refused, never misread.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{
    Clock, Header, Headers, Log, LogSettings, NO_OFFSET, ProducerConfig, Records, SimulatedLog, TopicPartition, TopicSpec, VirtualClock,
};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{AppError, Boundary, Config, SimulatedProcess};
use headwater_streams::state::{Disk, MemoryDisk};
use std::sync::Arc;
use std::time::Duration;

const ROWS: Topic<String, String> = Topic::new("rows");
const OTHERS: Topic<String, String> = Topic::new("others");
const OUT: Topic<String, String> = Topic::new("out");

struct World {
    clock: VirtualClock,
    log: SimulatedLog,
    disk: MemoryDisk,
    changelog: String,
}

impl World {
    fn with(changelog: &str) -> World {
        let clock = VirtualClock::at(1_767_225_600_000);
        let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), LogSettings::default(), 7).unwrap();
        for name in ["rows", "others", "out", changelog] {
            log.admin().create_topic(&TopicSpec { name: name.into(), partitions: 1, ..TopicSpec::default() }).unwrap();
        }
        World { clock, log, disk: MemoryDisk::new(), changelog: changelog.into() }
    }

    /// A record as Kafka Streams has written it.
    fn append(&self, key: &[u8], value: Option<&[u8]>, headers: &Headers) {
        let mut records = Records::new();
        records.push(NO_OFFSET, self.clock.now_ms(), Some(key), value, headers);
        let mut producer = self.log.producer(ProducerConfig::default()).unwrap();
        producer.send(&TopicPartition::new(&*self.changelog, 0), &mut records).unwrap();
        producer.flush().unwrap();
    }

    /// Runs the application until it has stood still for longer than the session of one that has died, or until it refuses to.
    fn run(&self, topology: &Topology) -> Result<(), AppError> {
        let (log, disk) = (Arc::new(self.log.clone()), Disk::Memory(self.disk.clone()));
        let mut process = SimulatedProcess::start(log, disk, "a", topology.clone(), Config::new("app"))?;
        let mut idle = 0;
        while idle < 1_000 {
            idle += u32::from(matches!(process.advance(self.clock.now_ms())?, Boundary::Idle(_)));
            self.clock.advance(Duration::from_millis(20));
            self.log.maintain().unwrap();
        }
        process.stop();
        while process.advance(self.clock.now_ms())? != Boundary::Stopped {
            self.clock.advance(Duration::from_millis(20));
        }
        Ok(())
    }

    fn refusal(&self, topology: &Topology) -> String {
        let mut error: &dyn std::error::Error = &self.run(topology).unwrap_err();
        while let Some(source) = error.source() {
            error = source;
        }
        error.to_string()
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn suppressed() -> Topology {
    let app = StreamsBuilder::new();
    app.table(ROWS, Store::new("table")).suppress(Suppress::until_time_limit_ms(10)).named("held").to(OUT);
    app.build().unwrap()
}

/// From the case `suppress-named`: `a` came twice, then `b`. In the layout of ours the first would be three rows and a header.
#[test]
fn a_suppressed_row_waits_for_the_java_application_to_end_it() {
    let world = World::with("app-held-store-changelog");
    let version_3: Headers = [Header { name: "v".into(), value: Some([3][..].into()) }].into_iter().collect();
    for (key, value) in [
        ("a", "0000000000000001000000000000000000000002696e0000000000000000ffffffffffffffff0000000273310000000000000001"),
        ("a", "0000000000000005000000000000000200000002696e0000000000000000ffffffff0000000273310000000273330000000000000001"),
        ("b", "0000000000000002000000000000000100000002696e0000000000000000ffffffffffffffff0000000273320000000000000002"),
    ] {
        world.append(key.as_bytes(), Some(&bytes(value)), &version_3);
    }
    let says = "task 0_0: 2 rows of store held-store were left by Kafka Streams in app-held-store-changelog-0, the first at offset 0, in a layout that is not \
                ours: let the Java application run until it holds nothing back any more, or give up what it holds back and delete the topic, or name the \
                operator otherwise";
    assert_eq!(world.refusal(&suppressed()), says);
    assert_eq!(world.refusal(&suppressed()), says, "what was restored of it has not made anybody forget");

    world.append(b"a", None, &Headers::EMPTY);
    assert!(
        world
            .refusal(&suppressed())
            .contains("1 rows of store held-store were left by Kafka Streams in app-held-store-changelog-0, the first at offset 2")
    );
    world.append(b"b", None, &Headers::EMPTY);
    world.run(&suppressed()).unwrap();
}

#[test]
fn records_that_wait_for_a_table() {
    let world = World::with("app-late-Buffer-changelog");
    let app = StreamsBuilder::new();
    let table = app.table(OTHERS, VersionedStore::new_ms("versions", 60_000));
    app.stream(ROWS).join(&table.with_grace_ms(10).stored("late"), |_, left, right: String| left + &right).to(OUT);
    let topology = app.build().unwrap();
    // Time, key and number; time, offset, topic, partition and headers of the record, then what suppressed rows have.
    let key = bytes("00000000000000016100000001");
    world.append(
        &key,
        Some(&bytes("0000000000000001000000000000000000000002696e0000000000000000ffffffffffffffff000000027331")),
        &Headers::EMPTY,
    );
    let says = world.refusal(&topology);
    assert!(says.starts_with("task 0_0: 1 rows of store late-Buffer were left by Kafka Streams in app-late-Buffer-changelog-0"), "{says}");
    world.append(&key, None, &Headers::EMPTY);
    world.run(&topology).unwrap();
}

/// From the case `fkjoin-internal-topics`.
const SUBSCRIPTION: [&str; 2] = ["0000000273317361", "01034658038cc092ffdb33f039b62170e9f8736100000000"];

fn joined() -> Topology {
    let app = StreamsBuilder::new();
    let (rows, others) = (app.table(ROWS, Store::new("rows")), app.table(OTHERS, Store::new("others")));
    rows.join_by(&others, |_, row| row.clone(), |_, left, right| left + &right).named("joined").to(OUT);
    app.build().unwrap()
}

/// In a topic that somebody has called as ours.
#[test]
fn subscriptions_of_a_foreign_key_join() {
    let world = World::with("app-joined-subscriptions-changelog");
    let [key, value] = SUBSCRIPTION.map(bytes);
    world.append(&key, Some(&value), &Headers::EMPTY);
    let says = world.refusal(&joined());
    assert!(says.contains("1 rows of store joined-subscriptions were left by Kafka Streams"), "{says}");
}

/// We would read none of them, and nobody would notice for a while.
#[test]
fn subscriptions_in_topics_called_as_kafka_streams_calls_them() {
    let [key, value] = SUBSCRIPTION.map(bytes);
    for topic in ["app-joined-subscription-store-changelog", "app-KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-0000000012-changelog"] {
        let world = World::with(topic);
        world.run(&joined()).unwrap(); // there is such a topic, and nothing in it
        world.append(&key, Some(&value), &Headers::EMPTY);
        let says = world.refusal(&joined());
        assert!(says.starts_with(&format!("topic {topic} holds subscriptions of a foreign-key join of Kafka Streams")), "{says}");
        world.log.admin().delete_topic(topic).unwrap();
        world.run(&joined()).unwrap();
    }
    for other in ["app-other-subscription-store-changelog", "app-eu-joined-subscription-store-changelog"] {
        let world = World::with(other);
        world.append(&key, Some(&value), &Headers::EMPTY);
        world.run(&joined()).unwrap();
    }
}
