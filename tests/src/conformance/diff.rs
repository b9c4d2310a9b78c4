//! A case told step by step: what was done, what was expected, what was seen.

use super::case::{Case, Step};
use super::compare::{compare, show};
use super::play::{Seen, play};
use super::restart::Restart;
use std::fmt::Write;

/// The case as a text; each step that is not as expected is marked.
pub fn diff(case: &Case, restart: &Restart) -> String {
    let mut text = format!("{}\n", case.name);
    let seen = match play(case, restart) {
        Ok(seen) => seen,
        Err(broken) => return text + &format!("cannot be played: {broken}\n"),
    };
    let places = restart.places(case);
    for (step, what) in case.input.iter().enumerate() {
        if places.contains(&step) {
            text.push_str("-- restart\n");
        }
        let _ = writeln!(text, "{step:3} {}", told(what));
        tell_step(&mut text, case, &seen, step);
    }
    for difference in compare(case, &seen, restart).into_iter().filter(|difference| !difference.at.starts_with("step ")) {
        let _ = writeln!(text, "{difference}");
    }
    text
}

fn tell_step(text: &mut String, case: &Case, seen: &Seen, step: usize) {
    let of_step = |outputs: &[super::case::Output]| -> Vec<super::case::Output> {
        let mut of_step: Vec<_> = outputs.iter().filter(|output| output.step == step).cloned().collect();
        of_step.sort_by(|a, b| a.record.topic.cmp(&b.record.topic));
        of_step
    };
    let (expected, seen) = (of_step(&case.expect.outputs), of_step(&seen.outputs));
    let listed = |outputs: &[super::case::Output]| {
        let line = |output: &super::case::Output| format!("{} {}", output.record.topic, show(&[output]));
        outputs.iter().map(line).collect::<Vec<_>>().join("\n              ")
    };
    if expected == seen {
        if !seen.is_empty() {
            let _ = writeln!(text, "     both     {}", listed(&seen));
        }
    } else {
        let _ = writeln!(text, "  ** expected {}\n     seen     {}", listed(&expected), listed(&seen));
    }
}

fn told(step: &Step) -> String {
    match step {
        Step::Advance { advance_wall_clock_ms } => format!("wall clock +{advance_wall_clock_ms}"),
        Step::Commit { .. } => "commit".to_owned(),
        Step::Query { query } => format!("query {} {} {}", query.store, query.kind, query.key.to_json()),
        Step::Record(input) => {
            let bad = input.bad.as_ref().map_or(String::new(), |part| format!(" with bad {part}"));
            format!("{} {}{bad}", input.record.topic, input.record)
        }
    }
}
