//! Whole runs on the embedded log, four partitions, with the rules and settings of production.

use super::input::{Line, transactions, users};
use super::model::{Output, is_table, output};
use headwater_benches::peer::{Cache, Kind, TopicNames, topology};
use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::log::{
    EmbeddedLog, FetchLimit, Headers, Isolation, Log, NO_OFFSET, ProducerConfig, ReaderConfig, Records, StartAt, TopicPartition, TopicSpec,
};
use headwater_streams::runtime::{App, Config};
use headwater_streams::task::partition_of_key;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PARTITIONS: i32 = 4;
const USERS: u64 = 2_000;

fn names() -> TopicNames {
    TopicNames { input: "tx".into(), output: "out".into(), users: "users".into(), users_as_changelog: true }
}

/// Makes a topic that keeps everything, however old, and fills it.
fn fill(log: &dyn Log, topic: &str, lines: &[Line]) {
    let configs = BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
    log.admin().create_topic(&TopicSpec { name: topic.into(), partitions: PARTITIONS, configs }).unwrap();
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let mut partitions: Vec<Records> = (0..PARTITIONS).map(|_| Records::new()).collect();
    for line in lines {
        let partition = partition_of_key(line.key.as_bytes(), PARTITIONS) as usize;
        partitions[partition].push(NO_OFFSET, line.timestamp, Some(line.key.as_bytes()), Some(line.value.as_bytes()), &Headers::EMPTY);
    }
    for (partition, records) in partitions.iter_mut().enumerate().filter(|(_, records)| !records.is_empty()) {
        producer.send(&TopicPartition::new(topic, partition as i32), records).unwrap();
    }
    producer.flush().unwrap();
}

/// Committed records of a topic, partition by partition.
fn read(log: &dyn Log, topic: &str) -> Vec<Records> {
    let found = log.admin().describe_topic(topic).unwrap().map_or(0, |topic| topic.partitions);
    (0..found).map(|partition| read_partition(log, &TopicPartition::new(topic, partition))).collect()
}

fn read_partition(log: &dyn Log, at: &TopicPartition) -> Records {
    let mut reader = log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() }).unwrap();
    reader.assign(at, StartAt::Earliest);
    let (mut all, mut fetched) = (Records::new(), Vec::new());
    loop {
        reader.poll(FetchLimit::default(), Duration::from_secs(1), &mut fetched).unwrap();
        let at_end = fetched.iter().any(|batch| batch.at_end);
        fetched.drain(..).for_each(|batch| all.append(&batch.records));
        if at_end {
            return all;
        }
    }
}

struct Run {
    output: Output,
    /// How many records the output topic holds, updates in between included.
    written: usize,
    dead_letters: usize,
}

/// Lets a topology drain this input.
fn run(kind: Kind, cache: Cache, config: Config, transactions: &[Line], users: &[Line]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(folder.path().join("log")).unwrap());
    fill(&*log, "users", users);
    fill(&*log, "tx", transactions);
    fill(&*log, "out", &[]);
    let state = StateDirectory::open(&folder.path().join("state"), &config.application_id, MemoryBudget::of_bytes(64 << 20)).unwrap();
    let letters = format!("{}-dlq", config.application_id);
    let running = App::new(topology(kind, &names(), cache).unwrap(), config).start(log.clone(), Disk::Directory(state)).unwrap();
    assert!(running.drain(Duration::from_secs(60)), "not drained");
    running.stop().unwrap();
    let dead_letters = read(&*log, &letters).iter().map(Records::len).sum();
    let (mut output, mut written) = (Output::new(), 0);
    for record in read(&*log, "out").iter().flat_map(|records| records.iter()) {
        let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
        let rows = output.entry(key).or_default();
        if is_table(kind) {
            rows.clear();
        }
        rows.push((record.timestamp, serde_json::from_slice(record.value.unwrap()).unwrap()));
        written += 1;
    }
    Run { output, written, dead_letters }
}

#[track_caller]
fn check(kind: Kind, config: Config) {
    // Three minutes and 20 s of event time, so that windows open and close.
    let (transactions, users) = (transactions(20_000, USERS, 10), users(USERS));
    let run = run(kind, Cache::Default, config, &transactions, &users);
    let expected = output(kind, &transactions, &users);
    assert!(expected.len() > 10, "the input leads to something");
    let differing = expected.keys().chain(run.output.keys()).find(|key| expected.get(*key) != run.output.get(*key));
    let differing = differing.map(|key| (key, run.output.get(key), expected.get(key)));
    assert_eq!(differing, None, "{}: key, found, expected", kind.name());
    assert_eq!(run.dead_letters, 0, "{}", kind.name());
}

#[test]
fn all_equal_the_model_exactly_once() {
    Kind::ALL.into_iter().for_each(|kind| check(kind, Config::new("peer")));
}

#[test]
fn all_equal_the_model_at_least_once() {
    Kind::ALL.into_iter().for_each(|kind| check(kind, Config::new("peer").at_least_once()));
}

/// The whole input is read before the first commit, so a cache has every chance to hold updates back.
#[test]
fn without_a_cache_each_update_is_a_record() {
    let (transactions, users) = (transactions(2_000, USERS, 10), users(USERS));
    for (kind, updates) in [(Kind::CategorySales, 1), (Kind::Hopping, 6), (Kind::UserTotals, 1)] {
        let written = |cache| run(kind, cache, Config::new("peer"), &transactions, &users).written;
        assert_eq!(written(Cache::Off), updates * transactions.len(), "{}", kind.name());
        assert!(written(Cache::Bytes(10 << 20)) < updates * transactions.len(), "{}", kind.name());
    }
}
