//! Queries from several threads on two instances of an application, while one comes and the other goes: on the embedded log, and on a real
//! broker where `HEADWATER_TEST_BROKERS` names one.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{
    EmbeddedLog, Headers, KafkaConfig, KafkaLog, Log, NO_OFFSET, Producer, ProducerConfig, Records, TopicPartition,
};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{App, Config, Queries, Running, Whereabouts};
use headwater_streams::state::{Disk, MemoryDisk};
use headwater_streams::task::partition_of_key;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const COUNTS: Store<String, u64> = Store::new("counts");
const PARTITIONS: i32 = 4;
const KEYS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// `name`: of the application and of its input.
fn start(log: &Arc<dyn Log>, name: &str, address: &str) -> Running {
    let (app, words) = (StreamsBuilder::new(), Topic::<String, String>::of(name));
    app.declare(words.declaration().partitions(PARTITIONS));
    let _ = app.stream(words).group_by_key().count(COUNTS);
    let config = Config { advertised_address: Some(address.to_owned()), ..Config::new(name) };
    App::new(app.build().unwrap(), config).start(log.clone(), Disk::Memory(MemoryDisk::new())).unwrap()
}

fn word(n: u64) -> String {
    format!("word-{}", n % KEYS)
}

fn send(producer: &mut dyn Producer, topic: &str, word: &str) {
    let mut records = Records::new();
    records.push(NO_OFFSET, 1_767_225_600_000, Some(word.as_bytes()), Some(b""), &Headers::EMPTY);
    producer.send(&TopicPartition::new(topic, partition_of_key(word.as_bytes(), PARTITIONS)), &mut records).unwrap();
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn share(queries: &Queries) -> usize {
    queries.whereabouts(COUNTS).map_or(0, |all| all.iter().filter(|at| **at == Whereabouts::Here).count())
}

/// Asks whoever runs, until told to stop; what it sees of a word never falls.
struct Reader<'t> {
    instances: &'t Mutex<Vec<(&'static str, Queries)>>,
    stop: &'t AtomicBool,
    answers: &'t AtomicU32,
    refusals: &'t AtomicU32,
}

impl Reader<'_> {
    fn run(&self) {
        let mut seen = vec![0; KEYS as usize];
        for n in (0..).take_while(|_| !self.stop.load(Ordering::Acquire)) {
            let instances = self.instances.lock().unwrap().clone();
            for (address, queries) in instances {
                let least = &mut seen[(n % KEYS) as usize];
                *least = self.ask(address, &queries, &word(n), *least);
            }
        }
    }

    /// Returns the least count that all later queries must find.
    fn ask(&self, address: &str, queries: &Queries, word: &String, least: u64) -> u64 {
        let Some(committed) = self.timed(address, || queries.store(COUNTS)?.get(word)) else { return least };
        let committed = committed.unwrap_or(0);
        assert!(committed >= least, "{word}: {committed} after {least}");
        if let Some(count) = self.timed(address, || queries.clone().uncommitted().store(COUNTS)?.get(word)) {
            assert!(count.unwrap_or(0) >= committed, "{word}: {count:?} with what is not committed, {committed} without");
        }
        if let Some(all) = self.timed(address, || queries.store(COUNTS)?.all()) {
            assert!(all.is_sorted_by(|one, next| one.key < next.key), "in the order of the keys");
            let count = all.iter().find(|entry| entry.key == *word).map_or(0, |entry| entry.value);
            assert!(count >= committed, "{word}: {count} among all, {committed} alone");
        }
        committed
    }

    fn timed<T>(&self, address: &str, ask: impl FnOnce() -> Result<T, QueryError>) -> Option<T> {
        let began = Instant::now();
        let answer = ask();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?} for {:?}", began.elapsed(), answer.err());
        match answer {
            Ok(found) => {
                self.answers.fetch_add(1, Ordering::Relaxed);
                return Some(found);
            }
            Err(QueryError::NotHere { owner, .. }) => assert_ne!(owner.as_deref(), Some(address), "an instance sends to itself"),
            Err(QueryError::Moving { .. } | QueryError::Ended { .. } | QueryError::Busy { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[test]
fn threads_read_while_instances_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    come_and_go(&(Arc::new(EmbeddedLog::open(folder.path()).unwrap()) as Arc<dyn Log>), "queries");
}

#[test]
fn threads_read_while_instances_come_and_go_on_kafka() {
    let Ok(brokers) = std::env::var("HEADWATER_TEST_BROKERS") else { return };
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(KafkaConfig::new(brokers)).unwrap());
    come_and_go(&log, &format!("queries-{}", since.as_micros()));
}

fn come_and_go(log: &Arc<dyn Log>, name: &str) {
    let first = start(log, name, "first:80");
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let instances = Mutex::new(vec![("first:80", first.queries())]);
    let (stop, answers, refusals) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let reader = Reader { instances: &instances, stop: &stop, answers: &answers, refusals: &refusals };
    let mut sent = 0;
    let mut some = || {
        (0..200).for_each(|n| send(&mut *producer, name, &word(n)));
        producer.flush().unwrap();
        sent += 200 / KEYS;
    };
    let second = std::thread::scope(|threads| {
        // However the test ends, the readers must.
        let _end = Ending(&stop);
        (0..3).for_each(|_| drop(threads.spawn(|| reader.run())));
        until("the first instance", || share(&first.queries()) == 4);
        some();
        let second = start(log, name, "second:80");
        instances.lock().unwrap().push(("second:80", second.queries()));
        until("a fair share", || share(&first.queries()) == 2 && share(&second.queries()) == 2);
        some();
        let word = (0..KEYS).map(word).find(|word| first.queries().store(COUNTS).unwrap().get(word).is_err()).unwrap();
        let is_second = |owner: &Option<String>| owner.as_deref() == Some("second:80");
        let told = || first.queries().store(COUNTS).unwrap().get(&word);
        until("the owner's address", || matches!(told(), Err(QueryError::NotHere { owner, .. }) if is_second(&owner)));
        first.stop().unwrap();
        until("the whole", || share(&second.queries()) == 4);
        some();
        assert!(second.drain(PATIENCE));
        second
    });
    let counts = second.queries().store(COUNTS).unwrap().all().unwrap();
    assert_eq!(counts.iter().map(|entry| entry.value).collect::<Vec<_>>(), vec![sent; KEYS as usize]);
    let ended = second.queries();
    second.stop().unwrap();
    assert!(matches!(ended.store(COUNTS).unwrap().all(), Err(QueryError::Ended { .. })));
    let (answers, refusals) = (answers.into_inner(), refusals.into_inner());
    assert!(answers > 100 && refusals > 20, "nothing was tested: {answers} answers, {refusals} refusals");
}

struct Ending<'t>(&'t AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn what_is_asked_must_fit_the_topology() {
    let folder = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(folder.path()).unwrap());
    let running = start(&log, "queries", "one:80");
    let queries = running.queries();
    assert!(matches!(queries.store(Store::<String, u64>::new("other")).err(), Some(QueryError::NoSuchStore { store: "other" })));
    assert!(matches!(queries.store(Store::<String, String>::new("counts")).err(), Some(QueryError::WrongType { store: "counts", .. })));
    assert!(matches!(queries.store(WindowStore::<String, u64>::new("counts")).err(), Some(QueryError::WrongType { .. })));
    until("all tasks", || share(&queries) == 4);
    let partition = queries.clone().partition(PARTITIONS).store(COUNTS).unwrap().all().err();
    assert!(matches!(partition, Some(QueryError::NoSuchPartition { partition: PARTITIONS, partitions: PARTITIONS, .. })));
    let word = "tea".to_owned();
    assert_eq!(queries.partition_of(COUNTS, &word).unwrap(), partition_of_key(word.as_bytes(), PARTITIONS));
    running.stop().unwrap();
}
