//! Plays the recorded cases of `tests/conformance`: what Kafka Streams did, record by record, against the public DSL and the real task.

pub mod build;
pub mod case;
mod compare;
mod diff;
pub mod functions;
pub mod internal;
mod play;
mod queries;
mod restart;
pub mod value;

pub use case::{Case, StorePlace};
pub use compare::{Difference, compare};
pub use diff::diff;
pub use play::{Seen, play};
pub use restart::Restart;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What came of playing some cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that conform.
    pub passed: usize,
    /// Names of cases that do not, with what differed.
    pub failed: Vec<(String, Vec<Difference>)>,
    /// Cases in which Kafka fails in a way that nobody wants.
    pub skipped: usize,
}

impl Report {
    /// The last line of a run.
    pub fn summary(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped)
    }
}

/// Plays all cases in these files and folders, on all cores.
pub fn run(paths: &[PathBuf], restart: &Restart, stores: StorePlace) -> Result<Report, String> {
    let waiting = Mutex::new(VecDeque::from(files(paths)?));
    let report = Mutex::new(Report::default());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = next() {
                    let (name, verdict) = judge_file(&file, restart, stores);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    match verdict {
                        Verdict::Passed => report.passed += 1,
                        Verdict::Skipped => report.skipped += 1,
                        Verdict::Failed(differences) => report.failed.push((name, differences)),
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.failed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(report)
}

/// What became of one case.
#[derive(Debug)]
pub enum Verdict {
    /// It conforms.
    Passed,
    /// It was not played.
    Skipped,
    /// It does not conform.
    Failed(Vec<Difference>),
}

fn judge_file(file: &Path, restart: &Restart, stores: StorePlace) -> (String, Verdict) {
    match Case::read(file) {
        Ok(case) => (case.name.clone(), judge(&case.with_stores(stores), restart)),
        Err(error) => (file.display().to_string(), Verdict::Failed(vec![Difference::of_case(error)])),
    }
}

/// Plays one case. A panic in it is its failure, and nobody else's.
pub fn judge(case: &Case, restart: &Restart) -> Verdict {
    if case.is_kafka_bug() {
        return Verdict::Skipped;
    }
    let differences = match catch_unwind(AssertUnwindSafe(|| play(case, restart))) {
        Ok(Ok(seen)) => compare(case, &seen, restart),
        Ok(Err(broken)) => vec![Difference::of_case(broken)],
        Err(panic) => vec![Difference::of_case(format!("panic: {}", text_of(&*panic)))],
    };
    if differences.is_empty() { Verdict::Passed } else { Verdict::Failed(differences) }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "without a word".to_owned())
}

/// All case files in these files and folders, folders within them included.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => found.extend(files(&folder(path)?)?),
            false => found.push(path.clone()),
        }
    }
    Ok(found)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_case = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|end| end == "json");
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_case).collect();
    found.sort();
    Ok(found)
}
