//! What was expected beside what was seen.

use super::case::{Answer, Case, Contents, Expected, Output};
use super::play::Seen;
use super::restart::{Restart, Strictness};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub at: String,
    /// What the case says.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl Difference {
    fn new(at: impl Into<String>, expected: impl fmt::Debug, seen: impl fmt::Debug) -> Self {
        Difference { at: at.into(), expected: format!("{expected:?}"), seen: format!("{seen:?}") }
    }

    /// The case could not be played.
    pub fn of_case(why: impl Into<String>) -> Self {
        Difference { at: "the case".into(), expected: String::new(), seen: why.into() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { at, expected, seen } = self;
        if expected.is_empty() { write!(f, "{at}: {seen}") } else { write!(f, "{at}\n    expected {expected}\n    seen     {seen}") }
    }
}

/// Everything in which what was seen differs from what the case expects.
pub fn compare(case: &Case, seen: &Seen, restart: &Restart) -> Vec<Difference> {
    let (expect, strictness) = (&case.expect, restart.strictness(case));
    let mut found = Vec::new();
    if expect.error != seen.error {
        found.push(Difference::new("error", &expect.error, &seen.error));
    }
    if strictness == Strictness::Failure {
        return found;
    }
    compare_outputs(expect, seen, &mut found);
    compare_answers(case, seen, &mut found);
    if expect.error.is_none() && seen.error.is_none() {
        compare_stores(expect, seen, &mut found);
        if strictness == Strictness::Whole && expect.dropped != seen.dropped {
            found.push(Difference::new("dropped", expect.dropped, seen.dropped));
        }
    }
    found
}

/// By step and topic, in which the order counts.
fn compare_outputs(expect: &Expected, seen: &Seen, found: &mut Vec<Difference>) {
    let (expected, seen) = (by_step_and_topic(&expect.outputs), by_step_and_topic(&seen.outputs));
    let nothing = Vec::new();
    let mut places: Vec<_> = expected.keys().chain(seen.keys()).collect();
    places.sort();
    places.dedup();
    for place in places {
        let (expected, seen) = (expected.get(place).unwrap_or(&nothing), seen.get(place).unwrap_or(&nothing));
        if expected != seen {
            let at = format!("step {}, topic {}", place.0, place.1);
            found.push(Difference { at, expected: show(expected), seen: show(seen) });
        }
    }
}

fn by_step_and_topic(outputs: &[Output]) -> BTreeMap<(usize, &str), Vec<&Output>> {
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    outputs.iter().for_each(|output| places.entry((output.step, output.record.topic.as_str())).or_default().push(output));
    places
}

/// Records as one would write them down: key=value@time.
pub(super) fn show(outputs: &[&Output]) -> String {
    let record = |output: &&Output| {
        let headers = if output.record.headers.is_empty() { String::new() } else { format!(" {:?}", output.record.headers) };
        format!("{}{headers}", output.record)
    };
    if outputs.is_empty() { "nothing".into() } else { outputs.iter().map(record).collect::<Vec<_>>().join("  ") }
}

fn compare_answers(case: &Case, seen: &Seen, found: &mut Vec<Difference>) {
    let failed_at = case.expect.error.as_ref().and_then(|error| error.step).unwrap_or(usize::MAX);
    for expected in &case.expect.queries {
        let answer = seen.queries.iter().find(|answer| answer.step == expected.step);
        if !answer.is_some_and(|answer| is_same_answer(case, expected, answer)) {
            let answer = answer.map_or("nothing".to_owned(), |answer| answer.result.to_string());
            found.push(Difference { at: format!("query at step {}", expected.step), expected: expected.result.to_string(), seen: answer });
        }
    }
    let unexpected = |answer: &&Answer| answer.step < failed_at && !case.expect.queries.iter().any(|known| known.step == answer.step);
    found.extend(
        seen.queries
            .iter()
            .filter(unexpected)
            .map(|answer| Difference::new(format!("query at step {}", answer.step), "nothing", &answer.result)),
    );
}

/// The order counts, but not that of different keys where several keys of windows or sessions are read: no engine promises it.
fn is_same_answer(case: &Case, expected: &Answer, seen: &Answer) -> bool {
    let Some(super::case::Step::Query { query }) = case.input.get(expected.step) else { return false };
    let has_windows = |entries: &Json| entries.as_array().is_some_and(|entries| entries.iter().any(|entry| entry["key"].is_object()));
    let any_order = match query.kind.as_str() {
        "fetch_range" | "fetch_all" | "backward_fetch_all" | "backward_fetch_range" => true,
        "all" => has_windows(&expected.result) || has_windows(&seen.result),
        _ => false,
    };
    if any_order { by_key(&expected.result) == by_key(&seen.result) } else { expected.result == seen.result }
}

fn by_key(entries: &Json) -> BTreeMap<String, Vec<&Json>> {
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries.as_array().into_iter().flatten() {
        keys.entry(entry["key"]["key"].to_string()).or_default().push(entry);
    }
    keys
}

pub(super) fn compare_stores(expect: &Expected, seen: &Seen, found: &mut Vec<Difference>) {
    for (name, expected) in &expect.stores {
        let Some(held) = seen.stores.get(name) else {
            found.push(Difference::new(format!("store {name}"), &expected.kind, "no such store"));
            continue;
        };
        if expected.kind != held.kind {
            found.push(Difference::new(format!("kind of store {name}"), &expected.kind, &held.kind));
        }
        // A versioned store is not listed.
        if expected.kind != "versioned" && as_set(expected) != as_set(held) {
            let show = |contents: &Contents| as_set(contents).join("  ");
            found.push(Difference { at: format!("store {name}"), expected: show(expected), seen: show(held) });
        }
    }
}

fn as_set(contents: &Contents) -> Vec<String> {
    let mut entries: Vec<_> = contents.entries.iter().map(Json::to_string).collect();
    entries.sort();
    entries
}
