//! What survives: a dropped log, a copied directory, a killed process; and who may read beside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::log::{
    Ends, ErrorCode, FetchLimit, GroupOffset, Headers, Isolation, MemberIdentity, NO_OFFSET, Records, StartAt, TopicPartition, TopicSpec,
};

/// Says to the test that is run as a process of its own which directory it writes.
const WRITER_DIRECTORY: &str = "HEADWATER_TEST_LOG_WRITER";
const DEADLINE: Duration = Duration::from_secs(30);

fn at() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn records(values: &[&str]) -> Records {
    let mut records = Records::new();
    for value in values {
        records.push(NO_OFFSET, 1_700_000_000_000, Some(b"k"), Some(value.as_bytes()), &Headers::new());
    }
    records
}

fn with_topic(log: &EmbeddedLog) {
    log.admin()
        .create_topic(&TopicSpec { name: "t".into(), partitions: 1, configs: [("retention.ms".into(), "-1".into())].into() })
        .unwrap();
}

fn transactional(log: &EmbeddedLog) -> Box<dyn Producer> {
    let config = ProducerConfig { transactional_id: Some("x".into()), offsets_from_outside: true, ..ProducerConfig::default() };
    let mut producer = log.producer(config).unwrap();
    producer.init_transactions().unwrap();
    producer
}

fn read(log: &EmbeddedLog, isolation: Isolation) -> Vec<String> {
    let mut reader = log.reader(ReaderConfig { isolation, ..ReaderConfig::default() }).unwrap();
    reader.assign(&at(), StartAt::Earliest);
    let (mut values, mut end) = (Vec::new(), false);
    while !end {
        let mut fetched = Vec::new();
        reader.poll(FetchLimit::default(), DEADLINE, &mut fetched).unwrap();
        let one = fetched.pop().expect("the end is told");
        assert_eq!(one.error, None);
        values.extend(one.records.iter().map(|record| String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned()));
        end = one.at_end;
    }
    values
}

/// What a kill at this moment leaves: the files as the operating system has them.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

#[test]
fn a_log_comes_back_with_records_offsets_and_topic_id() {
    let directory = tempfile::tempdir().unwrap();
    let (before, ends) = {
        let log = EmbeddedLog::open(directory.path()).unwrap();
        with_topic(&log);
        let mut producer = transactional(&log);
        producer.begin().unwrap();
        producer.send(&at(), &mut records(&["a", "b"])).unwrap();
        let offset = GroupOffset { at: at(), offset: 2, metadata: "m".into() };
        producer.send_offsets("g", &[offset], &MemberIdentity::outside()).unwrap();
        producer.commit().unwrap();
        (log.admin().describe_topic("t").unwrap(), log.admin().ends(&at()).unwrap())
    };
    let log = EmbeddedLog::open(directory.path()).unwrap();
    assert_eq!((log.admin().describe_topic("t").unwrap(), log.admin().ends(&at()).unwrap()), (before, ends));
    assert_eq!(ends, Ends { earliest: 0, latest: 3, stable: 3 });
    assert_eq!(read(&log, Isolation::Committed), ["a", "b"]);
    let committed = log.admin().committed("g", &[at()], true).unwrap();
    assert_eq!(committed, [Some(GroupOffset { at: at(), offset: 2, metadata: "m".into() })]);
}

#[test]
fn a_copy_taken_in_a_transaction_hides_it_and_the_next_owner_aborts_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path()).unwrap();
    with_topic(&log);
    let mut producer = transactional(&log);
    producer.begin().unwrap();
    producer.send(&at(), &mut records(&["a"])).unwrap();
    producer.commit().unwrap();
    producer.begin().unwrap();
    producer.send(&at(), &mut records(&["half"])).unwrap();
    producer.send_offsets("g", &[GroupOffset { at: at(), offset: 1, metadata: String::new() }], &MemberIdentity::outside()).unwrap();
    producer.flush().unwrap();

    let killed = copy(directory.path());
    let after = EmbeddedLog::open(killed.path()).unwrap();
    assert_eq!(read(&after, Isolation::Uncommitted), ["a", "half"]);
    assert_eq!(after.admin().ends(&at()).unwrap(), Ends { earliest: 0, latest: 3, stable: 2 });
    let unstable = after.admin().committed("g", &[at()], true).map_err(|error| error.code());
    assert_eq!(unstable, Err(ErrorCode::UnstableOffsetCommit));

    let mut next = transactional(&after);
    assert_eq!(after.admin().ends(&at()).unwrap(), Ends { earliest: 0, latest: 4, stable: 4 });
    assert_eq!(after.admin().committed("g", &[at()], true).unwrap(), [None]);
    next.begin().unwrap();
    next.send(&at(), &mut records(&["b"])).unwrap();
    next.commit().unwrap();
    assert_eq!(read(&after, Isolation::Committed), ["a", "b"]);
    // The log that was copied from knows nothing of this.
    producer.commit().unwrap();
    assert_eq!(read(&log, Isolation::Committed), ["a", "half"]);
}

#[test]
fn after_a_kill_the_log_ends_with_a_whole_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::embedded::tests::writes_until_it_is_killed", "--nocapture"])
        .env(WRITER_DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let committed = lines.by_ref().map(|line| line.unwrap()).filter(|line| line.starts_with("committed")).nth(20);
    assert_eq!(committed.as_deref(), Some("committed 20"));
    let owned = EmbeddedLog::open(directory.path()).map(drop).map_err(|error| (error.code(), error.to_string()));
    let (code, text) = owned.unwrap_err();
    assert!(code == ErrorCode::Owned && text.contains(&child.id().to_string()), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();

    let log = EmbeddedLog::open(directory.path()).unwrap();
    drop(transactional(&log));
    let values = read(&log, Isolation::Committed);
    let expected: Vec<String> = (0..values.len()).map(|i| (i / 2).to_string()).collect();
    assert!(values.len() >= 42 && values.len().is_multiple_of(2), "{} records", values.len());
    assert_eq!(values, expected);
    let committed = log.admin().committed("g", &[at()], true).unwrap()[0].clone().unwrap();
    assert_eq!(committed.offset as usize, values.len() / 2);
}

/// The process that the test above kills. Run as a test of its own it does nothing.
#[test]
fn writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(WRITER_DIRECTORY) else { return };
    let log = EmbeddedLog::open(directory).unwrap();
    with_topic(&log);
    let mut producer = transactional(&log);
    for count in 0i64.. {
        producer.begin().unwrap();
        producer.send(&at(), &mut records(&[&count.to_string()])).unwrap();
        producer.flush().unwrap();
        producer.send(&at(), &mut records(&[&count.to_string()])).unwrap();
        let offset = GroupOffset { at: at(), offset: count + 1, metadata: String::new() };
        producer.send_offsets("g", &[offset], &MemberIdentity::outside()).unwrap();
        producer.commit().unwrap();
        println!("committed {count}");
    }
}

#[test]
fn a_reader_beside_the_writer_follows_and_may_not_write() {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path()).unwrap();
    with_topic(&log);
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    producer.send(&at(), &mut records(&["a"])).unwrap();
    producer.flush().unwrap();

    let beside = EmbeddedLog::open_reader(directory.path()).unwrap();
    assert_eq!(read(&beside, Isolation::Committed), ["a"]);
    producer.send(&at(), &mut records(&["b"])).unwrap();
    producer.flush().unwrap();
    let begun = Instant::now();
    while read(&beside, Isolation::Committed) != ["a", "b"] {
        assert!(begun.elapsed() < DEADLINE, "the reader does not follow");
    }
    let refused = beside.admin().delete_topic("t").map_err(|error| error.code());
    assert_eq!(refused, Err(ErrorCode::ReadOnly));
}

#[test]
fn an_append_wakes_a_waiting_reader() {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path()).unwrap();
    with_topic(&log);
    let mut reader = log.reader(ReaderConfig::default()).unwrap();
    reader.assign(&at(), StartAt::Earliest);
    let mut fetched = Vec::new();
    reader.poll(FetchLimit::default(), DEADLINE, &mut fetched).unwrap();
    assert!(fetched.pop().is_some_and(|one| one.at_end && one.records.is_empty()));
    let waiting = std::thread::spawn(move || {
        reader.poll(FetchLimit::default(), DEADLINE, &mut fetched).unwrap();
        fetched.pop().map(|one| (one.records.len(), one.next))
    });
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    producer.send(&at(), &mut records(&["a", "b"])).unwrap();
    producer.flush().unwrap();
    assert_eq!(waiting.join().unwrap(), Some((2, 2)));
}
