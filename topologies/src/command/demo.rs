//! `headwater demo`: the first two minutes with Headwater.

use super::CommandError;
use super::answer::answer;
use super::data::{DataDirectory, DataOptions};
use super::demo_record::{DemoRecord, Wishes};
use super::feeder::FeedPlan;
use super::fresh::remove;
use super::generator_options::duration;
use super::log::LogPlace;
use super::names::Application;
use super::page::listen_address;
use super::progress::Bar;
use super::session::{Plan, Session};
use super::shutdown::Shutdown;
use super::surroundings::Surroundings;
use super::warehouse::Warehouse;
use clap::{Args, ValueEnum};
use headwater_streams::runtime::Config;
use std::collections::BTreeSet;
use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LOOK: Duration = Duration::from_millis(250);

/// How long the end may take: what was generated is to come out at the other end.
const PATIENCE: Duration = Duration::from_secs(30);

const EXAMPLES: &str = "\
Event time starts a day ago and covers a minute each second, until it has caught up with the clock. The next demo goes on where
this one stopped, with the --seed, --start, --step, --late and --bad that it began with.

Examples:
  headwater demo                                               until Ctrl-C
  headwater demo --for 60s                                     a minute, then a summary
  headwater demo --fresh --late 0.05 --bad 0.05                from the start, with much that goes wrong";

/// A shop's transactions, added up live, with a page to look at
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Demo {
    /// Forget what an earlier demo left in the directory
    #[arg(long)]
    fresh: bool,

    /// Stop by itself after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasts: Option<Duration>,

    /// Where the page is served; port 0: any that is free
    #[arg(long, value_name = "HOST:PORT", env = "HEADWATER_LISTEN", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), value_parser = listen_address)]
    listen: SocketAddr,

    /// Records a second while event time catches up
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,

    /// How many records there are; 0: no end
    #[arg(long, value_name = "N", default_value_t = 0)]
    count: u64,

    #[command(flatten)]
    wishes: Wishes,

    #[command(flatten)]
    data: DataOptions,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let directory = self.data.directory();
        let shutdown = Shutdown::on_signals()?;
        if self.fresh {
            remove(&directory)?;
        }
        let (record, is_new) = self.record(&directory)?;
        if is_new {
            // Before there is a log: whatever is killed now, the next demo knows the directory as its own.
            record.write(&directory)?;
        }
        let feed =
            FeedPlan { settings: record.settings(), count: (self.count > 0).then_some(self.count), rate: self.rate, partitions: None };
        let inputs: BTreeSet<_> = Application::value_variants().iter().flat_map(|app| app.inputs()).copied().collect();
        let plan = Plan {
            applications: Application::value_variants().iter().map(|app| (*app, Config::new(app.name()))).collect(),
            feeds: inputs.into_iter().map(|input| (input, feed)).collect(),
            listen: Some(self.listen),
            patience: PATIENCE,
        };
        let warehouse = Warehouse::Sqlite(directory.sqlite());
        let around = Surroundings::open(LogPlace::Embedded(directory.clone()), warehouse, directory.root.clone(), directory.state())?;
        let session = Session::start(plan, around)?;
        self.show(&session, is_new);
        self.watch(&session, &shutdown);
        let summary = session.stop()?;
        answer(summary);
        answer(format_args!("look at it: {} tail category-sales --from start --to end{}", program(), self.data_flag()));
        Ok(())
    }

    /// How the demo in this directory began, or begins now.
    fn record(&self, directory: &DataDirectory) -> Result<(DemoRecord, bool), CommandError> {
        if let Some(record) = DemoRecord::read(directory)? {
            return match self.wishes.misfit(&record) {
                None => Ok((record, false)),
                Some(began) => Err(CommandError::OtherDemo { directory: directory.root.clone(), began }),
            };
        }
        if directory.log().exists() {
            return Err(CommandError::NotADemo { directory: directory.root.clone() });
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Ok((self.wishes.begin(now, self.rate), true))
    }

    fn show(&self, session: &Session, is_new: bool) {
        let begun = if is_new { "a new demo" } else { "going on with the demo" };
        answer(format_args!("{begun} in {}", self.data.data.display()));
        if let Some(page) = session.page() {
            answer(format_args!("\n  the page: {}\n", page.url()));
        }
        let end = self.lasts.map_or(String::new(), |lasts| format!(", and so does the end of {}", humantime::format_duration(lasts)));
        answer(format_args!("Ctrl-C ends it{end}"));
    }

    fn watch(&self, session: &Session, shutdown: &Shutdown) {
        let (line, began) = (Bar::line(), Instant::now());
        let mut wait = LOOK;
        while !shutdown.within(wait) && !session.has_ended() {
            let (records, rows) = session.progress().fold((0, 0), |(records, rows), one| (records + one.records, rows + one.sunk));
            line.say(format!("{records} records, {rows} rows written"));
            let Some(lasts) = self.lasts else { continue };
            let left = lasts.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            wait = left.min(LOOK);
        }
        line.clear();
    }

    /// What further commands need to find this directory.
    fn data_flag(&self) -> String {
        if self.data.data == std::path::Path::new("headwater-data") {
            String::new()
        } else {
            format!(" --data {}", self.data.data.display())
        }
    }
}

/// This program as it was called, which is how it can be called again: it need not be where the shell looks.
fn program() -> String {
    env::args().next().unwrap_or_else(|| "headwater".into())
}
