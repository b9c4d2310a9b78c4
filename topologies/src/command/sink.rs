//! `headwater sink`: the progress of sinks, for the cases in which a person must decide.

use super::CommandError;
use super::answer::answer;
use super::warehouse::WarehouseOptions;
use clap::{Args, Subcommand};
use headwater_connectors::sqlite::SinkProgress;

const EXAMPLES: &str = "\
A sink keeps its progress beside its rows. When the two no longer fit the log (the topic was made anew, or its records were
deleted before the sink had read them), it refuses to start and names this command. After a reset the sink reads its topic from
the first record there is: rows that come again are the same rows, rows whose records are gone stay as they are.
An application that runs meanwhile lets go of the sink and takes it up again some 10 s later.

Example:
  headwater sink reset category-sales category-sales";

/// Show or reset the progress of sinks
#[derive(Debug, Subcommand)]
pub(super) enum Sink {
    List(List),
    Reset(Reset),
}

/// Show how far each sink has come
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    warehouse: WarehouseOptions,
}

/// Let a sink start over from the beginning of its topic
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Reset {
    /// The application's id
    application_id: String,

    /// The sink
    sink: String,

    #[command(flatten)]
    warehouse: WarehouseOptions,
}

impl Sink {
    pub(super) fn run(self) -> Result<(), CommandError> {
        match self {
            Sink::List(list) => list.run(),
            Sink::Reset(reset) => reset.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), CommandError> {
        self.warehouse.open()?.progress()?.iter().map(line).for_each(answer);
        Ok(())
    }
}

impl Reset {
    fn run(self) -> Result<(), CommandError> {
        let warehouse = self.warehouse.open()?;
        let forgotten = warehouse.reset(&self.application_id, &self.sink)?;
        if forgotten.is_empty() {
            let known = warehouse.progress()?.iter().map(|found| format!("{} {}", found.application_id, found.sink)).collect();
            return Err(CommandError::UnknownSink { application_id: self.application_id, sink: self.sink, known });
        }
        for progress in forgotten {
            answer(format_args!("forgotten: {}", line(&progress)));
        }
        Ok(())
    }
}

fn line(progress: &SinkProgress) -> String {
    let next = progress.next_offset.map_or("the beginning".to_owned(), |offset| format!("offset {offset}"));
    format!("{} {}: {}-{} at {next}", progress.application_id, progress.sink, progress.topic, progress.partition)
}
