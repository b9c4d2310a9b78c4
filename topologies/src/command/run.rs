//! `headwater run`: an application until it is told to stop.

use super::CommandError;
use super::answer::answer;
use super::data::DataOptions;
use super::feeder::FeedPlan;
use super::generator_options::{GeneratorOptions, duration};
use super::names::{Application, application_id};
use super::page::listen_address;
use super::session::{Plan, Session};
use super::shutdown::Shutdown;
use clap::{Args, ValueEnum};
use headwater_streams::runtime::Config;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Heading of the flags that mean nothing without `--generate`.
pub(super) const WITH_GENERATE: &str = "With --generate";

const WATCH: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
SIGTERM or Ctrl-C: what was begun is committed, the group is left, exit code 0. Killed in any other way, the next start goes on
where the last commit stands; nothing is lost and, under exactly-once, nothing counts twice.

Examples:
  headwater run category-sales                                 until stopped
  headwater run category-sales --generate --count 0 --rate 500 with its own input, 500 records a second
  headwater run category-sales --listen 127.0.0.1:8080         with the page and /prometheus";

/// Run an application
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Run {
    /// The application
    app: Application,

    /// What a commit promises
    #[arg(long, value_name = "GUARANTEE", env = "HEADWATER_GUARANTEE", default_value = "exactly-once")]
    guarantee: Promise,

    /// How long work is collected before it is committed [default: 100ms; under at-least-once 1s]
    #[arg(long, value_name = "DURATION", env = "HEADWATER_COMMIT_INTERVAL", value_parser = interval)]
    commit_interval: Option<Duration>,

    /// Group id and prefix of internal topics [default: the application's name]
    #[arg(long, value_name = "ID", env = "HEADWATER_APPLICATION_ID", value_parser = application_id)]
    application_id: Option<String>,

    /// Directory of the state [default: state/ in the data directory]
    #[arg(long, value_name = "DIR", env = "HEADWATER_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// Serve the page and /prometheus at this address
    #[arg(long, value_name = "HOST:PORT", env = "HEADWATER_LISTEN", value_parser = listen_address)]
    listen: Option<SocketAddr>,

    /// PostgreSQL instead of the SQLite file (next release)
    #[arg(long, value_name = "URL", env = "HEADWATER_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,

    /// Fill the input topic from within, as `headwater generate` does
    #[arg(long)]
    generate: bool,

    #[command(flatten)]
    data: DataOptions,

    #[command(flatten, next_help_heading = WITH_GENERATE)]
    generator: GeneratorOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Promise {
    /// Results, state and positions stand or fall together
    ExactlyOnce,
    /// Nothing is lost; after a kill, what was not committed counts again
    AtLeastOnce,
}

impl Run {
    pub(super) fn run(self) -> Result<(), CommandError> {
        if self.postgres.is_some() {
            return Err(CommandError::NextRelease {
                flag: "--postgres",
                what: "the sink into PostgreSQL is not part of this one",
                instead: "leave --postgres away and unset HEADWATER_POSTGRES to keep the tables in headwater.sqlite in --data",
            });
        }
        let directory = self.data.directory()?;
        let shutdown = Shutdown::on_signals()?;
        let plan = Plan {
            application: self.app,
            config: self.config(),
            state: self.state_dir.clone().unwrap_or(directory.state()),
            directory,
            feed: self.generate.then(|| FeedPlan::of(&self.generator)),
            listen: self.listen,
        };
        let session = Session::start(plan)?;
        if let Some(page) = session.page() {
            answer(format_args!("the page: {}", page.url()));
        }
        while !shutdown.within(WATCH) && !session.has_ended() {}
        let summary = session.stop()?;
        answer(summary);
        Ok(())
    }

    fn config(&self) -> Config {
        let id = self.application_id.as_deref().unwrap_or(self.app.name());
        let config = match self.guarantee {
            Promise::ExactlyOnce => Config::new(id),
            Promise::AtLeastOnce => Config::new(id).at_least_once(),
        };
        Config { commit_interval: self.commit_interval.unwrap_or(config.commit_interval), ..config }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    let (least, most) = (Duration::from_millis(1), Duration::from_secs(60));
    if (least..=most).contains(&interval) { Ok(interval) } else { Err("not between 1ms and 60s".into()) }
}
