//! A play that is too slow for its case is no evidence, and any other is.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::pace::Pace;
use super::report::Report;
use super::subject::Ground;
use super::{Case, STEP_TAKES, Step, play};

/// The case sends twice in a transaction that times out after 1 s, two steps apart.
const TOO_LONG: Duration = Duration::from_secs(2);
const NONE: [usize; 0] = [];

fn case() -> Case {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("log-facts/cases/txn-timeout-two-partitions.json");
    Case::read(&file).expect("the case can be read")
}

/// A case whose step says that it saw what cannot be.
fn wrong_at(step: usize) -> Case {
    let mut case = case();
    case.steps[step].see = json!({"offset": 4711});
    case
}

fn first_play(case: Case, step_takes: Duration) -> (Report, Option<Case>) {
    let mut report = Report::default();
    let played = play(&Ground::Simulated, &case, step_takes);
    let again = report.add(case, played);
    (report, again)
}

#[test]
fn a_play_that_is_too_slow_for_its_case_is_played_again() {
    let (mut report, again) = first_play(case(), TOO_LONG);
    report.play_again(again.expect("it was too slow"), |case| play(&Ground::Simulated, case, STEP_TAKES));
    assert_eq!((report.passed, report.failed.len(), report.too_slow), (1, 0, 1));
}

#[test]
fn a_case_that_no_play_keeps_up_with_fails() {
    let (mut report, again) = first_play(case(), TOO_LONG);
    report.play_again(again.expect("it was too slow"), |case| play(&Ground::Simulated, case, TOO_LONG));
    assert_eq!((report.passed, report.failed.len(), report.too_slow), (0, 1, 10));
    assert!(report.failed[0].1.contains("none of 10 plays was in time: Transaction(\"x\") lasts 1s"), "{}", report.failed[0].1);
}

#[test]
fn a_play_in_time_that_differs_fails_at_once() {
    for step in 0..case().steps.len() {
        let (report, again) = first_play(wrong_at(step), STEP_TAKES);
        assert_eq!((report.passed, report.failed.len(), report.too_slow, again.is_none()), (0, 1, 0, true), "step {step}");
    }
}

#[test]
fn a_play_that_differs_before_it_is_too_slow_fails_at_once() {
    let (report, again) = first_play(wrong_at(4), TOO_LONG);
    assert_eq!((report.failed.len(), report.too_slow, again.is_none()), (1, 0, true));
}

#[test]
fn a_play_in_time_that_was_wrong_is_not_excused_by_a_slow_one_before() {
    let (mut report, again) = first_play(wrong_at(16), TOO_LONG);
    report.play_again(again.expect("it was too slow"), |case| play(&Ground::Simulated, case, STEP_TAKES));
    assert_eq!((report.passed, report.failed.len(), report.too_slow), (0, 1, 1));
    assert!(report.failed[0].1.contains("step 16"), "{}", report.failed[0].1);
}

/// Does these steps on a cluster, each this long after the one before; says which were too late.
fn late(steps: &[(u64, Value)]) -> Vec<usize> {
    let (mut pace, mut now) = (Pace::new(true), Duration::ZERO);
    let mut late = |(number, (after_us, step)): (usize, &(u64, Value))| {
        now += Duration::from_micros(*after_us);
        pace.did(&Step::new(step), now, now).map(|_| number)
    };
    steps.iter().enumerate().filter_map(&mut late).collect()
}

#[test]
fn only_what_the_case_does_not_wait_for_itself_can_run_out_too_early() {
    let timeout = |waits: Value, after_us| {
        late(&[
            (0, json!({"op": "producer", "producer": "x", "transactional_id": "i", "timeout_ms": 1000})),
            (0, json!({"op": "begin", "producer": "x"})),
            (0, waits),
            (after_us, json!({"op": "ends", "topic": "t"})),
            (0, json!({"op": "abort", "producer": "x"})),
            (5_000_000, json!({"op": "ends", "topic": "t"})),
        ])
    };
    assert_eq!(timeout(json!({"op": "wait", "ms": 100}), 999_999), NONE);
    assert_eq!(timeout(json!({"op": "wait", "ms": 100}), 1_000_000), [3, 4], "until the abort");
    assert_eq!(timeout(json!({"op": "wait", "ms": 1000}), 1_000_000), NONE, "it was to run out");
    assert_eq!(timeout(json!({"op": "until", "step": {"op": "ends"}}), 1_000_000), NONE, "it was to run out");
}

#[test]
fn a_queue_is_thrown_away_unseen_only_at_once() {
    let abort = |between: Value, after_us| {
        late(&[
            (0, json!({"op": "producer", "producer": "x", "transactional_id": "i", "configs": {"linger.ms": 20}})),
            (0, json!({"op": "begin", "producer": "x"})),
            (0, json!({"op": "enqueue", "producer": "x", "topic": "t"})),
            (0, between),
            (after_us, json!({"op": "abort", "producer": "x"})),
        ])
    };
    let send = |op: &str| json!({"op": op, "producer": "x", "topic": "t"});
    assert_eq!(abort(send("enqueue"), 999), NONE);
    assert_eq!(abort(send("enqueue"), 1000), [4]);
    assert_eq!(abort(send("flush"), 1000), NONE, "it was sent");
}

#[test]
fn records_have_to_outlast_the_steps_before_retention_is_waited_for() {
    let looked_after = |retention: &str, after_us| {
        late(&[
            (0, json!({"op": "create_topic", "topic": "t", "configs": {"retention.ms": retention}})),
            (0, json!({"op": "send", "producer": "p", "topic": "t"})),
            (after_us, json!({"op": "ends", "topic": "t"})),
            (0, json!({"op": "until", "step": {"op": "ends"}})),
            (9_000_000, json!({"op": "ends", "topic": "t"})),
        ])
    };
    assert_eq!(looked_after("1500", 1_499_999), NONE);
    assert_eq!(looked_after("1500", 1_500_000), [2]);
    assert_eq!(looked_after("-1", 1_500_000), NONE);
}
