//! `headwater scd2`: the operator behind the dimensions, on files.

use super::CommandError;
use super::progress::Bar;
use crate::dimensions::{Change, Replay};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};

/// Slowly changing dimensions, on files
#[derive(Debug, Subcommand)]
pub(super) enum Scd2 {
    Replay(Box<ReplayFile>),
}

impl Scd2 {
    pub(super) fn run(self) -> Result<(), CommandError> {
        match self {
            Scd2::Replay(replay) => replay.run(),
        }
    }
}

const EXAMPLES: &str = r#"One change a line, in any order; a change that comes twice is one, of several with one key and valid_from the highest offset counts:
  {"key": "p-1", "op": "upsert", "valid_from": 1764446672000, "offset": 7, "columns": {"name": "Rye", "unit_price": "4.50"}}
  {"key": "p-1", "op": "delete", "valid_from": 1764533072000, "offset": 9}

One version a line, sorted by key (its bytes) and effective_date; the end is the first millisecond in which it is valid no longer:
  {"key":"p-1","columns":{"name":"Rye","unit_price":"4.50"},"effective_date":1764446672000,"end_date":1764533072000,"is_current":false}

Examples:
  headwater scd2 replay changes.jsonl --out versions.jsonl
  grep '"p-1"' changes.jsonl | headwater scd2 replay - --out -"#;

/// Make the versions that a file of changes stands for
///
/// Runs the operator of the application `dimensions` in its real task, without a log.
#[derive(Debug, Args)]
#[command(name = "replay", after_long_help = EXAMPLES)]
pub(super) struct ReplayFile {
    /// Changes, JSON lines; `-` for standard input
    #[arg(value_name = "FILE")]
    changes: String,

    /// Versions, JSON lines; `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: String,

    /// Changes from one commit of the task to the next
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    commit_every: u64,
}

impl ReplayFile {
    fn run(self) -> Result<(), CommandError> {
        let mut replay = Replay::new(self.commit_every)?;
        let bar = Bar::of(None, "changes");
        let taken = match &*self.changes {
            "-" => take_all(io::stdin().lock(), "standard input", &mut replay, &bar),
            path => {
                let file = File::open(path).map_err(CommandError::io(format!("reading {path}")))?;
                take_all(BufReader::new(file), path, &mut replay, &bar)
            }
        };
        bar.clear();
        taken?;
        // Only now: a line that cannot be used must not cost the file of an earlier run.
        match &*self.out {
            "-" => match replay.write(&mut BufWriter::new(io::stdout().lock())) {
                // The reader has what it wanted.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written.map_err(CommandError::io("writing to standard output")),
            },
            path => {
                let written = File::create(path).and_then(|file| replay.write(&mut BufWriter::new(file)));
                written.map_err(CommandError::io(format!("writing {path}")))
            }
        }
    }
}

/// Takes every line; one that is empty says nothing.
fn take_all(mut lines: impl BufRead, file: &str, replay: &mut Replay, bar: &Bar) -> Result<(), CommandError> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(CommandError::io(format!("reading {file}")))? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let bad = |reason: String| CommandError::BadLine { file: file.to_owned(), line: number, reason };
        let (change, offset) = Change::parse_with_offset(&line).map_err(|invalid| bad(invalid.to_string()))?;
        replay.take(change, offset).map_err(|error| bad(error.to_string()))?;
        bar.set(number);
    }
    Ok(())
}
