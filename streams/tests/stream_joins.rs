//! Joins of two streams: who meets, who goes on alone and when.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, TimeRule};
use headwater_streams::testing::TestDriver;

const LEFT: Topic<Option<String>, Option<String>> = Topic::new("left");
const RIGHT: Topic<Option<String>, Option<String>> = Topic::new("right");
const OUT: Topic<Option<String>, String> = Topic::new("out");

#[derive(Clone, Copy)]
enum Kind {
    Inner,
    Left,
    Outer,
}

fn show(left: Option<String>, right: Option<String>) -> String {
    let text = |side: Option<String>| side.unwrap_or_else(|| "null".to_owned());
    format!("{}+{}", text(left), text(right))
}

fn driver(kind: Kind, windows: JoinWindows, rule: TimeRule) -> TestDriver {
    let app = StreamsBuilder::new();
    let (left, right) = (app.stream(LEFT), app.stream(RIGHT).within(windows).stored("j"));
    match kind {
        Kind::Inner => left.join(&right, |_, left, right| show(Some(left), Some(right))).map(|key, value| (Some(key), value)).to(OUT),
        Kind::Left => left.left_join(&right, |_, left, right| show(Some(left), right)).to(OUT),
        Kind::Outer => left.outer_join(&right, |_, left, right| show(left, right)).to(OUT),
    }
    let config = Config { time_rule: rule, far_future: std::time::Duration::MAX, ..Config::new("test") };
    TestDriver::with_config(app.build().unwrap(), &config)
}

/// Sends `(topic, key, value, time)` and returns what came out as `key value @ time`.
fn run(mut driver: TestDriver, input: &[(char, &str, &str, i64)]) -> Vec<String> {
    let given = |text: &str| (text != "null").then(|| text.to_owned());
    for (side, key, value, time) in input {
        driver.at(*time).send(if *side == 'l' { LEFT } else { RIGHT }, given(key), given(value));
    }
    let written = driver.all(OUT).into_iter();
    written.map(|(key, value, time)| format!("{} {} @{time}", key.as_deref().unwrap_or("null"), value.unwrap())).collect()
}

#[test]
fn events_meet_within_the_window_with_the_later_time() {
    let input =
        [('l', "a", "1", 10), ('r', "a", "x", 0), ('r', "a", "y", 21), ('r', "a", "z", 20), ('l', "a", "2", 20), ('r', "b", "w", 20)];
    let out = run(driver(Kind::Inner, JoinWindows::of_ms(10), TimeRule::Kafka), &input);
    assert_eq!(out, ["a 1+x @10", "a 1+z @20", "a 2+z @20", "a 2+y @21"]);
}

#[test]
fn events_of_one_key_and_time_stay_apart_in_their_order() {
    let input = [('l', "a", "1", 5), ('l', "a", "2", 5), ('r', "a", "x", 5), ('r', "a", "y", 5)];
    let out = run(driver(Kind::Inner, JoinWindows::of_ms(1), TimeRule::Kafka), &input);
    assert_eq!(out, ["a 1+x @5", "a 2+x @5", "a 1+y @5", "a 2+y @5"]);
}

#[test]
fn lonely_ones_go_on_when_nobody_can_come_any_more() {
    // Under Kafka's rule the right record at 16 moves the time, under watermarks the last one is the first to see that both sides have come to 16.
    let input =
        [('l', "a", "1", 0), ('r', "b", "x", 0), ('l', "z", "2", 15), ('r', "z", "y", 16), ('l', "c", "3", 40), ('r', "d", "w", 41)];
    let (lonely_left, lonely_right, pair) = ("a 1+null @0", "b null+x @0", "z 2+y @16");
    for (rule, left, outer) in [
        (TimeRule::Kafka, vec![lonely_left, pair], vec![lonely_right, lonely_left, pair]),
        (TimeRule::Watermark, vec![pair, lonely_left], vec![pair, lonely_right, lonely_left]),
    ] {
        let windows = JoinWindows::of_ms(10).grace_ms(5);
        assert_eq!(run(driver(Kind::Left, windows, rule), &input), left, "{rule:?}");
        assert_eq!(run(driver(Kind::Outer, windows, rule), &input), outer, "{rule:?}");
    }
}

#[test]
fn nulls_have_no_partner() {
    let input = [('l', "null", "1", 0), ('r', "null", "x", 0), ('l', "a", "null", 0), ('r', "a", "null", 0)];
    for (kind, expected) in
        [(Kind::Inner, &[][..]), (Kind::Left, &["null 1+null @0"]), (Kind::Outer, &["null 1+null @0", "null null+x @0"])]
    {
        assert_eq!(run(driver(kind, JoinWindows::of_ms(10), TimeRule::Kafka), &input), expected);
    }
}

#[test]
fn a_record_whose_window_has_closed_is_a_dead_letter_under_watermarks() {
    let mut driver = driver(Kind::Left, JoinWindows::of_ms(10).grace_ms(5), TimeRule::Watermark);
    let text = |text: &str| Some(text.to_owned());
    driver.at(100).send(LEFT, text("a"), text("1")).send(RIGHT, text("a"), text("x"));
    driver.at(85).send(LEFT, text("b"), text("2")); // 85 + 10 + 5: still open
    driver.at(84).send(LEFT, text("b"), text("3"));
    let letters = driver.dead_letters();
    assert_eq!(letters.iter().map(|letter| letter.reason.as_str()).collect::<Vec<_>>(), ["late"]);
}

#[test]
fn mistakes_are_found_by_build() {
    let app = StreamsBuilder::new();
    let right = app.stream(RIGHT);
    let left = app.stream(LEFT);
    left.left_join(&right.within(JoinWindows::of_ms(5)), |_, left, _| left).for_each(|_, _| ());
    left.left_join(&right.within(JoinWindows::of_ms(-1).grace_ms(-2)).stored("n"), |_, left, _| left).for_each(|_, _| ());
    let mistakes = [
        TopologyError::UnnamedJoin { operation: "left_join" },
        TopologyError::JoinWindow { join: "n", before_ms: -1, after_ms: -1 },
        TopologyError::NegativeGrace { store: "n", grace_ms: -2 },
    ];
    assert_eq!(app.build().unwrap_err(), mistakes);
}

#[test]
fn both_sides_are_repartitioned_where_keys_changed() {
    let app = StreamsBuilder::new();
    let by_value = |topic| app.stream(topic).select_key(|_, value: &Option<String>| value.clone());
    let right = by_value(RIGHT).within(JoinWindows::of_ms(10)).stored("pairs");
    by_value(LEFT).join(&right, |_, left, right| show(Some(left), Some(right))).map(|key, value| (Some(key), value)).to(OUT);
    let mut driver = TestDriver::new(app.build().unwrap());
    let text = |text: &str| Some(text.to_owned());
    driver.at(3).send(LEFT, text("a"), text("v")).send(RIGHT, text("b"), text("v")).send(RIGHT, text("b"), None::<String>);
    assert_eq!(driver.latest(OUT, "v".to_owned()).as_deref(), Some("v+v"));
    let mut topics: Vec<_> = driver.topics().filter(|topic| topic.starts_with("test-pairs")).collect();
    topics.sort();
    let expected = [
        "test-pairs-left-repartition",
        "test-pairs-other-join-store-changelog",
        "test-pairs-right-repartition",
        "test-pairs-this-join-store-changelog",
    ];
    assert_eq!(topics, expected);
}
