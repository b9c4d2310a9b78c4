//! `headwater fraud`: how good the alerts of the application `fraud` are.

use super::CommandError;
use super::answer::answer;
use super::data::DataDirectory;
use super::generator_options::{share, step};
use super::log::open_writer;
use super::names::Input;
use super::shutdown::Shutdown;
use crate::feed::{Feed, Watch};
use crate::fraud::{self, AlertJson, Evaluation, FRAUD_ALERTS, Label, Measure, Seen};
use crate::generator::Settings;
use crate::sales_stream::{FRAUD_LABELS, SALES_STREAM, Transaction};
use clap::{Args, Subcommand};
use headwater_state::{Disk, MemoryBudget, MemoryDisk};
use headwater_streams::format::Format;
use headwater_streams::log::{FetchLimit, Isolation, Log, OffsetQuery, ReaderConfig, StartAt, TopicPartition};
use headwater_streams::record::Timestamp;
use headwater_streams::runtime::{App, Config};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Saturday, 29 November 2025, 20:00: as other generators begin.
const START: Timestamp = 1_764_446_400_000;
/// Longer than any number of records takes that fits a disk.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
const POLL: Duration = Duration::from_millis(100);

/// Look at the application `fraud` from outside
#[derive(Debug, Subcommand)]
pub(super) enum Fraud {
    Evaluate(Evaluate),
}

const EXAMPLES: &str = "\
Makes up sales, runs the application over them as `headwater run fraud` does, on a log in a temporary directory, and reads the labels
after the last alert. A mistaken alert is charged to the kind that its detectors claim. Beside it stands the rule `an alert from this
total on` with the best threshold for these very sales. The exit code is 1 where precision or recall over all is below 0.7, or F1
below 1.5 times that of the rule.

Examples:
  headwater fraud evaluate --seed 7 --count 200000
  headwater fraud evaluate --seed 7 --late 0.01 --bad 0.01 --json";

/// Measure precision and recall on made-up sales whose frauds are known
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Evaluate {
    /// Another seed, other sales
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many sales there are
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    count: u64,

    /// Event time from one sale to the next
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = step)]
    step: Duration,

    /// Share of late sales, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    late: f64,

    /// Share of malformed sales, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    bad: f64,

    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

impl Fraud {
    pub(super) fn run(self) -> Result<(), CommandError> {
        match self {
            Fraud::Evaluate(evaluate) => evaluate.run(),
        }
    }
}

impl Evaluate {
    fn run(self) -> Result<(), CommandError> {
        let folder = Folder::make()?;
        let log = open_writer(&DataDirectory { root: folder.0.clone() }, &MemoryBudget::from_cgroup())?;
        self.fill(&log)?;
        run_app(&log)?;
        let evaluation = measure(&*log)?;
        answer(if self.json { self.as_json(&evaluation).to_string() } else { self.as_text(&evaluation) });
        match evaluation.shortfalls() {
            none if none.is_empty() => Ok(()),
            shortfalls => Err(CommandError::BelowMark(shortfalls.join("; "))),
        }
    }

    fn settings(&self) -> Settings {
        Settings { seed: self.seed, start: START, step: self.step, late: self.late, bad: self.bad }
    }

    fn fill(&self, log: &Arc<dyn Log>) -> Result<(), CommandError> {
        let (settings, input) = (self.settings(), Input::SalesStream);
        let feed = Feed { generator: &*input.generator(settings), settings, count: Some(self.count), rate: 0 };
        feed.run(&mut input.open(log, settings, None)?, &Undisturbed(Shutdown::default()))?;
        Ok(())
    }

    fn as_json(&self, evaluation: &Evaluation) -> Value {
        let kinds = evaluation.kinds.iter().map(|(kind, measure)| (kind.name().to_owned(), figures(measure)));
        let mut amount_only = figures(&evaluation.amount_only.measure);
        amount_only["threshold"] = evaluation.amount_only.threshold.to_string().into();
        json!({
            "seed": self.seed,
            "count": self.count,
            "sales": evaluation.sales,
            "model": fraud::MODEL,
            "all": figures(&evaluation.all),
            "kinds": kinds.collect::<serde_json::Map<_, _>>(),
            "amount_only": amount_only,
            "shortfalls": evaluation.shortfalls(),
        })
    }

    fn as_text(&self, evaluation: &Evaluation) -> String {
        let Evaluation { sales, all, kinds, amount_only } = evaluation;
        let mut lines = vec![
            format!("seed {}: {sales} sales, {} of them fraud; model {}", self.seed, all.found + all.missed, fraud::MODEL),
            format!("{:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "precision", "recall", "F1", "found", "missed", "mistaken"),
        ];
        lines.push(line("all", all));
        lines.extend(kinds.iter().map(|(kind, measure)| line(&format!("  {kind}"), measure)));
        lines.push(format!(
            "{}   from {} on, the best threshold there is",
            line("amount only", &amount_only.measure),
            amount_only.threshold
        ));
        lines.join("\n")
    }
}

fn line(name: &str, measure: &Measure) -> String {
    let Measure { found, missed, mistaken } = measure;
    format!("{name:<12} {:>9.3} {:>9.3} {:>9.3} {found:>9} {missed:>9} {mistaken:>9}", measure.precision(), measure.recall(), measure.f1())
}

fn figures(measure: &Measure) -> Value {
    json!({
        "precision": measure.precision(),
        "recall": measure.recall(),
        "f1": measure.f1(),
        "found": measure.found,
        "missed": measure.missed,
        "mistaken": measure.mistaken,
    })
}

/// Runs the application until it has read all that is there.
fn run_app(log: &Arc<dyn Log>) -> Result<(), CommandError> {
    let running = App::new(fraud::topology().build()?, Config::new(fraud::NAME)).start(log.clone(), Disk::Memory(MemoryDisk::new()))?;
    let drained = running.drain(PATIENCE);
    running.stop()?;
    if drained { Ok(()) } else { Err(CommandError::Broken("the application did not read all of its input".into())) }
}

/// Sales and alerts first; the labels come in when nothing can be changed any more.
fn measure(log: &dyn Log) -> Result<Evaluation, CommandError> {
    let mut seen = Seen::default();
    read_values(log, SALES_STREAM.name(), |value| {
        // What breaks a rule has become a dead letter, and no fraud is hidden in it.
        if let Ok(transaction) = Transaction::parse(value) {
            seen.sale(&transaction);
        }
        Ok(())
    })?;
    let unreadable = |error| CommandError::Broken(format!("a record that was just written cannot be read: {error}"));
    read_values(log, FRAUD_ALERTS.name(), |value| {
        seen.alert(&AlertJson.decode(value).map_err(unreadable)?);
        Ok(())
    })?;
    let mut labels = Vec::new();
    read_values(log, FRAUD_LABELS, |value| {
        labels.push(Label::parse(value).map_err(unreadable)?);
        Ok(())
    })?;
    Ok(seen.against(&labels))
}

/// Hands over every committed value of a topic.
fn read_values(log: &dyn Log, topic: &str, mut take: impl FnMut(&[u8]) -> Result<(), CommandError>) -> Result<(), CommandError> {
    let partitions = log.admin().describe_topic(topic)?.map_or(0, |topic| topic.partitions);
    for partition in 0..partitions {
        let at = TopicPartition::new(topic, partition);
        let end = log.admin().list_offset(&at, OffsetQuery::Latest, Isolation::Committed)?.map_or(0, |end| end.offset);
        let mut reader = log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() })?;
        reader.assign(&at, StartAt::Earliest);
        let (mut next, mut fetched) = (0, Vec::new());
        while next < end {
            reader.poll(FetchLimit::default(), POLL, &mut fetched)?;
            for part in fetched.drain(..) {
                if let Some(error) = part.error {
                    return Err(error.into());
                }
                part.records.iter().filter_map(|record| record.value).try_for_each(&mut take)?;
                next = part.next;
                reader.recycle(part.records);
            }
        }
    }
    Ok(())
}

/// Signals end the process as they always do, so nobody ever asks for the end.
struct Undisturbed(Shutdown);

impl Watch for Undisturbed {
    fn stops_within(&self, wait: Duration) -> bool {
        self.0.within(wait)
    }

    fn reached(&self, _: u64) {}
}

/// A directory of this process that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, CommandError> {
        let path = std::env::temp_dir().join(format!("headwater-evaluate-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(CommandError::io(format!("making {}", path.display())))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is only in the way, and lies where such things are cleared away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
