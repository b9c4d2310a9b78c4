//! `headwater generate`: made-up records to a topic or to standard output.

use super::CommandError;
use super::answer::answer;
use super::generator_options::GeneratorOptions;
use super::log::LogOptions;
use super::names::Input;
use super::progress::Bar;
use super::shutdown::Shutdown;
use crate::feed::{Accompanied, Feed, Lines, TopicFeed, Watch};
use clap::Args;
use headwater_state::MemoryBudget;
use std::io::{self, ErrorKind};
use std::time::Duration;

const EXAMPLES: &str = "\
Same flags, same bytes: record i depends on seed, start, step, late, bad and i only. Killed, it goes on where the topic ends.

Examples:
  headwater generate transactions                              100,000 records into ./headwater-data
  headwater generate transactions --count 5 --to -             five records to look at
  headwater generate transactions --rate 1000 --count 0        1,000 a second until stopped
  headwater generate transactions --late 0.01 --bad 0.001      some of them late, some malformed
  headwater generate sales-stream --step 1s                    two days of sales, with fraud_labels beside them";

/// Make up records
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Generate {
    /// What to make up
    name: Input,

    /// Topic to write to, or `-` for standard output, one value a line [default: the topic of that name]
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,

    #[command(flatten)]
    options: GeneratorOptions,

    #[command(flatten)]
    log: LogOptions,
}

impl Generate {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let settings = self.options.settings();
        let generator = self.name.generator(settings);
        let feed = Feed { generator: &*generator, settings, count: self.options.count(), rate: self.options.rate };
        if self.to.as_deref() == Some("-") { to_stdout(&feed) } else { self.to_topic(&feed) }
    }

    fn to_topic(&self, feed: &Feed<'_>) -> Result<(), CommandError> {
        let shutdown = Shutdown::on_signals()?;
        let log = self.log.place()?.open(&MemoryBudget::from_cgroup())?;
        let (mut spec, asked) = (self.name.topic(), self.options.partitions);
        let mut topic = match &self.to {
            Some(name) => {
                spec.name.clone_from(name);
                Accompanied::new(TopicFeed::open(log, &spec, asked)?, None)
            }
            None => self.name.open(&log, feed.settings, asked)?,
        };
        let held = topic.main().held();
        let bar = Bar::of(feed.count, "records");
        let sent = feed.run(&mut topic, &Watched { shutdown, bar: &bar })?;
        bar.clear();
        answer(format_args!("{sent} records sent to {}, {held} were there; all deliveries confirmed", spec.name));
        Ok(())
    }
}

/// Stops on a signal, shows how far it is.
struct Watched<'a> {
    shutdown: Shutdown,
    bar: &'a Bar,
}

impl Watch for Watched<'_> {
    fn stops_within(&self, wait: Duration) -> bool {
        self.shutdown.within(wait)
    }

    fn reached(&self, index: u64) {
        self.bar.set(index);
    }
}

/// Signals end the process as they always do, so nobody ever asks for the end.
fn to_stdout(feed: &Feed<'_>) -> Result<(), CommandError> {
    let watch = Watched { shutdown: Shutdown::default(), bar: &Bar::of(feed.count, "records") };
    let fed = feed.run(&mut Lines::new(io::stdout().lock()), &watch);
    watch.bar.clear();
    match fed {
        // The reader has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.map(|_| ()).map_err(CommandError::io("writing to standard output")),
    }
}
