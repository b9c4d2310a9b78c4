//! Windows of each kind and `suppress` against models that share no code with them: sort and scan. Input comes out of order, values repeat, tasks
//! are ended and opened again in between.

use crate::engine::{Engine, on_both_engines};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, Late, TimeRule};
use headwater_streams::testing::TestDriver;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const IN: Topic<u8, Option<u8>> = Topic::new("in");
const OUT: Topic<Windowed<u8>, Option<Vec<u8>>> = Topic::new("out");
const TABLE_OUT: Topic<u8, Option<u8>> = Topic::new("table-out");
const WINDOWS: WindowStore<u8, Vec<u8>> = WindowStore::new("windows");
const SESSIONS: SessionStore<u8, Vec<u8>> = SessionStore::new("sessions");

/// Long after everything that a case sends.
const LATER: i64 = 100_000;
/// More than anything lasts.
const EVER: i64 = 1_000_000;

/// A record: key, time, and whether the task is ended before it.
type Given = (u8, i64, Restart);

#[derive(Clone, Copy, Debug)]
enum Restart {
    No,
    Kept,
    Wiped,
}

/// Windows with the values in them, sorted: what they are, not how they came to be.
type Found = BTreeMap<(u8, i64, i64), Vec<u8>>;

fn input() -> impl Strategy<Value = Vec<Given>> {
    let restart = prop_oneof![10 => Just(Restart::No), 1 => Just(Restart::Kept), 1 => Just(Restart::Wiped)];
    prop::collection::vec((0_u8..3, prop_oneof![0_i64..60, 0_i64..12], restart), 0..24)
}

/// Kafka's rules, which the models follow.
fn config() -> Config {
    Config { time_rule: TimeRule::Kafka, late: Late::Drop, far_future: std::time::Duration::MAX, ..Config::new("models") }
}

/// Each record is its own value, so that none is mistaken for another.
fn feed(driver: &mut TestDriver, given: &[Given]) {
    for (value, (key, time, restart)) in given.iter().enumerate() {
        match restart {
            Restart::No => {}
            Restart::Kept => driver.restart().unwrap(),
            Restart::Wiped => driver.restart_elsewhere().unwrap(),
        }
        driver.at(*time).send(IN, *key, value as u8);
    }
}

/// The last word about each window.
fn last_words(driver: &TestDriver) -> Found {
    let mut found = Found::new();
    for (key, value, _) in driver.all(OUT) {
        let key = key.expect("results have keys");
        match value {
            Some(mut values) => {
                values.sort_unstable();
                found.insert((key.key, key.start, key.end), values);
            }
            None => drop(found.remove(&(key.key, key.start, key.end))),
        }
    }
    found
}

/// Every result, of which there must be one a window.
fn only_words(driver: &TestDriver) -> Found {
    let found = last_words(driver);
    assert_eq!(found.len(), driver.all(OUT).len(), "a window is emitted once");
    found
}

fn add(_: &u8, value: Option<u8>, values: &mut Vec<u8>) {
    values.extend(value);
}

fn merge(_: &u8, mut one: Vec<u8>, other: Vec<u8>) -> Vec<u8> {
    one.extend(other);
    one
}

fn put(found: &mut Found, window: (u8, i64, i64), value: usize) {
    found.entry(window).or_default().push(value as u8);
}

/// A record is in each aligned window that holds its time and had not closed when it came.
fn fixed_model(given: &[Given], size: i64, advance: i64, grace: i64) -> Found {
    let (mut found, mut seen) = (Found::new(), i64::MIN);
    for (value, (key, time, _)) in given.iter().enumerate() {
        seen = seen.max(*time);
        for start in (0..=*time).step_by(advance as usize).filter(|start| time - start < size && start + size > seen - grace) {
            put(&mut found, (*key, start, start + size), value);
        }
    }
    found
}

/// A window ends at each record and one begins behind it, if anything is in there; none begins before the epoch.
fn sliding_model(given: &[Given], diff: i64) -> Found {
    let mut windows = BTreeSet::new();
    for (key, time, _) in given {
        windows.insert((*key, (time - diff).max(0)));
        windows.insert((*key, time + 1));
    }
    let mut found = Found::new();
    for (key, start) in windows {
        for (value, _) in given.iter().enumerate().filter(|(_, (of, time, _))| *of == key && (start..=start + diff).contains(time)) {
            put(&mut found, (key, start, start + diff), value);
        }
    }
    found
}

/// Sorted by time, a gap too long begins another session.
fn session_model(given: &[Given], gap: i64) -> Found {
    let mut sorted: Vec<_> = given.iter().enumerate().map(|(value, (key, time, _))| (*key, *time, value as u8)).collect();
    sorted.sort_unstable();
    let mut sessions: Vec<(u8, i64, i64, Vec<u8>)> = Vec::new();
    for (key, time, value) in sorted {
        match sessions.last_mut().filter(|(of, _, end, _)| *of == key && time - *end <= gap) {
            Some((_, _, end, values)) => {
                *end = time;
                values.push(value);
            }
            None => sessions.push((key, time, time, vec![value])),
        }
    }
    let sort = |mut values: Vec<u8>| {
        values.sort_unstable();
        values
    };
    sessions.into_iter().map(|(key, start, end, values)| ((key, start, end), sort(values))).collect()
}

fn topology(build: impl Fn(KGroupedStream<u8, Option<u8>>)) -> Topology {
    let app = StreamsBuilder::new();
    build(app.stream(IN).group_by_key());
    app.build().unwrap()
}

fn fixed_windows(engine: Engine) {
    let strategy = (input(), 1_i64..12, 1_i64..12, 0_i64..30);
    engine.for_all(strategy, |(given, size, advance, grace), open| {
        let advance = advance.min(size);
        let mut driver = open(
            topology(|grouped| {
                grouped.windowed_by(Hopping::of_ms(size, advance).grace_ms(grace)).aggregate(WINDOWS, Vec::new, add).to(OUT);
            }),
            &config(),
        );
        feed(&mut driver, &given);
        prop_assert_eq!(last_words(&driver), fixed_model(&given, size, advance, grace));
        Ok(())
    });
}

/// One window a key, for whatever is not before its start; how far its end lies ahead is Kafka's business.
fn unlimited_windows(engine: Engine) {
    engine.for_all((input(), 0_i64..40), |(given, from), open| {
        let mut driver = open(
            topology(|grouped| {
                grouped.windowed_by(Unlimited::new().start_ms(from)).aggregate(WINDOWS, Vec::new, add).to(OUT);
            }),
            &config(),
        );
        feed(&mut driver, &given);
        let mut expected = Found::new();
        given
            .iter()
            .enumerate()
            .filter(|(_, (_, time, _))| *time >= from)
            .for_each(|(value, (key, ..))| put(&mut expected, (*key, from, 0), value));
        let found = last_words(&driver).into_iter().map(|((key, start, _), values)| ((key, start, 0), values));
        prop_assert_eq!(found.collect::<Found>(), expected);
        Ok(())
    });
}

fn fixed_windows_on_close(engine: Engine) {
    let strategy = (input(), 1_i64..12, 1_i64..12, 0_i64..30);
    engine.for_all(strategy, |(mut given, size, advance, grace), open| {
        let advance = advance.min(size);
        let mut driver = open(
            topology(|grouped| {
                let windows = grouped.windowed_by(Hopping::of_ms(size, advance).grace_ms(grace)).emit_on_close();
                windows.aggregate(WINDOWS.cached(0).retention_ms(EVER), Vec::new, add).to(OUT);
            }),
            &config(),
        );
        let expected = fixed_model(&given, size, advance, grace);
        given.push((9, LATER, Restart::Kept));
        feed(&mut driver, &given);
        prop_assert_eq!(only_words(&driver), expected);
        Ok(())
    });
}

fn sliding_windows(engine: Engine) {
    engine.for_all((input(), 1_i64..15), |(given, diff), open| {
        let mut driver = open(
            topology(|grouped| {
                let windows = grouped.windowed_by(Sliding::of_ms(diff).grace_ms(EVER));
                windows.aggregate(WINDOWS, Vec::new, |_, value, values| values.push(value)).to(OUT);
            }),
            &config(),
        );
        feed(&mut driver, &given);
        prop_assert_eq!(last_words(&driver), sliding_model(&given, diff));
        Ok(())
    });
}

fn sliding_windows_on_close(engine: Engine) {
    engine.for_all((input(), 1_i64..15), |(mut given, diff), open| {
        let mut driver = open(
            topology(|grouped| {
                let windows = grouped.windowed_by(Sliding::of_ms(diff).grace_ms(LATER / 2)).emit_on_close();
                windows.aggregate(WINDOWS.uncached().retention_ms(EVER), Vec::new, |_, value, values| values.push(value)).to(OUT);
            }),
            &config(),
        );
        let expected = sliding_model(&given, diff);
        given.push((9, LATER, Restart::Wiped));
        feed(&mut driver, &given);
        prop_assert_eq!(only_words(&driver), expected);
        Ok(())
    });
}

fn sessions(engine: Engine) {
    engine.for_all((input(), 0_i64..15), |(given, gap), open| {
        let mut driver = open(
            topology(|grouped| {
                grouped.windowed_by(Session::of_ms(gap).grace_ms(EVER)).aggregate(SESSIONS, Vec::new, add, merge).to(OUT);
            }),
            &config(),
        );
        feed(&mut driver, &given);
        let expected = session_model(&given, gap);
        prop_assert_eq!(&last_words(&driver), &expected);
        let kept = driver.store(SESSIONS).all().unwrap();
        prop_assert_eq!(kept.len(), expected.len());
        Ok(())
    });
}

fn sessions_on_close(engine: Engine) {
    engine.for_all((input(), 0_i64..15), |(mut given, gap), open| {
        let mut driver = open(
            topology(|grouped| {
                let windows = grouped.windowed_by(Session::of_ms(gap).grace_ms(LATER / 2)).emit_on_close();
                windows.aggregate(SESSIONS.uncached().retention_ms(EVER), Vec::new, add, merge).to(OUT);
            }),
            &config(),
        );
        let expected = session_model(&given, gap);
        given.push((9, LATER, Restart::Wiped));
        feed(&mut driver, &given);
        prop_assert_eq!(only_words(&driver), expected);
        Ok(())
    });
}

fn final_results_by_suppress(engine: Engine) {
    engine.for_all((input(), 1_i64..12, 0_i64..30), |(mut given, size, grace), open| {
        let mut driver = open(
            topology(|grouped| {
                let windows = grouped.windowed_by(Tumbling::of_ms(size).grace_ms(grace)).aggregate(WINDOWS, Vec::new, add);
                windows.suppress(Suppress::until_window_closes()).to(OUT);
            }),
            &config(),
        );
        let expected = fixed_model(&given, size, size, grace);
        given.push((9, LATER, Restart::Wiped));
        feed(&mut driver, &given);
        prop_assert_eq!(only_words(&driver), expected);
        Ok(())
    });
}

/// A list that is searched for everything: a change keeps the place of the one before; what has waited long enough goes, and the first as long as
/// there are too many, ordered by time, then key.
fn waiting_model(given: &[(u8, i64, Option<u8>, Restart)], wait: i64, max: usize) -> Vec<(u8, Option<u8>, i64)> {
    let (mut waiting, mut seen, mut told): (Vec<(i64, u8, Option<u8>, i64)>, _, _) = (Vec::new(), i64::MIN, Vec::new());
    for (key, time, value, _) in given {
        seen = seen.max(*time);
        match waiting.iter_mut().find(|(_, of, ..)| of == key) {
            Some(held) => (held.2, held.3) = (*value, *time),
            None => waiting.push((*time, *key, *value, *time)),
        }
        loop {
            waiting.sort_unstable_by_key(|(since, key, ..)| (*since, *key));
            let is_due = waiting.first().is_some_and(|(since, ..)| *since <= seen - wait) || waiting.len() > max;
            if !is_due {
                break;
            }
            let (_, key, value, time) = waiting.remove(0);
            told.push((key, value, time));
        }
    }
    told
}

fn changes_that_wait(engine: Engine) {
    let restart = prop_oneof![8 => Just(Restart::No), 1 => Just(Restart::Kept), 1 => Just(Restart::Wiped)];
    let record = (0_u8..5, 0_i64..40, prop::option::weighted(0.7, 0_u8..9), restart);
    engine.for_all((prop::collection::vec(record, 0..24), 0_i64..15, 0_usize..5), |(given, wait, max), open| {
        let app = StreamsBuilder::new();
        let until = Suppress::until_time_limit_ms(wait).max_records(max);
        app.table(IN, Store::new("table").uncached()).suppress(until).to(TABLE_OUT);
        let mut driver = open(app.build().unwrap(), &config());
        for (key, time, value, restart) in &given {
            match restart {
                Restart::No => {}
                Restart::Kept => driver.restart().unwrap(),
                Restart::Wiped => driver.restart_elsewhere().unwrap(),
            }
            driver.at(*time).send(IN, *key, *value);
        }
        let told: Vec<_> = driver.all(TABLE_OUT).into_iter().map(|(key, value, time)| (key.unwrap(), value, time)).collect();
        prop_assert_eq!(told, waiting_model(&given, wait, max));
        Ok(())
    });
}

on_both_engines! {
    fixed_windows fixed_windows_on_close unlimited_windows sliding_windows sliding_windows_on_close sessions sessions_on_close final_results_by_suppress
    changes_that_wait
}

/// Under watermarks nothing is lost, however far time jumps past the retention, and nothing is emitted twice.
#[test]
fn a_jump_of_time_loses_no_window_under_watermarks() {
    let results = |build: &dyn Fn(KGroupedStream<u8, Option<u8>>)| {
        let mut driver = TestDriver::new(topology(build));
        driver.at(1).send(IN, 1_u8, 10_u8).at(3).send(IN, 2_u8, 20_u8);
        driver.restart().unwrap();
        driver.at(EVER).send(IN, 3_u8, 30_u8).at(2 * EVER).send(IN, 3_u8, 40_u8);
        only_words(&driver).into_keys().map(|(key, start, _)| (key, start)).collect::<Vec<_>>()
    };
    let fixed = results(&|grouped| grouped.windowed_by(Tumbling::of_ms(10)).emit_on_close().aggregate(WINDOWS, Vec::new, add).to(OUT));
    assert_eq!(fixed, [(1, 0), (2, 0), (3, EVER)]);
    let sessions =
        results(&|grouped| grouped.windowed_by(Session::of_ms(10)).emit_on_close().aggregate(SESSIONS, Vec::new, add, merge).to(OUT));
    assert_eq!(sessions, [(1, 1), (2, 3), (3, EVER)]);
    let suppressed = results(&|grouped| {
        let windows = grouped.windowed_by(Tumbling::of_ms(10)).aggregate(WINDOWS, Vec::new, add);
        windows.suppress(Suppress::until_window_closes()).to(OUT);
    });
    assert_eq!(suppressed, [(1, 0), (2, 0), (3, EVER)]);
}

#[test]
fn mistakes_are_found_by_build() {
    let app = StreamsBuilder::new();
    let grouped = app.stream(IN).group_by_key();
    let _ = grouped.windowed_by(Sliding::of_ms(-1).grace_ms(-2)).count(WindowStore::new("a"));
    let _ = grouped.windowed_by(Session::of_ms(-3)).count(SessionStore::new("b"));
    let _ = grouped.windowed_by(Unlimited::new().start_ms(-4)).emit_on_close().count(WindowStore::new("c"));
    let _ = grouped.windowed_by(Session::of_ms(10).grace_ms(5)).count(SessionStore::new("d").uncached().retention_ms(14));
    let mistakes = [
        TopologyError::SlidingDifference { store: "a", diff_ms: -1 },
        TopologyError::NegativeGrace { store: "a", grace_ms: -2 },
        TopologyError::SessionGap { store: "b", gap_ms: -3 },
        TopologyError::UnlimitedStart { store: "c", start_ms: -4 },
        TopologyError::NeverCloses { store: "c" },
        TopologyError::RetentionTooShort { store: "d", retention_ms: 14, needed_ms: 15 },
    ];
    assert_eq!(app.build().unwrap_err(), mistakes);
}
