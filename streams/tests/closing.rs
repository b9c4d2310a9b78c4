//! Results of closed windows do not hang on how often somebody looks for them.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, TimeRule};
use headwater_streams::testing::TestDriver;

const IN: Topic<String, u64> = Topic::new("in");
const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
const FINAL: Topic<Windowed<String>, u64> = Topic::new("final");

/// Windows of 10 ms without grace, in a store that keeps them no longer than it must.
fn driver(time_rule: TimeRule) -> TestDriver {
    let app = StreamsBuilder::new();
    app.stream(IN).group_by_key().windowed_by(Tumbling::of_ms(10)).emit_on_close().count(COUNTS).to(FINAL);
    TestDriver::with_config(app.build().unwrap(), &Config { time_rule, ..Config::new("app") })
}

fn starts(driver: &TestDriver) -> Vec<i64> {
    driver.all(FINAL).into_iter().map(|(window, ..)| window.unwrap().start).collect()
}

/// With its interval of a second Kafka Streams 4.3.0 emits the last one of the three only.
#[test]
fn no_closed_window_is_lost_between_two_looks() {
    let mut driver = driver(TimeRule::Watermark).commit_on_demand();
    for time in [0, 12, 25, 38] {
        driver.at(time).send(IN, "k", 1);
    }
    assert!(starts(&driver).is_empty(), "a commit looks");
    driver.commit();
    assert_eq!(starts(&driver), [0, 10, 20]);
}

/// As in `TopologyTestDriver`, whose interval is 0.
#[test]
fn under_kafkas_rule_the_record_that_closes_a_window_emits_it() {
    let mut driver = driver(TimeRule::Kafka);
    let mut known = Vec::new();
    for (time, closed) in [(0, None), (12, Some(0)), (25, Some(10)), (38, Some(20))] {
        driver.at(time).send(IN, "k", 1);
        known.extend(closed);
        assert_eq!(starts(&driver), known);
    }
}
