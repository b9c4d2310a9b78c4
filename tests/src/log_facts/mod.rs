//! Plays the recorded cases of `tests/log-facts`: what a real Kafka did, step by step, against a log of ours.
//!
//! `tests/log-facts/README.md` says where the cases come from and how they are read.

mod case;
mod play;
mod subject;
mod value;

use std::fmt::Write;
use std::path::{Path, PathBuf};

pub use case::{Case, Step};
pub use subject::Binding;

use play::Play;

/// Operations that nothing in Headwater ever asks of a log. A case that does one of them is skipped.
pub const NEVER_ASKED: &[(&str, &str)] = &[
    ("wire_init", "InitProducerId as a single request: producers speak through a client"),
    ("wire_add", "AddPartitionsToTxn as a single request: producers speak through a client"),
    ("wire_send", "Produce as a single request: producers speak through a client"),
    ("wire_offsets", "AddOffsetsToTxn and TxnOffsetCommit as single requests: producers speak through a client"),
    ("wire_end", "EndTxn as a single request: producers speak through a client"),
    ("consumer_heartbeat", "the newer consumer group protocol: groups are anchored by the classic one"),
];

/// What came of playing some cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that conform.
    pub passed: usize,
    /// Names of cases that do not, with what differed.
    pub failed: Vec<(String, String)>,
    /// Cases that were not played.
    pub skipped: usize,
    /// Steps of played cases that only look, where the binding has no such look.
    pub passed_over: usize,
}

impl Report {
    /// The last line of a run.
    pub fn summary(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped)
    }
}

/// Plays all cases in these files and folders.
pub fn run(binding: Binding, paths: &[PathBuf]) -> Result<Report, String> {
    let mut report = Report::default();
    for file in files(paths)? {
        let case = Case::read(&file)?;
        if case.asks_for(NEVER_ASKED) {
            report.skipped += 1;
            continue;
        }
        let (difference, passed_over) = play(binding, &case);
        report.passed_over += passed_over;
        match difference {
            None => report.passed += 1,
            Some(difference) => report.failed.push((case.name, difference)),
        }
    }
    Ok(report)
}

/// Plays one case; says what was different, and how many steps were passed over.
fn play(binding: Binding, case: &Case) -> (Option<String>, usize) {
    let mut play = match Play::new(binding, case) {
        Ok(play) => play,
        Err(error) => return (Some(error), 0),
    };
    let mut difference = String::new();
    for (number, step) in case.steps.iter().enumerate() {
        match play.step(step) {
            Ok(Some(seen)) if seen == step.see => {}
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
    (Some(difference).filter(|difference| !difference.is_empty()), play.passed_over)
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
