//! What outlives every process: the clock and the log.

use super::Random;
use headwater_state::MemoryDisk;
use headwater_streams::log::{
    Clock, Fault, Faults, FetchLimit, Headers, Isolation, Log, LogSettings, NO_OFFSET, Producer, ProducerConfig, ReaderConfig, Records,
    Request, SimulatedLog, StartAt, TopicPartition, TopicSpec, VirtualClock,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Loses what belongs to transactions; everything else arrives, unless the log is away.
struct Losses {
    random: Random,
    lost: u64,
    away: Arc<AtomicBool>,
}

/// Loses fetches of one topic up to some time; nothing else.
struct SlowTopic {
    random: Random,
    clock: VirtualClock,
    topic: &'static str,
    lost: u64,
    from: i64,
    until: i64,
}

impl Faults for SlowTopic {
    fn decide(&mut self, request: &Request<'_>) -> Fault {
        match request {
            Request::Fetch { at }
                if *at.topic == *self.topic && (self.from..self.until).contains(&self.clock.now_ms()) && self.random.happens(self.lost) =>
            {
                Fault::Lost
            }
            _ => Fault::None,
        }
    }
}

impl Faults for Losses {
    fn decide(&mut self, request: &Request<'_>) -> Fault {
        if self.away.load(Ordering::Relaxed) {
            return Fault::Lost;
        }
        let transactional = match request {
            Request::Produce { transactional_id, .. } => transactional_id.is_some(),
            Request::SendOffsets { .. } | Request::End { .. } => true,
            Request::Init { .. } | Request::Fetch { .. } | Request::Group { .. } | Request::Admin => false,
        };
        match transactional && self.random.happens(self.lost) {
            true if self.random.happens(5_000) => Fault::Lost,
            true => Fault::AnswerLost,
            false => Fault::None,
        }
    }
}

/// A log in memory on a clock that the simulation moves.
pub struct World {
    clock: VirtualClock,
    /// The log.
    pub log: SimulatedLog,
    producer: Box<dyn Producer>,
    away: Arc<AtomicBool>,
}

impl World {
    /// An empty log at this time (milliseconds).
    pub fn at(now: i64) -> World {
        World::with_faults(now, 0, 0)
    }

    /// The same, on which so many of 10,000 transactional requests are lost, or their answers.
    pub fn with_faults(now: i64, seed: u64, lost: u64) -> World {
        let away = Arc::new(AtomicBool::default());
        World::open(VirtualClock::at(now), Box::new(Losses { random: Random::of(seed), lost, away: away.clone() }), away)
    }

    /// The same, on which so many of 10,000 fetches of one topic find nothing for so long (milliseconds).
    pub fn with_slow_topic(now: i64, seed: u64, topic: &'static str, lost: u64, for_ms: i64) -> World {
        let clock = VirtualClock::at(now);
        let slow = SlowTopic { random: Random::of(seed), clock: clock.clone(), topic, lost, from: now, until: now + for_ms };
        World::open(clock, Box::new(slow), Arc::default())
    }

    /// The same, on which no fetch of one topic finds anything between these times (milliseconds).
    pub fn with_hanging_topic(now: i64, topic: &'static str, from: i64, until: i64) -> World {
        let clock = VirtualClock::at(now);
        let hanging = SlowTopic { random: Random::of(0), clock: clock.clone(), topic, lost: 10_000, from, until };
        World::open(clock, Box::new(hanging), Arc::default())
    }

    fn open(clock: VirtualClock, faults: Box<dyn Faults>, away: Arc<AtomicBool>) -> World {
        let log = SimulatedLog::open_with_faults(&MemoryDisk::new(), clock.clone(), LogSettings::default(), 7, faults);
        let log = log.expect("memory can be opened");
        let producer = log.producer(ProducerConfig::default()).expect("a producer can be made");
        World { clock, log, producer, away }
    }

    /// Wall time.
    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Wall time, for others to read.
    pub fn clock(&self) -> impl Fn() -> i64 + Send + Sync + 'static {
        let clock = self.clock.clone();
        move || clock.now_ms()
    }

    /// Lets time pass, with all that is due.
    pub fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.log.maintain().expect("memory can be written");
    }

    /// From now on no request arrives, or all do again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Makes a topic.
    pub fn create(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.log.admin().create_topic(&TopicSpec { name: name.into(), partitions, configs }).expect("the topic is new");
    }

    /// Appends one record.
    pub fn append(&mut self, topic: &str, partition: i32, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        let mut records = Records::new();
        records.push(NO_OFFSET, timestamp, key, value, &Headers::EMPTY);
        self.producer.send(&TopicPartition::new(topic, partition), &mut records).expect("the log takes it");
        self.producer.flush().expect("the log takes it");
    }

    /// Appends one record in a transaction that stays open.
    pub fn begin(&self, topic: &str, timestamp: i64) -> Box<dyn Producer> {
        let config = ProducerConfig {
            transactional_id: Some(format!("outside-{topic}")),
            transaction_timeout: Duration::from_secs(600),
            ..ProducerConfig::default()
        };
        let mut producer = self.log.producer(config).expect("a producer can be made");
        producer.init_transactions().and_then(|()| producer.begin()).expect("nobody else has this id");
        let mut records = Records::new();
        records.push(NO_OFFSET, timestamp, Some(b"key"), Some(b"value"), &Headers::EMPTY);
        producer.send(&TopicPartition::new(topic, 0), &mut records).expect("the log takes it");
        producer.flush().expect("the log takes it");
        producer
    }

    /// All committed records of a topic, partition by partition.
    pub fn read(&self, topic: &str) -> Vec<Records> {
        let partitions = self.log.admin().describe_topic(topic).expect("the log answers").map_or(0, |found| found.partitions);
        (0..partitions).map(|partition| self.read_partition(&TopicPartition::new(topic, partition))).collect()
    }

    fn read_partition(&self, at: &TopicPartition) -> Records {
        let config = ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() };
        let mut reader = self.log.reader(config).expect("a reader can be made");
        reader.assign(at, StartAt::Earliest);
        let (mut all, mut fetched) = (Records::new(), Vec::new());
        loop {
            reader.poll(FetchLimit::default(), Duration::ZERO, &mut fetched).expect("the log answers");
            let mut at_end = fetched.is_empty();
            for batch in fetched.drain(..) {
                all.append(&batch.records);
                at_end |= batch.at_end;
            }
            if at_end {
                return all;
            }
        }
    }
}
