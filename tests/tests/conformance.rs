//! What Kafka Streams did, we do: all recorded cases, from end to end and interrupted. And the runner notices when we do not.

use headwater_tests::conformance::case::{Answer, Case, Contents, Failed};
use headwater_tests::conformance::value::Value;
use headwater_tests::conformance::{self, Restart, StorePlace, Verdict, compare, judge};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn cases() -> Vec<Case> {
    let files = conformance::files(&[folder().join("cases"), folder().join("random")]).expect("the cases can be listed");
    files.iter().map(|file| Case::read(file).expect("a case can be read")).collect()
}

fn known_failures() -> BTreeSet<String> {
    let text = std::fs::read_to_string(folder().join("known-failures.txt")).expect("the list can be read");
    text.lines().map(str::to_owned).collect()
}

/// A list that is too long is no better than one that is too short.
#[test]
fn all_cases_conform_but_those_that_are_known() {
    let report = conformance::run(&[folder().join("cases"), folder().join("random")], &Restart::Never, StorePlace::OnDisk)
        .expect("the cases can be read");
    let failed: BTreeSet<_> = report.failed.iter().map(|(name, _)| name.clone()).collect();
    let known = known_failures();
    let (new, mended): (Vec<_>, Vec<_>) = (failed.difference(&known).collect(), known.difference(&failed).collect());
    assert!(new.is_empty() && mended.is_empty(), "fail though not in known-failures.txt: {new:#?}\nin it though they pass: {mended:#?}");
    assert_eq!(report.passed + report.failed.len() + report.skipped, 856);
}

fn conforms_over(restart: Restart, stores: StorePlace) {
    let known = known_failures();
    let report = conformance::run(&[folder().join("cases"), folder().join("random")], &restart, stores).expect("the cases can be read");
    let failed: Vec<_> = report.failed.into_iter().filter(|(name, _)| !known.contains(name)).collect();
    assert!(failed.is_empty(), "{restart:?}, stores {stores:?}: {failed:#?}");
}

#[test]
fn cases_survive_the_end_of_a_process() {
    conforms_over(Restart::Kept { seed: 1 }, StorePlace::OnDisk);
}

#[test]
fn cases_survive_the_loss_of_a_machine() {
    conforms_over(Restart::Wiped { seed: 1 }, StorePlace::OnDisk);
}

#[test]
fn cases_are_the_same_with_stores_in_memory() {
    conforms_over(Restart::Never, StorePlace::InMemory);
}

#[test]
fn stores_in_memory_survive_the_end_of_a_process() {
    conforms_over(Restart::Kept { seed: 1 }, StorePlace::InMemory);
}

/// Breaks an expectation, if it has what is to be broken.
type Damage = fn(&mut Case) -> Option<()>;

const DAMAGES: &[(&str, Damage)] = &[
    ("a value", |case| case.expect.outputs.last_mut().map(|output| output.record.value = Value::text("damaged"))),
    ("a key", |case| case.expect.outputs.first_mut().map(|output| output.record.key = Value::text("damaged"))),
    ("a time", |case| case.expect.outputs.last_mut().map(|output| output.record.ts += 1)),
    ("a header", |case| case.expect.outputs.last_mut().map(|output| output.record.headers.push(("damaged".into(), None)))),
    ("a topic", |case| case.expect.outputs.last_mut().map(|output| output.record.topic.push('x'))),
    ("a step", |case| case.expect.outputs.last_mut().map(|output| output.step += 1)),
    ("the order", |case| {
        let outputs = &mut case.expect.outputs;
        let beside = |at: &usize| (outputs[*at].step, &outputs[*at].record.topic) == (outputs[at + 1].step, &outputs[at + 1].record.topic);
        let differ = |at: &usize| outputs[*at] != outputs[at + 1];
        let at = (0..outputs.len().saturating_sub(1)).find(|at| beside(at) && differ(at))?;
        outputs.swap(at, at + 1);
        Some(())
    }),
    ("a record too few", |case| {
        let mut output = case.expect.outputs.first()?.clone();
        output.record.value = Value::text("never seen");
        case.expect.outputs.push(output);
        Some(())
    }),
    ("a record too many", |case| case.expect.outputs.pop().map(drop)),
    ("an answer", |case| case.expect.queries.first_mut().map(|answer| answer.result = json!("damaged"))),
    ("an answer too few", |case| {
        let step = case.input.len();
        case.expect.queries.push(Answer { step, result: json!(null) });
        Some(())
    }),
    ("an answer too many", |case| case.expect.queries.pop().map(drop)),
    ("an entry of a store", |case| {
        let entry = listed(case)?.entries.first_mut()?;
        entry["value"] = json!("damaged");
        Some(())
    }),
    ("a store with more", |case| listed(case)?.entries.pop().map(drop)),
    ("a store with less", |case| {
        listed(case)?.entries.push(json!({"key": "never seen", "value": 1}));
        Some(())
    }),
    ("the kind of a store", |case| case.expect.stores.values_mut().next().map(|store| store.kind.push('x'))),
    ("a store that is not there", |case| {
        let held = Contents { kind: "kv".into(), entries: Vec::new() };
        let is_whole = case.expect.error.is_none();
        is_whole.then(|| drop(case.expect.stores.insert("never made".into(), held)))
    }),
    ("the number of dropped", |case| case.expect.dropped.as_mut().map(|dropped| *dropped += 1)),
    ("the kind of an error", |case| case.expect.error.as_mut().map(|error| error.kind.push('x'))),
    ("the phase of an error", |case| case.expect.error.as_mut().map(|error| error.phase.push('x'))),
    ("the step of an error", |case| case.expect.error.as_mut()?.step.as_mut().map(|step| *step += 1)),
    ("an error that is not seen", |case| {
        let error = Failed { phase: "run".into(), step: Some(0), kind: "processing".into(), detail: None };
        case.expect.error.is_none().then(|| case.expect.error = Some(error))
    }),
    ("an error that is not expected", |case| case.expect.error.take().map(drop)),
];

/// A store whose entries a case lists.
fn listed(case: &mut Case) -> Option<&mut Contents> {
    case.expect.stores.values_mut().find(|store| !store.entries.is_empty())
}

/// With what was recorded in the place of what is seen, so that each damage meets cases that have what it breaks.
#[test]
fn each_damage_to_an_expectation_is_a_difference() {
    let cases = cases();
    for (what, damage) in DAMAGES {
        let mut met = 0;
        for case in &cases {
            assert_eq!(compare(case, &case.expect, &Restart::Never), [], "{}", case.name);
            let mut damaged = case.clone();
            if damage(&mut damaged).is_some() {
                met += 1;
                assert_ne!(compare(&damaged, &case.expect, &Restart::Never), [], "{}: {what}", case.name);
            }
        }
        assert!(met > 0, "no case has {what}");
    }
}

/// From end to end: the case is played, and the verdict is failure.
#[test]
fn a_damaged_case_fails() {
    let known = known_failures();
    let cases: Vec<_> = cases().into_iter().filter(|case| !case.is_kafka_bug() && !known.contains(&case.name)).collect();
    for (what, damage) in DAMAGES {
        let damaged = cases.iter().filter_map(|case| {
            let mut damaged = case.clone();
            damage(&mut damaged).map(|()| damaged)
        });
        for case in damaged.take(3) {
            assert!(matches!(judge(&case, &Restart::Never), Verdict::Failed(_)), "{}: {what}", case.name);
        }
    }
}

#[test]
fn a_case_with_two_inputs_is_interrupted() {
    for case in cases().iter().filter(|case| case.input.len() > 1) {
        for seed in 0..20 {
            let (kept, wiped) = (Restart::Kept { seed }.places(case), Restart::Wiped { seed }.places(case));
            assert!(!kept.is_empty() && kept == wiped, "{}", case.name);
            assert!(kept.iter().all(|place| (1..case.input.len()).contains(place)), "{}", case.name);
        }
    }
}
