//! Plays the recorded cases of `tests/log-facts`: what a real Kafka did, step by step, against a log of ours.
//!
//! `tests/log-facts/README.md` says where the cases come from and how they are read.

mod case;
mod names;
mod pace;
mod play;
mod report;
mod subject;
#[cfg(test)]
mod tests;
mod value;

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use case::{Case, Manner, Step};
pub use report::Report;
pub use subject::Binding;

use play::Play;
use report::Played;
use subject::Ground;

/// Operations that nothing in Headwater ever asks of a log. A case that does one of them is skipped.
pub const NEVER_ASKED: &[(&str, &str)] = &[
    ("wire_init", "InitProducerId as a single request: producers speak through a client"),
    ("wire_add", "AddPartitionsToTxn as a single request: producers speak through a client"),
    ("wire_send", "Produce as a single request: producers speak through a client"),
    ("wire_offsets", "AddOffsetsToTxn and TxnOffsetCommit as single requests: producers speak through a client"),
    ("wire_end", "EndTxn as a single request: producers speak through a client"),
    ("consumer_heartbeat", "the newer consumer group protocol: groups are anchored by the classic one"),
];

/// Operations that can be asked of a log of our own only. On a cluster a case that does one of them is skipped.
pub const NOT_ON_A_CLUSTER: &[(&str, &str)] = &[
    ("join", "JoinGroup as a single request: members speak through a client"),
    ("heartbeat", "Heartbeat as a single request: members speak through a client"),
];

/// Manners of an operation that can be asked of a log of our own only. On a cluster a case that does one of them is skipped.
pub const NOT_SO_ON_A_CLUSTER: &[Manner] = &[
    (
        "commit_offsets",
        |step| !step.body["member"].is_null(),
        "as a member that is none of our clients: only a client itself commits as one",
    ),
    ("commit_offsets", commits_no_offset, "below 0: librdkafka takes such numbers for words and sends none of them"),
];

/// Cases that show what is not so on a cluster and need not be. They are skipped there.
pub const OTHERWISE_ON_A_CLUSTER: &[(&str, &str)] = &[(
    "reader-committed-one-held",
    "each partition of a reader asks where its group stands by itself, so one that is held delays no other",
)];

/// So many cases run at once where they mostly wait.
const AT_ONCE: usize = 24;

/// On the broker no two steps were done in the same millisecond.
const STEP_TAKES: Duration = Duration::from_millis(1);

/// Plays all cases in these files and folders.
pub fn run(binding: &Binding, paths: &[PathBuf]) -> Result<Report, String> {
    let ground = Ground::of(binding)?;
    let mut report = Report::default();
    let mut cases = VecDeque::new();
    for file in files(paths)? {
        let case = Case::read(&file)?;
        if case.asks_for(NEVER_ASKED) || (ground.is_real() && is_beyond_a_cluster(&case)) {
            report.skipped += 1
        } else {
            cases.push_back(case)
        }
    }
    let (waiting, report) = (Mutex::new(cases), Mutex::new(report));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let again = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..if ground.is_real() { AT_ONCE } else { 1 } {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let played = play(&ground, &case, STEP_TAKES);
                    let case = report.lock().unwrap_or_else(PoisonError::into_inner).add(case, played);
                    again.lock().unwrap_or_else(PoisonError::into_inner).extend(case);
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Alone, so that no other case takes its time.
    for case in again.into_inner().unwrap_or_else(PoisonError::into_inner) {
        report.play_again(case, |case| play(&ground, case, STEP_TAKES));
    }
    report.failed.sort();
    Ok(report)
}

fn is_beyond_a_cluster(case: &Case) -> bool {
    let is_otherwise = OTHERWISE_ON_A_CLUSTER.iter().any(|(name, _)| *name == case.name);
    is_otherwise || case.asks_for(NOT_ON_A_CLUSTER) || case.does(NOT_SO_ON_A_CLUSTER)
}

fn commits_no_offset(step: &Step) -> bool {
    step.list("offsets").iter().any(|place| place["offset"].as_i64().is_some_and(|offset| offset < 0))
}

/// Plays one case, with so much time before each step.
fn play(ground: &Ground, case: &Case, step_takes: Duration) -> Played {
    let mut play = match Play::new(ground, step_takes) {
        Ok(play) => play,
        Err(difference) => return Played { difference, too_slow: None, passed_over: 0 },
    };
    let (mut difference, mut too_slow) = (String::new(), None);
    for (number, step) in case.steps.iter().enumerate() {
        let seen = play.play(step);
        if difference.is_empty() {
            too_slow.clone_from(&play.too_slow);
        }
        match seen {
            Ok(Some(seen)) if seen == step.see || play.stands_at_ends(step, &seen) => {}
            Ok(Some(seen)) => {
                let _ = write!(difference, "\n  step {number} {}\n    recorded {}\n    now      {seen}", step.body, step.see);
            }
            Ok(None) => play.passed_over += 1,
            Err(error) => {
                let _ = write!(difference, "\n  step {number} {}\n    broken: {error}", step.body);
                break;
            }
        }
    }
    Played { difference, too_slow, passed_over: play.passed_over }
}

fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    found.sort();
    Ok(found)
}
