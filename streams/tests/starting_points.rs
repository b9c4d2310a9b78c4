//! Where a group without a position begins that goes by the age of records (KIP-1106), on each log: it is the log that is asked for times.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{
    Clock, EmbeddedLog, FetchLimit, Headers, Isolation, KafkaConfig, KafkaLog, Log, LogSettings, NO_OFFSET, ProducerConfig, ReaderConfig,
    Records, SimulatedLog, StartAt, TopicPartition, TopicSpec, VirtualClock,
};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{App, Boundary, Config, SimulatedProcess};
use headwater_streams::state::{Disk, MemoryDisk};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HOUR: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(30);

/// Topics, and so the group, are called after the test: brokers outlive it.
struct Case {
    log: Arc<dyn Log>,
    name: String,
    now: i64,
}

impl Case {
    fn new(log: Arc<dyn Log>, name: &str, now: i64) -> Case {
        let case = Case { log, name: format!("{name}-{now}"), now };
        for (of, partitions) in [("in", 3), ("rows", 3), ("out", 1)] {
            let configs = [("retention.ms".to_owned(), "-1".to_owned())].into();
            case.log.admin().create_topic(&TopicSpec { name: case.topic(of), partitions, configs }).unwrap();
        }
        case
    }

    fn topic(&self, of: &str) -> String {
        format!("{}-{of}", self.name)
    }

    /// Records that are so many hours old.
    fn append(&self, topic: &str, partition: i32, hours: &[i64]) {
        let mut records = Records::new();
        for age in hours {
            let value = format!("{topic} {partition} of {age} h");
            let time = self.now - age * HOUR.as_millis() as i64;
            records.push(NO_OFFSET, time, Some(&age.to_be_bytes()), Some(value.as_bytes()), &Headers::EMPTY);
        }
        let mut producer = self.log.producer(ProducerConfig::default()).unwrap();
        producer.send(&TopicPartition::new(&*self.topic(topic), partition), &mut records).unwrap();
        producer.flush().unwrap();
    }

    fn fill(&self) {
        // Times need not rise: the first record that is young enough counts, with all behind it.
        self.append("in", 0, &[5, 3, 1, 4, 0]);
        self.append("in", 1, &[9, 8]);
        self.append("rows", 0, &[7, 1]);
    }

    /// Whatever is younger than two hours and a half, of events and of rows.
    fn topology(&self) -> Topology {
        let named = |of: &str| Topic::<i64, String>::of(self.topic(of));
        let age = HOUR * 5 / 2;
        let app = StreamsBuilder::new();
        app.stream(named("in").source().by_duration(age)).to(named("out"));
        app.table(named("rows").source().by_duration(age), Store::new("rows")).to(named("out").sink().named("rows-out"));
        app.build().unwrap()
    }

    fn config(&self) -> Config {
        Config::new(&*self.name)
    }

    fn out(&self) -> Vec<String> {
        let at = TopicPartition::new(&*self.topic("out"), 0);
        let end = self.log.admin().ends(&at).unwrap().stable;
        let mut reader = self.log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() }).unwrap();
        reader.assign(&at, StartAt::Earliest);
        let (mut texts, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while reader.position(&at).is_none_or(|position| position < end) && end > 0 {
            assert!(Instant::now() < deadline, "cannot read {at} to {end}");
            let mut fetched = Vec::new();
            reader.poll(FetchLimit::default(), Duration::from_millis(100), &mut fetched).unwrap();
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            texts.extend(fetched.iter().flat_map(|batch| batch.records.iter().map(|record| text(record.value))));
        }
        texts.sort();
        texts
    }

    /// The first start goes by age, the second one by what was committed, though that is old by now.
    fn check(&self, mut run: impl FnMut(&Case)) {
        self.fill();
        run(self);
        let young = ["in 0 of 0 h", "in 0 of 1 h", "in 0 of 4 h", "rows 0 of 1 h"];
        assert_eq!(self.out(), young);
        self.append("in", 0, &[6]);
        self.append("in", 1, &[6]);
        run(self);
        let known = ["in 0 of 0 h", "in 0 of 1 h", "in 0 of 4 h", "in 0 of 6 h", "in 1 of 6 h", "rows 0 of 1 h"];
        assert_eq!(self.out(), known);
    }
}

fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// With the loop and the clock that applications have.
fn run_app(case: &Case) {
    let running = App::new(case.topology(), case.config()).start(case.log.clone(), Disk::Memory(MemoryDisk::new())).unwrap();
    assert!(running.drain(PATIENCE));
    running.stop().unwrap();
}

#[test]
fn by_age_on_the_embedded_log() {
    let folder = tempfile::tempdir().unwrap();
    Case::new(Arc::new(EmbeddedLog::open(folder.path()).unwrap()), "aged", wall_clock()).check(run_app);
}

#[test]
fn by_age_on_the_simulated_log() {
    let clock = VirtualClock::at(1_767_225_600_000);
    let log = SimulatedLog::open(&MemoryDisk::new(), clock.clone(), LogSettings::default(), 7).unwrap();
    Case::new(Arc::new(log.clone()), "aged", clock.now_ms()).check(|case| {
        let mut process =
            SimulatedProcess::start(case.log.clone(), Disk::Memory(MemoryDisk::new()), "a", case.topology(), case.config()).unwrap();
        for _ in 0..1_000 {
            process.advance(clock.now_ms()).unwrap();
            clock.advance(Duration::from_millis(20));
            log.maintain().unwrap();
        }
        process.stop();
        while process.advance(clock.now_ms()).unwrap() != Boundary::Stopped {
            clock.advance(Duration::from_millis(20));
        }
    });
}

/// Runs where `HEADWATER_TEST_BROKERS` names a broker.
#[test]
fn by_age_on_a_broker() {
    let Ok(brokers) = std::env::var("HEADWATER_TEST_BROKERS") else {
        println!("skipped: HEADWATER_TEST_BROKERS names no broker");
        return;
    };
    Case::new(Arc::new(KafkaLog::connect(KafkaConfig::new(brokers)).unwrap()), "aged", wall_clock()).check(run_app);
}
