//! Processors: punctuations, what they may know and send, and what stays of them when they fail.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, OnFailure, Recovery, TimeRule};
use headwater_streams::testing::TestDriver;
use std::cell::Cell;
use std::time::Duration;

const IN: Topic<String, String> = Topic::new("in");
const OUT: Topic<String, i64> = Topic::new("out");
const COUNTS: Store<String, i64> = Store::new("counts");

fn kafka() -> Config {
    Config { time_rule: TimeRule::Kafka, recovery: Recovery::Continue, far_future: Duration::MAX, ..Config::new("test") }
}

/// Counts, and tells all counts when its time has come. Keys that begin with `!` make trouble there.
struct Teller {
    every_ms: u64,
    by_wall: bool,
    times: Option<u32>,
    fired: Cell<u32>,
}

fn teller(every_ms: u64) -> Teller {
    Teller { every_ms, by_wall: false, times: None, fired: Cell::new(0) }
}

impl Processor<String, String> for Teller {
    type Stores = Store<String, i64>;
    type Key = String;
    type Value = i64;

    fn init(&mut self, schedules: &mut Schedules) {
        let every = Duration::from_millis(self.every_ms);
        if self.by_wall {
            schedules.wall_clock(every)
        } else {
            schedules.stream_time(every)
        };
    }

    fn process(
        &self, record: Record<String, String>, counts: &mut StoreHandle<String, i64>, _: &mut ProcessorContext<String, i64>,
    ) -> Result<(), Failure> {
        Ok(counts.update(&record.key, |count| Some(count.unwrap_or(0) + 1))?)
    }

    fn punctuate(
        &self, due: Due, counts: &mut StoreHandle<String, i64>, context: &mut ProcessorContext<String, i64>,
    ) -> Result<(), Failure> {
        self.fired.set(self.fired.get() + 1);
        if self.times == Some(self.fired.get()) {
            context.schedules().cancel(due.schedule);
        }
        assert_eq!((context.timestamp(), context.coordinates()), (due.timestamp, None));
        for (key, count) in counts.all()? {
            counts.delete(&key)?;
            context.send(key.clone(), count);
            if key.starts_with("!punctuator") {
                return Err(Failure::text("trouble"));
            }
        }
        Ok(())
    }
}

fn told(driver: &TestDriver) -> Vec<(String, i64, i64)> {
    driver.all(OUT).into_iter().map(|(key, value, time)| (key.unwrap(), value.unwrap(), time)).collect()
}

fn row(key: &str, count: i64, time: i64) -> (String, i64, i64) {
    (key.to_owned(), count, time)
}

#[test]
fn stream_time_fires_behind_the_record_that_moves_it() {
    let app = StreamsBuilder::new();
    app.stream(IN).process_with(COUNTS, || teller(10)).to(OUT);
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    for (time, key) in [(0, "a"), (3, "b"), (9, "a"), (10, "c"), (8, "a"), (35, "b")] {
        driver.at(time).send(IN, key, "x");
    }
    let first = [row("a", 1, 0), row("a", 1, 10), row("b", 1, 10), row("c", 1, 10)];
    assert_eq!(told(&driver), [&first[..], &[row("a", 1, 35), row("b", 1, 35)]].concat());
}

#[test]
fn the_wall_clock_fires_without_records_and_what_it_sends_goes_through_repartitions() {
    let app = StreamsBuilder::new();
    let by_wall = || Teller { by_wall: true, ..teller(1_000) };
    let told_at_last = app.stream(IN).process_with(COUNTS, by_wall).named("told");
    told_at_last.group_by_key().reduce(Store::new("sums"), |_, sum, count| sum + count).to(OUT);
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    driver.send(IN, "a", "x").send(IN, "a", "y");
    assert_eq!(told(&driver), []);
    driver.advance_wall_clock(1_000);
    assert_eq!(told(&driver).iter().map(|(key, sum, _)| (&key[..], *sum)).collect::<Vec<_>>(), [("a", 2)]);
    driver.send(IN, "a", "x").advance_wall_clock(5_000);
    assert_eq!(driver.latest(OUT, "a"), Some(3));
    assert_eq!(driver.row(COUNTS, "a"), None);
}

#[test]
fn a_schedule_ends_itself() {
    let app = StreamsBuilder::new();
    app.stream(IN).process_with(COUNTS, || Teller { times: Some(2), ..teller(10) }).to(OUT);
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    for time in [0, 10, 20, 30] {
        driver.at(time).send(IN, "a", "x");
    }
    assert_eq!(told(&driver), [row("a", 1, 0), row("a", 1, 10)]);
    assert_eq!(driver.row(COUNTS, "a"), Some(2));
}

/// What a punctuator did before it failed stays under `Continue`, as in Kafka; under `Undo` nothing does.
#[test]
fn a_punctuator_that_fails_follows_the_policy_of_processing() {
    let app = StreamsBuilder::new();
    app.stream(IN).process_with(COUNTS, || Teller { by_wall: true, ..teller(100) }).named("teller").to(OUT);
    let topology = app.build().unwrap();
    for (recovery, sent, kept) in [(Recovery::Continue, 1, None), (Recovery::Undo, 0, Some(1))] {
        let policies = Config { on_failure: OnFailure::Fail, on_processing_failure: Some(OnFailure::DeadLetter), recovery, ..kafka() };
        let mut driver = TestDriver::with_config(topology.clone(), &policies);
        driver.send(IN, "!punctuator", "x").send(IN, "z", "x").advance_wall_clock(100);
        assert_eq!(told(&driver).len(), sent, "{recovery:?}");
        assert_eq!(driver.row(COUNTS, "!punctuator"), kept, "{recovery:?}");
        assert_eq!(driver.row(COUNTS, "z"), Some(1), "{recovery:?}");
        let letters = driver.dead_letters();
        assert_eq!(letters.len(), 1, "{recovery:?}");
        assert!(letters[0].stage.starts_with("teller/punctuation-") && letters[0].reason == "trouble", "{:?}", letters[0]);
    }
}

/// One of the records that a punctuation sends fails downstream: only that one is given up, in either mode.
#[test]
fn only_the_forward_that_fails_is_given_up() {
    let app = StreamsBuilder::new();
    let refuse = |key: &String, count| if key.starts_with('!') { Err("refused") } else { Ok::<i64, &str>(count) };
    app.stream(IN).process_with(COUNTS, || Teller { by_wall: true, ..teller(100) }).try_map_values(refuse).named("refusing").to(OUT);
    let topology = app.build().unwrap();
    for recovery in [Recovery::Continue, Recovery::Undo] {
        let mut driver = TestDriver::with_config(topology.clone(), &Config { recovery, ..kafka() });
        for key in ["!first", "a", "b"] {
            driver.send(IN, key, "x");
        }
        driver.advance_wall_clock(100);
        assert_eq!(told(&driver).iter().map(|(key, ..)| &key[..]).collect::<Vec<_>>(), ["a", "b"], "{recovery:?}");
        assert_eq!(driver.row(COUNTS, "!first"), None, "the punctuation itself has not failed");
        assert_eq!(driver.dead_letters().len(), 1, "{recovery:?}");
    }
}

#[test]
fn a_processor_knows_where_and_when_it_is() {
    let app = StreamsBuilder::new();
    let seen: Topic<String, String> = Topic::new("seen");
    app.stream(IN)
        .process_values((), |record, (), out| {
            let at = out.coordinates().unwrap().clone();
            out.send(format!("{}/{}/{}|{}|{}", at.topic, at.partition, at.offset, out.stream_time(), record.value));
            Ok(())
        })
        .to(seen);
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    driver.at(5).send(IN, "a", "x").at(3).send(IN, "a", "y");
    let values: Vec<_> = driver.all(seen).into_iter().map(|(_, value, time)| (value.unwrap(), time)).collect();
    assert_eq!(values, [("in/0/0|5|x".to_owned(), 5), ("in/0/1|5|y".to_owned(), 3)]);
}

#[test]
fn what_is_sent_has_a_time_headers_and_a_receiver_of_its_own() {
    let app = StreamsBuilder::new();
    let shifted = app.stream(IN).process((), |record: Record<String, String>, (), out| {
        let shift: i64 = record.value.parse()?;
        let headers = record.headers.with("by", Some(b"me"));
        let timestamp = record.timestamp + shift;
        let name = if shift > 0 { "later" } else { "earlier" };
        out.send_to(name, Record { key: record.key, value: shift, timestamp, headers })?;
        Ok(())
    });
    let (later, earlier): (Topic<String, i64>, Topic<String, i64>) = (Topic::new("later-topic"), Topic::new("earlier-topic"));
    shifted.to(later.sink().named("later"));
    shifted.to(earlier.sink().named("earlier"));
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    driver.at(5).send(IN, "a", "7").send(IN, "a", "-5");
    assert_eq!(driver.all(later), [(Some("a".into()), Some(7), 12)]);
    assert_eq!(driver.all(earlier), [(Some("a".into()), Some(-5), 0)]);
    assert_eq!(driver.headers(later)[0].last("by"), Some(Some(&b"me"[..])));
    driver.send(IN, "a", "-6").send(IN, "a", "nonsense");
    let reasons: Vec<_> = driver.dead_letters().into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, ["a record with the negative timestamp -1 cannot be sent", "invalid digit found in string"]);
}

/// A record is sent in the midst of its processor, as in Kafka: what comes behind sees the stores as they are then. While a store is visited
/// what is sent waits, so that it may be written by what comes behind.
#[test]
fn what_comes_behind_sees_stores_as_they_are_when_it_is_sent() {
    let app = StreamsBuilder::new();
    app.trust_partitions();
    let steps = app.stream(IN).process(COUNTS, |record: Record<String, String>, counts, out| {
        counts.put(&record.key, 1)?;
        out.send(record.key.clone(), 0);
        counts.put(&record.key, 2)?;
        counts.visit(.., Direction::Forward, |key, _| {
            out.send(key, 0);
            std::ops::ControlFlow::Continue(())
        })?;
        counts.put(&record.key, 3)?;
        Ok(())
    });
    let doubled = steps.process_values(COUNTS, |record, counts, out| {
        counts.update(record.key, |count| Some(count.unwrap_or(0) * 10))?;
        out.send(counts.get(record.key)?.unwrap_or(-1));
        Ok(())
    });
    doubled.to(OUT);
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    driver.send(IN, "a", "x");
    assert_eq!(told(&driver).iter().map(|(_, count, _)| *count).collect::<Vec<_>>(), [10, 30]);
    assert_eq!(driver.row(COUNTS, "a"), Some(30));
}

/// What was sent before a processor failed stays under `Continue`, as in Kafka; under `Undo` nothing does.
#[test]
fn what_was_sent_before_a_failure() {
    let app = StreamsBuilder::new();
    let half_way = app.stream(IN).process((), |record: Record<String, String>, (), out| {
        out.send(record.key, 1);
        Err(Failure::text("half way"))
    });
    half_way.to(OUT);
    let topology = app.build().unwrap();
    for (recovery, sent) in [(Recovery::Continue, 1), (Recovery::Undo, 0)] {
        let mut driver = TestDriver::with_config(topology.clone(), &Config { on_failure: OnFailure::Skip, recovery, ..kafka() });
        driver.send(IN, "a", "x");
        assert_eq!((driver.all(OUT).len(), driver.dropped()), (sent, 1), "{recovery:?}");
    }
}

/// Kafka counts what any store refuses, also where a processor has asked for the write.
#[test]
fn a_version_older_than_the_history_is_counted_as_dropped() {
    const PRICES: VersionedStore<String, i64> = VersionedStore::new_ms("prices", 1_000);
    let app = StreamsBuilder::new();
    let put = |record: Record<String, String>, prices: &mut StoreHandle<String, i64>, _: &mut Out<String, i64>| {
        Ok(prices.put(&record.key, record.timestamp)?)
    };
    app.stream(IN).process(PRICES.into_store(), put).for_each(|_, _| ());
    let mut driver = TestDriver::with_config(app.build().unwrap(), &kafka());
    driver.at(5_000).send(IN, "tea", "").at(4_000).send(IN, "tea", "");
    assert_eq!(driver.dropped(), 0, "the history's bound belongs to it");
    driver.at(3_999).send(IN, "tea", "");
    assert_eq!(driver.dropped(), 1);
    let known = |time| driver.store(PRICES).get_as_of(&"tea".to_owned(), time).unwrap().map(|version| version.value);
    assert_eq!([known(4_500), known(5_000)], [Some(4_000), Some(5_000)]);
}
