//! Sources that go by the wall clock, which is that of the step: deterministic here as in the simulator.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, TimeRule};
use headwater_streams::testing::TestDriver;
use std::time::Duration;

const CLICKS: Topic<u64, String> = Topic::new("clicks");
const PAGES: Topic<u64, String> = Topic::new("pages");
const SEEN: Topic<u64, String> = Topic::new("seen");
const COUNTS: WindowStore<u64, u64> = WindowStore::new("counts");
const MINUTE: Duration = Duration::from_secs(60);

fn config(time_rule: TimeRule) -> Config {
    Config { time_rule, ..Config::new("app") }
}

/// Clicks a minute of the wall clock, and no grace.
fn counted(time_rule: TimeRule) -> TestDriver {
    let app = StreamsBuilder::new();
    let _ = app.stream(CLICKS.source().wall_clock_timestamps()).group_by_key().windowed_by(Tumbling::of(MINUTE)).count(COUNTS);
    TestDriver::with_config(app.build().unwrap(), &config(time_rule))
}

/// The log's own times fall, and are below zero: nobody asks for them. With `far_future` as in production everything here would be too far.
#[test]
fn windows_are_those_of_the_wall_clock() {
    for time_rule in [TimeRule::Kafka, TimeRule::Watermark] {
        let mut driver = counted(time_rule);
        driver.advance_wall_clock(7_200_000);
        driver.at(50).send(CLICKS, 1, "a").at(-1).send(CLICKS, 1, "b");
        driver.advance_wall_clock(60_000);
        driver.at(40).send(CLICKS, 1, "c");
        let windows: Vec<_> = driver.store(COUNTS).all().unwrap().into_iter().map(|row| (row.key.start, row.value)).collect();
        assert_eq!(windows, [(7_200_000, 2), (7_260_000, 1)], "{time_rule:?}");
        assert_eq!((driver.dropped(), driver.dead_letters().len()), (0, 0), "{time_rule:?}");
    }
}

#[test]
fn rows_have_the_time_at_which_they_were_read() {
    let app = StreamsBuilder::new();
    app.table(CLICKS.source().wall_clock_timestamps(), Store::new("clicks")).updates().to(SEEN);
    let pages = app.global_table(PAGES.source().wall_clock_timestamps(), Store::new("pages"));
    app.stream(SEEN).join(&pages.by(|key: &u64, _: &String| *key), |_, _, page| page).for_each(|_, _| ());
    let mut driver = TestDriver::with_config(app.build().unwrap(), &config(TimeRule::Kafka));
    driver.advance_wall_clock(10).at(3).send(CLICKS, 1, "x").send(PAGES, 2, "home");
    driver.advance_wall_clock(10).at(2).send(CLICKS, 1, "y");
    assert_eq!(driver.all(SEEN), [(Some(1), Some("x".to_owned()), 10), (Some(1), Some("y".to_owned()), 20)]);
    let page = driver.store(Store::<u64, String>::new("pages")).entry(&2).unwrap().unwrap();
    assert_eq!((page.value.as_str(), page.timestamp), ("home", 10));
}

/// What is restored from the topic would have other times than what was read from it.
#[test]
fn a_topic_is_no_changelog_of_rows_that_got_their_times_here() {
    let app = StreamsBuilder::new();
    app.table(CLICKS.source().wall_clock_timestamps().as_changelog(), Store::new("clicks")).to(SEEN);
    assert_eq!(app.build().unwrap_err(), [TopologyError::NoChangelog { topic: "clicks", store: "clicks" }]);
}

#[test]
fn event_time_and_wall_clock_are_two_ways_to_read_a_topic() {
    let app = StreamsBuilder::new();
    app.stream(CLICKS.source().wall_clock_timestamps()).to(SEEN);
    app.stream(CLICKS.source().wall_clock_timestamps()).for_each(|_, _| ());
    assert_eq!(app.build().unwrap().sub_topologies().len(), 1);
    app.stream(CLICKS).for_each(|_, _| ());
    assert_eq!(app.build().unwrap_err(), [TopologyError::TopicReadTwice { topic: "clicks" }]);
}
