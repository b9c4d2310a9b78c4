//! An application at work in this process, with what fills it and what shows it: the part that `run` and `demo` share.

use super::CommandError;
use super::data::DataDirectory;
use super::feeder::{FeedPlan, Feeder};
use super::log::open_writer;
use super::names::Application;
use super::page::Page;
use super::summary::{Results, Summary};
use headwater_serving::{SalesSource, SqliteSales};
use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::log::{Log, TopicPartition};
use headwater_streams::runtime::{App, Config, Progress, Running};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// What is to run, and with what around it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) application: Application,
    pub(super) config: Config,
    pub(super) directory: DataDirectory,
    pub(super) state: PathBuf,
    pub(super) feed: Option<FeedPlan>,
    pub(super) listen: Option<SocketAddr>,
}

/// Everything that runs.
pub(super) struct Session {
    // Dropped in this order: whoever reads goes before what is read.
    page: Option<Page>,
    feeder: Option<Feeder>,
    running: Running,
    log: Arc<dyn Log>,
    application: Application,
    application_id: String,
    directory: DataDirectory,
    began: Instant,
    position_at_start: i64,
}

impl Session {
    /// Opens the log and starts all of it.
    pub(super) fn start(plan: Plan) -> Result<Self, CommandError> {
        let Plan { application, config, directory, state, feed, listen } = plan;
        let application_id = config.application_id.clone();
        let sqlite = directory.sqlite();
        let topology = application.topology(&application_id, &sqlite)?;
        for sink in topology.sub_topologies().iter().filter_map(|sub| sub.connector.as_ref()) {
            info!(sink = sink.name(), level = ?sink.level(), to = %sqlite.display(), "sink");
        }
        let memory = MemoryBudget::from_cgroup();
        let log = open_writer(&directory, &memory)?;
        let state = StateDirectory::open(&state, &application_id, memory)?;
        // The topic comes first: a person may have asked for a number of partitions.
        let feeder = feed.map(|feed| Feeder::open(application.input(), feed, log.clone())).transpose()?;
        info!(application_id, guarantee = ?config.guarantee, commit_interval = ?config.commit_interval, "starting");
        // The page before the application: an address that cannot be had should show before anything runs.
        let page = listen.map(|address| Page::open(address, &sqlite)).transpose()?;
        let running = App::new(topology, config).start(log.clone(), Disk::Directory(state))?;
        let position_at_start = position(&*log, &application_id, application)?;
        let feeder = feeder.map(Feeder::start).transpose()?;
        Ok(Session { page, feeder, running, log, application, application_id, directory, began: Instant::now(), position_at_start })
    }

    /// Where the page is, if there is one.
    pub(super) fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// How the application is doing.
    pub(super) fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// Something has ended by itself, which only errors do.
    pub(super) fn has_ended(&self) -> bool {
        self.running.has_ended() || self.feeder.as_ref().is_some_and(Feeder::has_failed)
    }

    /// Ends all of it in good order: no more input, a last commit, the group is left.
    pub(super) fn stop(mut self) -> Result<Summary, CommandError> {
        let fed = self.feeder.take().map(Feeder::stop).transpose();
        if fed.as_ref().is_ok_and(Option::is_some) && !self.running.drain(DRAIN_PATIENCE) {
            warn!("not all of the input was processed in time, the next run goes on with it");
        }
        let progress = self.running.stop()?;
        let lasted = self.began.elapsed();
        let generated = fed?;
        let records_in = position(&*self.log, &self.application_id, self.application)? - self.position_at_start;
        drop(self.page);
        Ok(Summary { lasted, records_in, generated, progress, results: results(&self.directory)?, directory: self.directory.root })
    }
}

/// How long what was generated may take to come out at the other end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// The sum of the group's positions in the application's input.
fn position(log: &dyn Log, group: &str, application: Application) -> Result<i64, CommandError> {
    let topic = application.input().topic().name;
    let partitions = log.admin().describe_topic(&topic)?.map_or(0, |topic| topic.partitions);
    let partitions: Vec<_> = (0..partitions).map(|partition| TopicPartition::new(topic.as_str(), partition)).collect();
    let committed = log.admin().committed(group, &partitions, false)?;
    Ok(committed.iter().flatten().map(|offset| offset.offset).sum())
}

/// What the warehouse holds now.
fn results(directory: &DataDirectory) -> Result<Results, CommandError> {
    let sales = SqliteSales::new(directory.sqlite()).read().map_err(|error| CommandError::Broken(error.to_string()))?;
    let rows = sales.windows.iter().map(|window| window.categories.len() as u64).sum::<u64>() + sales.history.rows;
    Ok(Results { rows, latest: sales.windows.last().map(|window| window.window_start.clone()) })
}
