//! `headwater run`: an application until it is told to stop.

use super::CommandError;
use super::answer::answer;
use super::feeder::FeedPlan;
use super::generator_options::GeneratorOptions;
use super::names::Application;
use super::run_settings::RunSettings;
use super::session::{Plan, Session};
use super::shutdown::Shutdown;
use super::surroundings::Surroundings;
use clap::Args;
use std::time::Duration;

/// Heading of the flags that mean nothing without `--generate`.
pub(super) const WITH_GENERATE: &str = "With --generate";

const WATCH: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
SIGTERM or Ctrl-C: what was begun is committed, the group is left, exit code 0. Killed in any other way, the next start goes on
where the last commit stands; nothing is lost and, under exactly-once, nothing counts twice.

Started more than once with the same --brokers, the instances share the work; each needs a --state-dir of its own.

Examples:
  headwater run category-sales                                 until stopped
  headwater run category-sales --generate --count 0 --rate 500 with its own input, 500 records a second
  headwater run category-sales --listen 127.0.0.1:8080         with the page and /prometheus
  headwater run category-sales --brokers kafka-1:9092 --postgres postgres://shop@db-1/shop --state-dir /var/lib/headwater";

/// Run an application
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Run {
    /// The application
    app: Application,

    /// Fill the input topic from within, as `headwater generate` does
    #[arg(long)]
    generate: bool,

    #[command(flatten)]
    settings: RunSettings,

    #[command(flatten, next_help_heading = WITH_GENERATE)]
    generator: GeneratorOptions,
}

impl Run {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let (settings, shutdown) = (&self.settings, Shutdown::on_signals()?);
        let feeds = if self.generate { self.app.inputs() } else { &[] };
        let plan = Plan {
            applications: vec![(self.app, settings.config(self.app.name()))],
            feeds: feeds.iter().map(|input| (*input, FeedPlan::of(&self.generator))).collect(),
            listen: settings.listen,
            patience: settings.stop_timeout,
        };
        let warehouse = settings.warehouse()?.open()?;
        let session = Session::start(plan, Surroundings::open(settings.log()?, warehouse, settings.data.data.clone(), settings.state())?)?;
        session.promises().for_each(answer);
        if let Some(page) = session.page() {
            answer(format_args!("the page: {}", page.url()));
        }
        while !shutdown.within(WATCH) && !session.has_ended() {}
        let summary = session.stop()?;
        answer(summary);
        Ok(())
    }
}
