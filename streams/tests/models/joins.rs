//! Joins of streams, and joins that wait for a versioned table, against naive models: lists that are gone through from end to end. Input is out of order,
//! and a restart, with the state directory or without it, may come anywhere.

use crate::engine::{Engine, Open, on_both_engines};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, TimeRule};
use headwater_streams::testing::TestDriver;
use proptest::collection::vec;
use proptest::prelude::*;

const LEFT: Topic<String, String> = Topic::new("left");
const RIGHT: Topic<String, String> = Topic::new("right");
const OUT: Topic<String, String> = Topic::new("out");
const VERSIONS: VersionedStore<String, String> = VersionedStore::new_ms("versions", 1_000_000);

/// A record, and what happens before it comes.
#[derive(Clone, Debug)]
struct Arrival {
    is_left: bool,
    key: u8,
    time: i64,
    before: Before,
}

#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Restart,
    LossOfTheDisk,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let before = prop_oneof![12 => Just(Before::Nothing), 1 => Just(Before::Restart), 1 => Just(Before::LossOfTheDisk)];
    let time = prop_oneof![3 => 0_i64..30, 2 => 0_i64..80, 1 => 0_i64..300];
    let arrival = (any::<bool>(), 0_u8..3, time, before).prop_map(|(is_left, key, time, before)| Arrival { is_left, key, time, before });
    vec(arrival, 1..25)
}

fn driver(app: &StreamsBuilder, open: &Open<'_>) -> TestDriver {
    let config = Config { time_rule: TimeRule::Kafka, far_future: std::time::Duration::MAX, ..Config::new("test") };
    open(app.build().unwrap(), &config)
}

/// Sends the n-th record with the value `n`.
fn send(driver: &mut TestDriver, n: usize, arrival: &Arrival) {
    match arrival.before {
        Before::Nothing => {}
        Before::Restart => driver.restart().unwrap(),
        Before::LossOfTheDisk => driver.restart_elsewhere().unwrap(),
    }
    let topic = if arrival.is_left { LEFT } else { RIGHT };
    driver.at(arrival.time).send(topic, arrival.key.to_string(), n.to_string());
}

/// What a left join makes of both sides.
fn show(_: &String, left: String, right: Option<String>) -> String {
    format!("{left}+{}", right.as_deref().unwrap_or("null"))
}

fn written(driver: &TestDriver) -> Vec<(String, i64)> {
    driver.all(OUT).into_iter().map(|(_, value, time)| (value.unwrap(), time)).collect()
}

/// The pairs that a join makes, record by record.
fn pairs(arrivals: &[Arrival], before: i64, after: i64, grace: i64) -> Vec<Vec<(String, i64)>> {
    let retention = before + after + grace;
    let made = |n: usize| {
        let this = &arrivals[n];
        let others: Vec<_> = arrivals[..n].iter().enumerate().filter(|(_, other)| other.is_left != this.is_left).collect();
        let observed = others.iter().map(|(_, other)| other.time).max().unwrap_or(-1);
        let meets = |other: &Arrival| {
            let (left, right) = if this.is_left { (this.time, other.time) } else { (other.time, this.time) };
            other.key == this.key && (left - before..=left + after).contains(&right) && other.time > observed - retention
        };
        let mut found: Vec<_> = others.into_iter().filter(|(_, other)| meets(other)).collect();
        found.sort_by_key(|(i, other)| (other.time, *i));
        let pair = |(i, other): (usize, &Arrival)| {
            let text = if this.is_left { format!("{n}+{i}") } else { format!("{i}+{n}") };
            (text, this.time.max(other.time))
        };
        found.into_iter().map(pair).collect()
    };
    (0..arrivals.len()).map(made).collect()
}

fn check_inner(arrivals: &[Arrival], (before, after, grace): (i64, i64, i64), open: &Open<'_>) {
    let app = StreamsBuilder::new();
    let windows = JoinWindows::of_ms(0).after_ms(after).before_ms(before).grace_ms(grace);
    let right = app.stream(RIGHT).within(windows).stored("j");
    app.stream(LEFT).join(&right, |_, left, right| format!("{left}+{right}")).to(OUT);
    let mut driver = driver(&app, open);
    arrivals.iter().enumerate().for_each(|(n, arrival)| send(&mut driver, n, arrival));
    assert_eq!(written(&driver), pairs(arrivals, before, after, grace).concat());
}

/// Of a left join or of `both`: pairs are those of the inner join. Who met nobody on arrival and nobody later goes on alone once; who met somebody on arrival never does.
fn check_alone(arrivals: &[Arrival], (before, after, grace): (i64, i64, i64), both: bool, open: &Open<'_>) {
    let app = StreamsBuilder::new();
    let windows = JoinWindows::of_ms(0).after_ms(after).before_ms(before).grace_ms(grace);
    let right = app.stream(RIGHT).within(windows).stored("j");
    let show = |side: Option<String>| side.unwrap_or_else(|| "null".to_owned());
    match both {
        true => app.stream(LEFT).outer_join(&right, move |_, left, right| format!("{}+{}", show(left), show(right))).to(OUT),
        false => app.stream(LEFT).left_join(&right, move |_, left, right| format!("{left}+{}", show(right))).to(OUT),
    }
    let mut driver = driver(&app, open);
    arrivals.iter().enumerate().for_each(|(n, arrival)| send(&mut driver, n, arrival));
    // Far ahead, on both sides, so that nobody waits any more. They meet each other.
    for time in [100_000, 200_000, 300_000] {
        driver.at(time).send(LEFT, "end", "l").send(RIGHT, "end", "r");
    }
    let is_end = |text: &str| text.split('+').any(|side| side == "l" || side == "r");
    let written: Vec<_> = written(&driver).into_iter().filter(|(text, _)| !is_end(text)).collect();
    let expected = pairs(arrivals, before, after, grace);
    let met: Vec<_> = written.iter().filter(|(text, _)| !text.contains("null")).cloned().collect();
    assert_eq!(met, expected.concat());
    for (n, arrival) in arrivals.iter().enumerate() {
        let alone = if arrival.is_left { format!("{n}+null") } else { format!("null+{n}") };
        let times = written.iter().filter(|(text, time)| *text == alone && *time == arrival.time).count();
        let met_later = expected[n + 1..].iter().flatten().any(|(text, _)| text.split('+').any(|side| side == n.to_string()));
        match (expected[n].is_empty(), met_later) {
            _ if !both && !arrival.is_left => assert_eq!(times, 0, "{n} is of the right side of a left join"),
            (false, _) => assert_eq!(times, 0, "{n} met somebody when it came"),
            (true, false) => assert_eq!(times, 1, "{n} met nobody"),
            // Whether it had gone on alone before is a matter of time and grace; twice it never does.
            (true, true) => assert!(times <= 1, "{n} went on alone more than once"),
        }
    }
}

/// The stream is the left topic, the table the right one.
fn check_grace(arrivals: &[Arrival], grace: i64, open: &Open<'_>) {
    let app = StreamsBuilder::new();
    let table = app.table(RIGHT, VERSIONS).with_grace_ms(grace).stored("j");
    app.stream(LEFT).left_join(&table, show).to(OUT);
    let mut driver = driver(&app, open);
    let (mut waiting, mut observed, mut expected) = (Vec::new(), -1, Vec::new());
    for (n, arrival) in arrivals.iter().enumerate() {
        send(&mut driver, n, arrival);
        if !arrival.is_left {
            continue;
        }
        let joined = |(time, key, n): (i64, u8, usize), seen: usize| {
            let rows = arrivals[..seen].iter().enumerate().filter(|(_, row)| !row.is_left && row.key == key && row.time <= time);
            let row = rows.max_by_key(|(i, row)| (row.time, *i)).map_or("null".to_owned(), |(i, _)| i.to_string());
            (format!("{n}+{row}"), time)
        };
        if arrival.time < observed - grace {
            expected.push(joined((arrival.time, arrival.key, n), n));
            continue;
        }
        observed = observed.max(arrival.time);
        waiting.push((arrival.time, arrival.key, n));
        waiting.sort();
        let due = waiting.partition_point(|(time, ..)| *time <= observed - grace);
        expected.extend(waiting.drain(..due).map(|record| joined(record, n)));
    }
    assert_eq!(written(&driver), expected);
}

fn reaches() -> impl Strategy<Value = (i64, i64, i64)> {
    // A window that reaches nowhere keeps nothing, as in Kafka; the models know of no such thing.
    (0_i64..20, 1_i64..20, 0_i64..20)
}

/// A record finds the row that stands when it comes, whatever their times.
fn check_rows(arrivals: &[Arrival], app: &StreamsBuilder, row_of: impl Fn(u8) -> u8, open: &Open<'_>) {
    let mut driver = driver(app, open);
    let mut expected = Vec::new();
    for (n, arrival) in arrivals.iter().enumerate() {
        send(&mut driver, n, arrival);
        if arrival.is_left {
            let row = arrivals[..n].iter().rposition(|row| !row.is_left && row.key == row_of(arrival.key));
            expected.push((format!("{n}+{}", row.map_or("null".to_owned(), |row| row.to_string())), arrival.time));
        }
    }
    assert_eq!(written(&driver), expected);
}

fn check_table(arrivals: &[Arrival], open: &Open<'_>) {
    let app = StreamsBuilder::new();
    let table = app.table(RIGHT, Store::new("rows"));
    app.stream(LEFT).left_join(&table, show).to(OUT);
    check_rows(arrivals, &app, |key| key, open);
}

/// The stream is keyed by number, and asks for the row of its key's parity.
fn check_global(arrivals: &[Arrival], open: &Open<'_>) {
    let app = StreamsBuilder::new();
    let rows = app.global_table(RIGHT, Store::new("rows"));
    let parity = |key: &str| (key.parse::<u8>().unwrap() % 2).to_string();
    let by = rows.by(move |key: &String, _: &String| Some(parity(key)));
    app.stream(LEFT).left_join(&by, show).to(OUT);
    check_rows(arrivals, &app, |key| key % 2, open);
}

fn inner_joins_of_streams(engine: Engine) {
    engine.for_all((arrivals(), reaches()), |(arrivals, reach), open| {
        check_inner(&arrivals, reach, open);
        Ok(())
    });
}

fn left_joins_of_streams(engine: Engine) {
    engine.for_all((arrivals(), reaches()), |(arrivals, reach), open| {
        check_alone(&arrivals, reach, false, open);
        Ok(())
    });
}

fn outer_joins_of_streams(engine: Engine) {
    engine.for_all((arrivals(), reaches()), |(arrivals, reach), open| {
        check_alone(&arrivals, reach, true, open);
        Ok(())
    });
}

fn joins_with_a_table(engine: Engine) {
    engine.for_all(arrivals(), |arrivals, open| {
        check_table(&arrivals, open);
        Ok(())
    });
}

fn joins_with_a_global_table(engine: Engine) {
    engine.for_all(arrivals(), |arrivals, open| {
        check_global(&arrivals, open);
        Ok(())
    });
}

fn joins_that_wait_for_a_table(engine: Engine) {
    engine.for_all((arrivals(), 0_i64..40), |(arrivals, grace), open| {
        check_grace(&arrivals, grace, open);
        Ok(())
    });
}

on_both_engines! { inner_joins_of_streams left_joins_of_streams outer_joins_of_streams joins_with_a_table joins_with_a_global_table joins_that_wait_for_a_table }
