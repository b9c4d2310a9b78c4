//! Joins and groupings of tables against naive models: whatever comes in whatever order, and wherever the task is opened again, the result is what
//! a scan over everything that came would say.

use crate::engine::{Engine, Open, on_both_engines};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, Recovery, TimeRule};
use headwater_streams::testing::TestDriver;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const LEFT: Topic<u8, Option<u64>> = Topic::new("left");
const RIGHT: Topic<u8, Option<u64>> = Topic::new("right");
const OUT: Topic<u8, Option<String>> = Topic::new("out");
const JOINED: Store<u8, String> = Store::new("joined");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Row {
        side: Side,
        key: u8,
        value: Option<u64>,
        time: i64,
    },
    /// The task is opened again where its state is.
    Restart,
    /// And where it is not.
    RestartElsewhere,
}

/// What came so far, in order.
type Past = [(Side, u8, Option<u64>, i64)];

fn steps(keys: u8) -> impl Strategy<Value = Vec<Step>> {
    let side = prop_oneof![Just(Side::Left), Just(Side::Right)];
    let row = (side, 0..keys, prop::option::weighted(0.75, 0_u64..6), 0_i64..50);
    let row = row.prop_map(|(side, key, value, time)| Step::Row { side, key, value, time });
    let step = prop_oneof![12 => row, 1 => Just(Step::Restart), 1 => Just(Step::RestartElsewhere)];
    prop::collection::vec(step, 1..30)
}

/// The ways in which one and the same topology may keep its rows and its time.
#[derive(Clone, Copy, Debug)]
struct Ways {
    inputs_are_stored: bool,
    result_is_stored: bool,
    is_cached: bool,
    time_rule: TimeRule,
    recovery: Recovery,
}

fn ways() -> impl Strategy<Value = Ways> {
    let rule = prop_oneof![Just(TimeRule::Kafka), Just(TimeRule::Watermark)];
    let recovery = prop_oneof![Just(Recovery::Undo), Just(Recovery::Continue)];
    (any::<bool>(), any::<bool>(), any::<bool>(), rule, recovery).prop_map(
        |(inputs_are_stored, result_is_stored, is_cached, time_rule, recovery)| Ways {
            inputs_are_stored,
            result_is_stored,
            is_cached,
            time_rule,
            recovery,
        },
    )
}

impl Ways {
    fn app(self) -> StreamsBuilder {
        let app = StreamsBuilder::new();
        app.cache(if self.is_cached { 1 << 20 } else { 0 });
        app
    }

    fn tables(self, app: &StreamsBuilder) -> (KTable<u8, u64>, KTable<u8, u64>) {
        match self.inputs_are_stored {
            true => (app.table(LEFT, Store::new("left-rows")), app.table(RIGHT, Store::new("right-rows"))),
            false => (app.table_unstored(LEFT), app.table_unstored(RIGHT)),
        }
    }

    fn driver(self, app: &StreamsBuilder, open: &Open<'_>) -> TestDriver {
        let Ways { time_rule, recovery, .. } = self;
        let config = Config { time_rule, recovery, far_future: Duration::MAX, ..Config::new("test") };
        open(app.build().unwrap(), &config)
    }
}

/// Takes the steps; after each row `check` gets the driver and all that came.
fn play(mut driver: TestDriver, steps: &[Step], check: impl Fn(&TestDriver, &Past)) {
    let mut past = Vec::new();
    for step in steps {
        match *step {
            Step::Row { side, key, value, time } => {
                driver.at(time).send(if side == Side::Left { LEFT } else { RIGHT }, key, value);
                past.push((side, key, value, time));
                check(&driver, &past);
            }
            Step::Restart => driver.restart().unwrap(),
            Step::RestartElsewhere => driver.restart_elsewhere().unwrap(),
        }
    }
}

/// The last word about a key.
fn row(past: &Past, side: Side, key: u8) -> Option<(u64, i64)> {
    let last = past.iter().rev().find(|(at, of, ..)| *at == side && *of == key);
    last.and_then(|(.., value, time)| Some(((*value)?, *time)))
}

fn show(left: Option<u64>, right: Option<u64>) -> String {
    let text = |side: Option<u64>| side.map_or("-".to_owned(), |value| value.to_string());
    format!("{}+{}", text(left), text(right))
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Inner,
    Left,
    Outer,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Inner), Just(Kind::Left), Just(Kind::Outer)]
}

/// What a key's result must be, and its time: that of the last word about the key, or of the other side's row if that is later.
fn joined(past: &Past, kind: Kind, ways: Ways, key: u8) -> Option<(String, i64)> {
    let (left, right) = (row(past, Side::Left, key), row(past, Side::Right, key));
    let there = match kind {
        Kind::Inner => left.is_some() && right.is_some(),
        Kind::Left => left.is_some(),
        Kind::Outer => left.is_some() || right.is_some(),
    };
    let (side, time) = last_word(past, ways, key)?;
    let other = if side == Side::Left { right } else { left };
    there.then(|| (show(left.map(|(value, _)| value), right.map(|(value, _)| value)), other.map_or(time, |(_, other)| other.max(time))))
}

/// A cache lets no deletion pass of what was not there.
fn last_word(past: &Past, ways: Ways, key: u8) -> Option<(Side, i64)> {
    let counts = |at: usize| {
        let (side, of, value, _) = past[at];
        of == key && (!ways.is_cached || value.is_some() || row(&past[..at], side, key).is_some())
    };
    (0..past.len()).rev().find(|at| counts(*at)).map(|at| (past[at].0, past[at].3))
}

fn joins_of_tables(engine: Engine) {
    engine.for_all((kinds(), ways(), steps(3)), |(kind, ways, steps), open| {
        let app = ways.app();
        let (left, right) = ways.tables(&app);
        let table = match kind {
            Kind::Inner => left.join(&right, |_, left, right| show(Some(left), Some(right))),
            Kind::Left => left.left_join(&right, |_, left, right| show(Some(left), right)),
            Kind::Outer => left.outer_join(&right, |_, left, right| show(left, right)),
        };
        let table = if ways.result_is_stored { table.stored(JOINED) } else { table };
        table.to(OUT);
        play(ways.driver(&app, open), &steps, |driver, past| {
            for key in 0..3 {
                let expected = joined(past, kind, ways, key);
                assert_eq!(driver.latest(OUT, key), expected.as_ref().map(|(text, _)| text.clone()), "{past:?}");
                if ways.result_is_stored {
                    let found = driver.store(JOINED).entry(&key).unwrap();
                    assert_eq!(found.map(|entry| (entry.value, entry.timestamp)), expected, "{past:?}");
                }
            }
        });
        Ok(())
    });
}

/// The foreign key of a left row is half its value; an odd one names nobody.
fn joins_by_foreign_key(engine: Engine) {
    engine.for_all((any::<bool>(), ways(), steps(4)), |(is_left, ways, steps), open| {
        let app = ways.app();
        let (left, right) = ways.tables(&app);
        let foreign = |value: u64| value.is_multiple_of(2).then_some((value / 2) as u8);
        let table = match is_left {
            false => left.join_by(&right, move |_, value| foreign(*value), |_, left, right| show(Some(left), Some(right))),
            true => left.left_join_by(&right, move |_, value| foreign(*value), |_, left, right| show(Some(left), right)),
        };
        let table = if ways.result_is_stored { table.stored(JOINED) } else { table.named("joined") };
        table.to(OUT);
        play(ways.driver(&app, open), &steps, |driver, past| {
            for key in 0..4 {
                let expected = row(past, Side::Left, key).and_then(|(left, _)| {
                    let right = foreign(left).and_then(|key| row(past, Side::Right, key)).map(|(right, _)| right);
                    (is_left || right.is_some()).then(|| show(Some(left), right))
                });
                assert_eq!(driver.latest(OUT, key), expected, "{past:?}");
                if ways.result_is_stored {
                    assert_eq!(driver.row(JOINED, key), expected, "{past:?}");
                }
            }
        });
        Ok(())
    });
}

/// Rows are grouped by half their value; 5 belongs to no group. Behind a filter, so that old values come by way of a table without a store.
fn aggregations_of_tables(engine: Engine) {
    engine.for_all((ways(), steps(4)), |(ways, steps), open| {
        const COUNTS: Store<u8, u64> = Store::new("counts");
        const SUMS: Store<u8, u64> = Store::new("sums");
        const MEMBERS: Store<u8, Option<String>> = Store::new("members");
        let app = ways.app();
        let (left, _) = ways.tables(&app);
        let group = |value: u64| (value != 5).then_some((value / 2) as u8);
        let grouped = left.filter(|_, value| *value > 0).group_by(move |key, value| (group(value), u64::from(*key) + value));
        let _counts = grouped.count(COUNTS);
        let _sums = grouped.reduce(SUMS, |_, sum, value| sum + value, |_, sum, value| sum - value);
        grouped
            .aggregate(MEMBERS, || None, |_, value, all| *all = with(all.take(), value), |_, value, all| *all = without(all.take(), value))
            .to(OUT);
        let steps: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Row { side: Side::Right, .. })).collect();
        play(ways.driver(&app, open), &steps, |driver, past| {
            let mut groups: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
            for key in 0..4 {
                let Some((value, _)) = row(past, Side::Left, key).filter(|(value, _)| *value > 0) else { continue };
                group(value).into_iter().for_each(|group| groups.entry(group).or_default().push(u64::from(key) + value));
            }
            for group in 0..3 {
                let mut members = groups.remove(&group).unwrap_or_default();
                members.sort_unstable();
                let text = members.iter().fold(None, |all, value| with(all, *value));
                assert_eq!(driver.latest(OUT, group), text, "{past:?}");
                assert_eq!(driver.row(MEMBERS, group), text, "{past:?}");
                assert_eq!(driver.row(COUNTS, group).unwrap_or(0), members.len() as u64, "{past:?}");
                assert_eq!(driver.row(SUMS, group).unwrap_or(0), members.iter().sum::<u64>(), "{past:?}");
            }
        });
        Ok(())
    });
}

on_both_engines! { joins_of_tables joins_by_foreign_key aggregations_of_tables }

/// A sorted list as text; none of nobody.
fn with(all: Option<String>, value: u64) -> Option<String> {
    let mut values: Vec<u64> = all.iter().flat_map(|all| all.split(',')).map(|value| value.parse().unwrap()).collect();
    values.push(value);
    values.sort_unstable();
    listed(&values)
}

fn without(all: Option<String>, value: u64) -> Option<String> {
    let mut values: Vec<u64> = all.iter().flat_map(|all| all.split(',')).map(|value| value.parse().unwrap()).collect();
    let at = values.iter().position(|other| *other == value).expect("what is taken out was put in");
    values.remove(at);
    listed(&values)
}

fn listed(values: &[u64]) -> Option<String> {
    let texts: Vec<String> = values.iter().map(u64::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
