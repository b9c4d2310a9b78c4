//! What needs no broker: that nobody waits for one without an end.

use super::producer::KafkaProducer;
use super::reader::KafkaReader;
use super::*;
use crate::log::{ErrorCode, FetchLimit, Headers, NO_OFFSET, NO_TIMESTAMP, Records, StartAt, TopicPartition};
use std::time::{Duration, Instant};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (work(), begun.elapsed())
}

#[test]
fn a_producer_whose_broker_is_away_answers_in_time_and_goes_at_once() {
    let config = ProducerConfig { transactional_id: Some("t".into()), ..ProducerConfig::default() };
    let mut producer = KafkaProducer::new(&KafkaConfig::new(NOWHERE), config).unwrap();
    let (outcome, took) = timed(|| producer.init_transactions());
    let error = outcome.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    let ((), took) = timed(|| drop(producer));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_refused_setting_is_named_without_its_value() {
    let properties = [("passwort".to_owned(), "hunter2".to_owned())].into();
    let config = KafkaConfig { properties, ..KafkaConfig::new(NOWHERE) };
    let producer = KafkaProducer::new(&config, ProducerConfig::default()).err();
    let text = producer.expect("there is no such setting").to_string();
    assert!(text.contains("passwort") && !text.contains("hunter2"), "{text}");
}

#[test]
fn records_that_cannot_be_sent_hold_nobody_up() {
    let mut producer = KafkaProducer::new(&KafkaConfig::new(NOWHERE), ProducerConfig::default()).unwrap();
    let mut records = Records::new();
    (0..1000).for_each(|_| records.push(NO_OFFSET, NO_TIMESTAMP, None, Some(b"v"), &Headers::EMPTY));
    producer.send(&TopicPartition::new("t", 0), &mut records).unwrap();
    let (outcome, took) = timed(|| producer.flush());
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::TimedOut, true));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let ((), took) = timed(|| drop(producer));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_reader_whose_broker_is_away_waits_without_an_error_and_goes_at_once() {
    let mut reader = KafkaReader::new(&KafkaConfig::new(NOWHERE), ReaderConfig::default()).unwrap();
    let (at, mut told) = (TopicPartition::new("t", 0), Vec::new());
    reader.assign(&at, StartAt::Offset(5));
    let wait = Duration::from_millis(1500);
    let (outcome, took) = timed(|| reader.poll(FetchLimit::default(), wait, &mut told));
    assert_eq!((outcome, told, reader.position(&at)), (Ok(()), vec![], Some(5)));
    assert!(took >= wait && took < wait + Duration::from_secs(2), "{took:?}");
    let ((), took) = timed(|| reader.unassign(&at));
    assert!(took < Duration::from_secs(1), "{took:?}");
    reader.assign(&at, StartAt::Earliest);
    let ((), took) = timed(|| drop(reader));
    assert!(took < Duration::from_secs(3), "{took:?}");
}
