//! Stores that a topic fills and processors read (KIP-813): the topic is the changelog, and nobody else writes.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::testing::TestDriver;
use std::time::Duration;

const RATES: Topic<String, Option<u64>> = Topic::new("rates");
const OLD_RATES: Topic<String, Option<u64>> = Topic::new("old-rates");
const RATE: Store<String, u64> = Store::new("rate");
const PAID: Topic<String, u64> = Topic::new("paid");
const CENTS: Topic<String, u64> = Topic::new("cents");

/// A processor that looks rates up.
fn convert(app: &StreamsBuilder) {
    let rates = app.stream(PAID).process_values(RATE.read_only(), |paid, rates, out| {
        out.send(paid.value * rates.get(paid.key)?.unwrap_or(0));
        Ok(())
    });
    rates.to(CENTS);
}

fn refused(app: &StreamsBuilder) -> Vec<TopologyError> {
    app.build().unwrap_err().iter().cloned().collect()
}

fn comes_back(store: Materialized<String, u64>) {
    let app = StreamsBuilder::new();
    app.read_only_store(RATES, store);
    convert(&app);
    let topology = app.build().unwrap();
    assert!(topology.describe().to_string().contains("changelog rates)"), "{}", topology.describe());
    let mut driver = TestDriver::new(topology);
    driver.at(1).send(RATES, "EUR", 110).send(RATES, "NOK", 10).send(RATES, "NOK", None).send(PAID, "EUR", 2).send(PAID, "NOK", 2);
    assert_eq!((driver.latest(CENTS, "EUR"), driver.latest(CENTS, "NOK")), (Some(220), Some(0)));
    driver.restart().unwrap();
    driver.send(PAID, "EUR", 3).send(RATES, "NOK", 11);
    assert_eq!(driver.latest(CENTS, "EUR"), Some(330));
    driver.restart_elsewhere().unwrap();
    driver.send(PAID, "EUR", 4).send(PAID, "NOK", 1);
    assert_eq!((driver.latest(CENTS, "EUR"), driver.latest(CENTS, "NOK")), (Some(440), Some(11)));
    assert_eq!(driver.store(RATE).all().unwrap().len(), 2, "it is queried as any other");
    let written: Vec<_> = driver.take_written().into_iter().filter(|record| record.topic != CENTS.name()).collect();
    assert!(written.is_empty(), "no changelog of its own: {written:?}");
}

#[test]
fn a_store_comes_back_from_the_topic_that_fills_it() {
    comes_back(RATE.on_disk());
}

#[test]
fn so_does_one_that_is_cached() {
    comes_back(RATE.cached(1 << 20));
}

#[test]
fn so_does_one_in_memory() {
    comes_back(RATE.in_memory());
}

#[test]
fn versions_are_read_as_of_a_time() {
    const KNOWN: VersionedStore<String, u64> = VersionedStore::new("known", Duration::from_secs(3_600));
    let app = StreamsBuilder::new();
    app.read_only_store(RATES, KNOWN);
    let converted = app.stream(PAID).process_values(KNOWN, |paid, rates, out| {
        let rate = rates.get_as_of(paid.key, paid.timestamp)?;
        out.send(paid.value * rate.map_or(0, |rate| rate.value));
        Ok(())
    });
    converted.to(CENTS);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.at(10).send(RATES, "EUR", 100).at(20).send(RATES, "EUR", 110);
    for restarted in [false, true] {
        if restarted {
            driver.restart_elsewhere().unwrap();
        }
        driver.at(15).send(PAID, "EUR", 1);
        assert_eq!(driver.latest(CENTS, "EUR"), Some(100));
        driver.at(25).send(PAID, "EUR", 1);
        assert_eq!(driver.latest(CENTS, "EUR"), Some(110));
    }
}

#[test]
fn a_processor_may_read_what_an_aggregation_fills() {
    let app = StreamsBuilder::new();
    let _ = app.stream(OLD_RATES).group_by_key().count(RATE);
    convert(&app);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(OLD_RATES, "EUR", 5).send(OLD_RATES, "EUR", 5).send(PAID, "EUR", 10);
    assert_eq!(driver.latest(CENTS, "EUR"), Some(20));
}

#[test]
fn nobody_else_writes() {
    let app = StreamsBuilder::new();
    app.stream(PAID).absorb(RATE, |paid, rates| Ok(rates.put(&paid.key, paid.value)?));
    app.read_only_store(RATES, RATE);
    assert_eq!(refused(&app), [TopologyError::TopicFillsStore { store: "rate", topic: "rates", operation: "absorb" }]);
    let app = StreamsBuilder::new();
    app.read_only_store(RATES, RATE);
    let _ = app.stream(PAID).group_by_key().count(RATE);
    assert_eq!(refused(&app), [TopologyError::StoreOfTwoOwners { store: "rate", first: "read_only_store", second: "count" }]);
}

/// What a processor writes to a table's store stands in no changelog either, where the table's topic is that.
#[test]
fn a_table_whose_topic_is_its_changelog_is_the_same() {
    let app = StreamsBuilder::new();
    let _ = app.table(RATES.source().as_changelog(), RATE);
    app.stream(PAID).absorb(RATE, |_, _| Ok(()));
    assert_eq!(refused(&app), [TopologyError::TopicFillsStore { store: "rate", topic: "rates", operation: "absorb" }]);
}

#[test]
fn a_topic_that_cannot_be_the_changelog_is_refused() {
    let no_changelog = |topic| vec![TopologyError::NoChangelog { topic, store: "rate" }];
    let app = StreamsBuilder::new();
    app.read_only_store([RATES, OLD_RATES], RATE);
    assert_eq!(refused(&app), no_changelog("rates"));
    let app = StreamsBuilder::new();
    app.read_only_store(RATES.source().timestamp(|_, _| 5), RATE);
    assert_eq!(refused(&app), no_changelog("rates"));
    let app = StreamsBuilder::new();
    app.read_only_store(TopicPattern::<String, Option<u64>>::new("rates-.*"), RATE);
    assert_eq!(refused(&app), no_changelog("rates-.*"));
    let app = StreamsBuilder::new();
    app.read_only_store(RATES, RATE.unlogged().may_lose_one_interval());
    assert_eq!(refused(&app), [TopologyError::TopicIsChangelog { store: "rate" }]);
}

#[test]
fn what_is_read_must_be_filled() {
    let app = StreamsBuilder::new();
    convert(&app);
    assert_eq!(refused(&app), [TopologyError::NobodyFills { store: "rate" }]);
}
