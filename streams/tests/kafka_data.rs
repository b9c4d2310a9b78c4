//! The data half of the Kafka binding on a real broker. Runs where `HEADWATER_TEST_BROKERS` names one.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);

/// The broker, or nothing to do.
fn cluster() -> Option<KafkaLog> {
    cluster_with(&[])
}

fn cluster_with(properties: &[(&str, &str)]) -> Option<KafkaLog> {
    let Ok(brokers) = std::env::var("HEADWATER_TEST_BROKERS") else {
        println!("skipped: HEADWATER_TEST_BROKERS names no broker");
        return None;
    };
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Some(KafkaLog::connect(KafkaConfig { properties, ..KafkaConfig::new(brokers) }).unwrap())
}

fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{name}-{}-{}", now.as_micros(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A topic of its own for each test.
fn topic_with(log: &KafkaLog, partitions: i32, settings: &[(&str, &str)]) -> String {
    let name = unique("data");
    let configs = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    log.admin().create_topic(&TopicSpec { name: name.clone(), partitions, configs }).unwrap();
    name
}

/// Its only partition.
fn partition(log: &KafkaLog) -> TopicPartition {
    TopicPartition::new(topic_with(log, 1, &[]), 0)
}

fn values(values: &[&str]) -> Records {
    let mut records = Records::new();
    values.iter().for_each(|value| records.push(NO_OFFSET, NO_TIMESTAMP, Some(b"k"), Some(value.as_bytes()), &Headers::EMPTY));
    records
}

/// Records whose values are their numbers.
fn numbers(numbers: std::ops::Range<u32>) -> Records {
    let mut records = Records::new();
    numbers.for_each(|number| records.push(NO_OFFSET, NO_TIMESTAMP, None, Some(&number.to_be_bytes()), &Headers::EMPTY));
    records
}

fn fill(log: &KafkaLog, at: &TopicPartition, mut records: Records) {
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    producer.send(at, &mut records).unwrap();
    producer.flush().unwrap();
}

fn transactional(log: &KafkaLog, id: &str) -> Box<dyn Producer> {
    let mut producer = log.producer(ProducerConfig { transactional_id: Some(id.into()), ..ProducerConfig::default() }).unwrap();
    producer.init_transactions().unwrap();
    producer
}

fn reader(log: &KafkaLog, isolation: Isolation) -> Box<dyn Reader> {
    log.reader(ReaderConfig { isolation, ..ReaderConfig::default() }).unwrap()
}

fn delivered(producer: &mut dyn Producer) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    producer.deliveries(&mut deliveries);
    deliveries
}

/// Polls until `enough`; what was read together, and each thing that was told.
fn read_until(reader: &mut dyn Reader, enough: impl Fn(&Records, &[Fetched]) -> bool) -> (Records, Vec<Fetched>) {
    let (until, mut records, mut told) = (Instant::now() + PATIENCE, Records::new(), Vec::new());
    while !enough(&records, &told) {
        assert!(Instant::now() < until, "not enough: {records:?} {told:?}");
        let before = told.len();
        reader.poll(FetchLimit::default(), Duration::from_millis(200), &mut told).unwrap();
        told[before..].iter().for_each(|fetched| records.append(&fetched.records));
    }
    (records, told)
}

fn read_to_end(reader: &mut dyn Reader) -> (Vec<String>, i64) {
    let (records, told) = read_until(reader, |_, told| told.last().is_some_and(|fetched| fetched.at_end));
    let text = |record: RecordRef<'_>| String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap();
    (records.iter().map(text).collect(), told.last().unwrap().next)
}

fn error_of(told: &[Fetched]) -> Option<&LogError> {
    told.iter().find_map(|fetched| fetched.error.as_ref())
}

#[test]
fn records_come_back_as_they_were_sent() {
    let Some(log) = cluster() else { return };
    let at = partition(&log);
    let mut sent = Records::new();
    sent.push(NO_OFFSET, 1_700_000_000_000, Some(b"k"), Some(b"v"), &Headers::EMPTY);
    sent.push(NO_OFFSET, 5, None, None, &Headers::new().with("a", Some(b"1")).with("a", None).with("", Some(b"")));
    sent.push(NO_OFFSET, -7, Some(b""), Some(b""), &Headers::new().with("\u{e4}", Some(&[0, 255])));
    let expected = sent.clone();
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let ticket = producer.send(&at, &mut sent).unwrap();
    assert!(sent.is_empty());
    producer.flush().unwrap();
    assert_eq!(delivered(&mut *producer), [Delivery { ticket, to: at.clone(), outcome: Ok(Stored { first: 0, last: 2 }) }]);

    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&at, StartAt::Earliest);
    let (read, told) = read_until(&mut *reader, |_, told| told.last().is_some_and(|fetched| fetched.at_end));
    assert_eq!((told.last().unwrap().next, reader.position(&at)), (3, Some(3)));
    let parts = |record: RecordRef<'_>| {
        (record.timestamp, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), record.headers.to_headers())
    };
    assert!(read.iter().map(parts).eq(expected.iter().map(parts)), "{read:?}");
    assert!(read.iter().map(|record| record.offset).eq(0..3));
}

#[test]
fn a_record_without_a_time_gets_the_present_one() {
    let Some(log) = cluster() else { return };
    let (at, before) = (partition(&log), now_ms());
    fill(&log, &at, values(&["a"]));
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&at, StartAt::Offset(0));
    let (read, _) = read_until(&mut *reader, |records, _| records.len() == 1);
    assert!((before..=now_ms()).contains(&read.get(0).unwrap().timestamp));
}

#[test]
fn transactions_show_when_they_are_committed_and_positions_pass_their_markers() {
    let Some(log) = cluster() else { return };
    let (at, mut producer) = (partition(&log), transactional(&log, &unique("id")));
    let (mut committed, mut uncommitted) = (reader(&log, Isolation::Committed), reader(&log, Isolation::Uncommitted));
    committed.assign(&at, StartAt::Earliest);
    uncommitted.assign(&at, StartAt::Earliest);
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["a", "b"])).unwrap();
    producer.flush().unwrap();
    assert_eq!(read_until(&mut *uncommitted, |records, _| records.len() == 2).0.len(), 2);
    assert_eq!(read_to_end(&mut *committed), (vec![], 0), "open");
    producer.commit().unwrap();
    assert_eq!(read_to_end(&mut *committed), (vec!["a".into(), "b".into()], 3), "committed, with the marker at 2");
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["c"])).unwrap();
    producer.flush().unwrap();
    producer.abort().unwrap();
    assert_eq!(read_to_end(&mut *committed), (vec![], 5), "aborted, with the marker at 4");
    assert_eq!(committed.position(&at), Some(5));
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["d"])).unwrap();
    producer.commit().unwrap();
    assert_eq!(read_to_end(&mut *committed), (vec!["d".into()], 7));
}

#[test]
fn an_abort_tells_each_send_that_it_did_not_go() {
    let Some(log) = cluster() else { return };
    let linger = Duration::from_secs(2);
    let config = ProducerConfig { transactional_id: Some(unique("id")), linger, ..ProducerConfig::default() };
    let (at, mut producer) = (partition(&log), log.producer(config).unwrap());
    producer.init_transactions().unwrap();
    producer.begin().unwrap();
    let ticket = producer.send(&at, &mut values(&["a", "b"])).unwrap();
    producer.abort().unwrap();
    let deliveries = delivered(&mut *producer);
    assert_eq!((deliveries.len(), deliveries[0].ticket), (1, ticket));
    let refused = deliveries[0].outcome.clone().unwrap_err();
    assert_eq!((refused.index, refused.error.kind()), (0, ErrorKind::NotSent));
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["c"])).unwrap();
    producer.commit().unwrap();
}

#[test]
fn the_brokers_reason_for_a_refusal_reaches_whoever_commits() {
    let Some(log) = cluster() else { return };
    let large = "x".repeat(5000);
    let mut future = Records::new();
    future.push(NO_OFFSET, now_ms() + 86_400_000, Some(b"k"), Some(b"v"), &Headers::EMPTY);
    let cases = [
        (ErrorCode::MessageTooLarge, ("max.message.bytes", "1000"), values(&["a", &large])),
        (ErrorCode::InvalidTimestamp, ("message.timestamp.after.max.ms", "1000"), future),
        (ErrorCode::InvalidRecord, ("cleanup.policy", "compact"), numbers(0..1)),
        (ErrorCode::MessageTooLarge, ("max.message.bytes", "20000000"), values(&["a", &"x".repeat(11_000_000)])),
    ];
    for (expected, setting, mut records) in cases {
        let at = TopicPartition::new(topic_with(&log, 1, &[setting]), 0);
        let mut producer = transactional(&log, &unique("id"));
        producer.begin().unwrap();
        producer.send(&at, &mut records).unwrap();
        let error = producer.commit().unwrap_err();
        assert_eq!((error.code(), error.requires_abort()), (expected, true), "{error}");
        assert_eq!(producer.send(&at, &mut values(&["b"])).unwrap_err().code(), ErrorCode::State, "a later send only hears that");
        assert_eq!(producer.flush().unwrap_err(), error, "the producer still knows why");
        assert_eq!(producer.commit().unwrap_err(), error);
        producer.abort().unwrap();
        let deliveries = delivered(&mut *producer);
        assert_eq!(deliveries[0].outcome.clone().unwrap_err().error.code(), expected);
        let mut reader = reader(&log, Isolation::Committed);
        reader.assign(&at, StartAt::Earliest);
        assert_eq!(read_to_end(&mut *reader).0, Vec::<String>::new());
    }
}

/// A dead letter is as large as what it is about, and more than a batch may be.
#[test]
fn a_record_larger_than_a_batch_goes_out_alone() {
    let Some(log) = cluster() else { return };
    let at = TopicPartition::new(topic_with(&log, 1, &[("max.message.bytes", "10485760")]), 0);
    let large = "x".repeat(2_000_000);
    let mut producer = transactional(&log, &unique("id"));
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["a", &large, "b"])).unwrap();
    producer.commit().unwrap();
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&at, StartAt::Earliest);
    assert_eq!(read_to_end(&mut *reader).0, ["a", large.as_str(), "b"]);
}

#[test]
fn without_transactions_a_refusal_is_told_and_the_rest_goes_on() {
    let Some(log) = cluster() else { return };
    let at = TopicPartition::new(topic_with(&log, 1, &[("max.message.bytes", "1000")]), 0);
    let mut producer = log.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() }).unwrap();
    producer.send(&at, &mut values(&["a"])).unwrap();
    producer.flush().unwrap();
    let refused = producer.send(&at, &mut values(&[&"x".repeat(5000)])).unwrap();
    producer.flush().unwrap();
    producer.send(&at, &mut values(&["b"])).unwrap();
    producer.flush().unwrap();
    let outcomes: Vec<_> = delivered(&mut *producer).into_iter().map(|delivery| (delivery.ticket, delivery.outcome)).collect();
    assert_eq!(outcomes[0], (Ticket(0), Ok(Stored { first: 0, last: 0 })));
    assert_eq!(outcomes[1].0, refused);
    assert_eq!(outcomes[1].1.clone().unwrap_err().error.code(), ErrorCode::MessageTooLarge);
    assert_eq!(outcomes[2], (Ticket(2), Ok(Stored { first: 1, last: 1 })));
}

#[test]
fn a_producer_finds_partitions_that_were_added_after_it_knew_their_topic() {
    let Some(log) = cluster() else { return };
    let at = partition(&log);
    let added = TopicPartition::new(at.topic.clone(), 1);
    let mut producer = transactional(&log, &unique("id"));
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["a"])).unwrap();
    producer.flush().unwrap();
    log.admin().create_partitions(&at.topic, 2).unwrap();
    producer.send(&added, &mut values(&["b", "c"])).unwrap();
    producer.commit().unwrap();
    assert_eq!(delivered(&mut *producer)[1].outcome, Ok(Stored { first: 0, last: 1 }));
    let missing = TopicPartition::new(at.topic.clone(), 2);
    producer.begin().unwrap();
    producer.send(&missing, &mut values(&["d"])).unwrap();
    assert_eq!(producer.commit().unwrap_err().code(), ErrorCode::UnknownPartition);
}

#[test]
fn a_full_queue_waits_for_deliveries_and_drops_nothing() {
    let Some(log) = cluster_with(&[("queue.buffering.max.messages", "100")]) else { return };
    let at = partition(&log);
    let mut producer = log.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() }).unwrap();
    let ticket = producer.send(&at, &mut numbers(0..5000)).unwrap();
    producer.flush().unwrap();
    assert_eq!(delivered(&mut *producer), [Delivery { ticket, to: at, outcome: Ok(Stored { first: 0, last: 4999 }) }]);
}

#[test]
fn a_producer_whose_id_was_taken_over_is_finished() {
    let Some(log) = cluster() else { return };
    let (at, id) = (partition(&log), unique("id"));
    let mut old = transactional(&log, &id);
    old.begin().unwrap();
    old.send(&at, &mut values(&["old"])).unwrap();
    old.flush().unwrap();
    let mut new = transactional(&log, &id);
    let error = old.commit().unwrap_err();
    assert!(error.is_fenced() && error.is_fatal(), "{error}");
    assert!(old.abort().unwrap_err().is_fenced() && old.begin().unwrap_err().is_fenced());
    assert_eq!(old.send(&at, &mut values(&["old"])).unwrap_err().code(), ErrorCode::Fatal);
    new.begin().unwrap();
    new.send(&at, &mut values(&["new"])).unwrap();
    new.commit().unwrap();
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&at, StartAt::Earliest);
    assert_eq!(read_to_end(&mut *reader).0, ["new"]);
}

#[test]
fn a_send_of_a_fenced_producer_says_so_at_the_commit() {
    let Some(log) = cluster() else { return };
    let (at, id) = (partition(&log), unique("id"));
    let mut old = transactional(&log, &id);
    old.begin().unwrap();
    old.send(&at, &mut values(&["old"])).unwrap();
    old.flush().unwrap();
    let _new = transactional(&log, &id);
    old.send(&at, &mut values(&["old"])).unwrap();
    let error = old.commit().unwrap_err();
    assert!(error.is_fenced() && error.is_fatal(), "{error}");
}

/// Joins a group that owns `at`.
fn join(log: &KafkaLog, group: &str, at: &TopicPartition) -> (Box<dyn Member>, MemberIdentity) {
    let config = MemberConfig { group: group.into(), topics: vec![at.topic.to_string()], ..MemberConfig::default() };
    let (mut member, until) = (log.member(config).unwrap(), Instant::now() + PATIENCE);
    while Instant::now() < until {
        for event in member.poll().unwrap() {
            if let GroupEvent::Assigned { partitions, identity } = event
                && !partitions.is_empty()
            {
                return (member, identity);
            }
        }
    }
    panic!("nothing was assigned");
}

/// The answer to a commit comes before its markers are written; until then the offsets are unstable.
fn committed(log: &KafkaLog, group: &str, at: &TopicPartition) -> Option<GroupOffset> {
    let until = Instant::now() + PATIENCE;
    loop {
        match log.admin().committed(group, std::slice::from_ref(at), true) {
            Err(error) if error.is_retriable() && Instant::now() < until => {}
            found => return found.unwrap()[0].clone(),
        }
    }
}

#[test]
fn offsets_stand_with_their_transaction_and_only_for_a_member() {
    let Some(log) = cluster() else { return };
    let (at, group) = (partition(&log), unique("group"));
    let (_member, identity) = join(&log, &group, &at);
    let mut producer = transactional(&log, &unique("id"));
    let offset = |offset| [GroupOffset { at: at.clone(), offset, metadata: format!("m{offset}") }];
    let committed = || committed(&log, &group, &at);
    producer.begin().unwrap();
    producer.send(&at, &mut values(&["a"])).unwrap();
    producer.send_offsets(&group, &offset(7), &identity).unwrap();
    producer.commit().unwrap();
    assert_eq!(committed(), Some(offset(7)[0].clone()));
    producer.begin().unwrap();
    producer.send_offsets(&group, &offset(8), &identity).unwrap();
    producer.abort().unwrap();
    assert_eq!(committed(), Some(offset(7)[0].clone()));

    let former = MemberIdentity { generation: identity.generation - 1, ..identity.clone() };
    let stranger = MemberIdentity { member_id: "stranger".into(), ..identity.clone() };
    let expected = [
        (former, ErrorCode::IllegalGeneration),
        (stranger, ErrorCode::UnknownMemberId),
        (MemberIdentity::outside(), ErrorCode::UnknownMemberId),
        (MemberIdentity { generation: -1, ..identity }, ErrorCode::UnknownMemberId),
    ];
    for (identity, code) in expected {
        producer.begin().unwrap();
        let error = producer.send_offsets(&group, &offset(9), &identity).unwrap_err();
        assert_eq!((error.code(), error.requires_abort()), (code, true), "{error}");
        assert_eq!(producer.commit().unwrap_err(), error);
        producer.abort().unwrap();
    }
    assert_eq!(committed(), Some(offset(7)[0].clone()));

    let config = ReaderConfig { group: Some(group), ..ReaderConfig::default() };
    let mut reader = log.reader(config).unwrap();
    fill(&log, &at, numbers(0..10));
    reader.assign(&at, StartAt::Committed);
    let (read, _) = read_until(&mut *reader, |records, _| !records.is_empty());
    assert_eq!(read.first_offset(), Some(7));
}

#[test]
fn offsets_from_outside_stand_where_the_producer_says_that_it_wants_them() {
    let Some(log) = cluster() else { return };
    let (at, group) = (partition(&log), unique("group"));
    let config = ProducerConfig { transactional_id: Some(unique("id")), offsets_from_outside: true, ..ProducerConfig::default() };
    let mut producer = log.producer(config.clone()).unwrap();
    producer.init_transactions().unwrap();
    producer.begin().unwrap();
    let offset = |offset| GroupOffset { at: at.clone(), offset, metadata: String::new() };
    producer.send_offsets(&group, &[offset(7)], &MemberIdentity::outside()).unwrap();
    producer.commit().unwrap();
    assert_eq!(committed(&log, &group, &at), Some(offset(7)));

    // The transactional id is their fence.
    producer.begin().unwrap();
    producer.send_offsets(&group, &[offset(8)], &MemberIdentity::outside()).unwrap();
    log.producer(config).unwrap().init_transactions().unwrap();
    assert!(producer.commit().unwrap_err().is_fatal());
    assert_eq!(committed(&log, &group, &at), Some(offset(7)));
}

#[test]
fn nothing_that_was_fetched_before_a_new_start_comes_after_it() {
    let Some(log) = cluster() else { return };
    let (at, mut reader) = (partition(&log), reader(&log, Isolation::Committed));
    const COUNT: i64 = 20_000;
    fill(&log, &at, numbers(0..COUNT as u32));
    let limit = FetchLimit { records: 100, ..FetchLimit::default() };
    let mut told = Vec::new();
    for round in 0..300_i64 {
        let start = round * 7919 % COUNT;
        reader.assign(&at, StartAt::Offset(start));
        assert_eq!(reader.position(&at), Some(start));
        let (mut next, until) = (start, Instant::now() + PATIENCE);
        // Sometimes the new start comes before anything was read of the old one, sometimes in its middle.
        while next < (start + round % 3 * 150).min(COUNT) {
            assert!(Instant::now() < until, "nothing at {next}");
            reader.poll(limit, Duration::from_millis(100), &mut told).unwrap();
            for fetched in told.drain(..) {
                assert_eq!(fetched.error, None);
                for record in fetched.records.iter() {
                    assert_eq!(record.offset, next, "round {round} from {start}");
                    next += 1;
                }
            }
        }
    }
    reader.unassign(&at);
    reader.poll(limit, Duration::from_millis(300), &mut told).unwrap();
    assert_eq!(told, []);
}

#[test]
fn a_paused_partition_waits_while_others_go_on() {
    let Some(log) = cluster() else { return };
    let (one, two) = (partition(&log), partition(&log));
    fill(&log, &one, numbers(0..1000));
    fill(&log, &two, numbers(0..1000));
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&one, StartAt::Offset(0));
    reader.assign(&two, StartAt::Offset(0));
    reader.pause(&one);
    let (_, told) = read_until(&mut *reader, |records, _| records.len() == 1000);
    assert!(told.iter().all(|fetched| fetched.partition == two));
    reader.resume(&one);
    let (read, _) = read_until(&mut *reader, |records, _| records.len() == 1000);
    assert!(read.iter().map(|record| record.offset).eq(0..1000));
}

#[test]
fn a_poll_keeps_to_its_limit_and_to_the_order_of_each_partition() {
    let Some(log) = cluster() else { return };
    let topic = topic_with(&log, 3, &[]);
    let places: Vec<_> = (0..3).map(|partition| TopicPartition::new(topic.as_str(), partition)).collect();
    let mut reader = reader(&log, Isolation::Committed);
    for at in &places {
        fill(&log, at, numbers(0..2000));
        reader.assign(at, StartAt::Earliest);
    }
    let (mut next, mut told, until) = ([0; 3], Vec::new(), Instant::now() + PATIENCE);
    while next != [2000; 3] {
        assert!(Instant::now() < until, "{next:?}");
        let limit = FetchLimit { records: 30, bytes: 1 << 20 };
        reader.poll(limit, Duration::from_millis(100), &mut told).unwrap();
        assert!(told.iter().map(|fetched| fetched.records.len()).sum::<usize>() <= 30);
        for fetched in told.drain(..) {
            for record in fetched.records.iter() {
                let next = &mut next[fetched.partition.partition as usize];
                assert_eq!(record.offset, *next);
                *next += 1;
            }
            reader.recycle(fetched.records);
        }
    }
}

#[test]
fn a_position_outside_the_log_follows_the_policy() {
    let Some(log) = cluster() else { return };
    let (at, good) = (partition(&log), partition(&log));
    fill(&log, &at, values(&["a"]));
    fill(&log, &good, values(&["a"]));
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&at, StartAt::Offset(100));
    reader.assign(&good, StartAt::Offset(0));
    let (read, told) = read_until(&mut *reader, |records, told| !records.is_empty() && error_of(told).is_some());
    assert_eq!((error_of(&told).unwrap().code(), read.len()), (ErrorCode::AutoOffsetReset, 1));
    reader.assign(&at, StartAt::Offset(0));
    assert_eq!(read_until(&mut *reader, |records, _| !records.is_empty()).0.len(), 1, "a new start is a new try");
    for (reset, expected) in [(Reset::Earliest, vec!["a".to_owned()]), (Reset::Latest, vec![])] {
        let mut reader = log.reader(ReaderConfig { reset, ..ReaderConfig::default() }).unwrap();
        reader.assign(&at, StartAt::Offset(100));
        assert_eq!(read_to_end(&mut *reader), (expected, 1));
    }
}

#[test]
fn a_partition_that_is_not_there_is_an_error_of_its_own() {
    let Some(log) = cluster() else { return };
    let (good, deleted) = (partition(&log), partition(&log));
    fill(&log, &good, values(&["a"]));
    fill(&log, &deleted, values(&["a"]));
    let missing = [TopicPartition::new(unique("nowhere"), 0), TopicPartition::new(&*good.topic, 5), deleted.clone()];
    let mut reader = reader(&log, Isolation::Committed);
    reader.assign(&good, StartAt::Earliest);
    reader.assign(&deleted, StartAt::Earliest);
    assert_eq!(read_until(&mut *reader, |records, _| records.len() == 2).0.len(), 2);
    reader.assign(&missing[0], StartAt::Earliest);
    reader.assign(&missing[1], StartAt::Earliest);
    log.admin().delete_topic(&deleted.topic).unwrap();
    let failed = |told: &[Fetched]| told.iter().filter(|fetched| fetched.error.is_some()).count() == missing.len();
    let (_, told) = read_until(&mut *reader, |_, told| failed(told));
    for fetched in told.iter().filter(|fetched| fetched.error.is_some()) {
        assert!(missing.contains(&fetched.partition));
        assert_eq!(fetched.error.as_ref().unwrap().code(), ErrorCode::UnknownTopicOrPartition);
    }
    fill(&log, &good, values(&["b"]));
    assert_eq!(read_until(&mut *reader, |records, _| records.len() == 1).0.len(), 1, "others go on");
}
