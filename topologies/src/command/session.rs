//! An application at work in this process, with what fills it and what shows it: the part that `run` and `demo` share.

use super::CommandError;
use super::feeder::{FeedPlan, Feeder};
use super::log::LogPlace;
use super::monitor::{Monitor, Watched, topics_of};
use super::names::Application;
use super::page;
use super::summary::{Results, Summary};
use super::warehouse::Warehouse;
use headwater_serving::{Page, SourceError};
use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::connector::Level;
use headwater_streams::log::{Log, TopicPartition};
use headwater_streams::runtime::{App, Config, Progress, Running};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// What is to run, and with what around it.
pub(super) struct Plan {
    pub(super) application: Application,
    pub(super) config: Config,
    pub(super) log: LogPlace,
    pub(super) warehouse: Warehouse,
    /// Where a person finds what is kept here.
    pub(super) directory: PathBuf,
    pub(super) state: PathBuf,
    pub(super) feed: Option<FeedPlan>,
    pub(super) listen: Option<SocketAddr>,
    /// How long an orderly end may take.
    pub(super) patience: Duration,
}

/// Everything that runs.
pub(super) struct Session {
    // Dropped in this order: whoever reads goes before what is read.
    page: Option<page::Page>,
    monitor: Option<Monitor>,
    feeder: Option<Feeder>,
    running: Running,
    log: Arc<dyn Log>,
    application: Application,
    application_id: String,
    place: LogPlace,
    warehouse: Warehouse,
    promises: Vec<Promise>,
    directory: PathBuf,
    patience: Duration,
    began: Instant,
    position_at_start: i64,
}

/// What a sink promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    sink: String,
    level: Level,
    to: String,
}

impl Session {
    /// Opens the log and starts all of it.
    pub(super) fn start(plan: Plan) -> Result<Self, CommandError> {
        let Plan { application, config, log: place, warehouse, directory, state, feed, listen, patience } = plan;
        let application_id = config.application_id.clone();
        let topology = application.topology(&application_id, &warehouse)?;
        let connectors = topology.sub_topologies().iter().filter_map(|sub| sub.connector.as_ref());
        let promise = |sink: &Arc<dyn headwater_streams::connector::Connector>| Promise {
            sink: sink.name().into(),
            level: sink.level(),
            to: warehouse.to_string(),
        };
        let promises: Vec<_> = connectors.map(promise).collect();
        let sinks = promises.iter().map(|promise| promise.sink.clone()).collect();
        let memory = MemoryBudget::from_cgroup();
        let log = place.open(&memory)?;
        let topics = topics_of(&topology, &application_id);
        let watched = Watched {
            application_id: application_id.clone(),
            topics,
            sinks,
            log: log.clone(),
            warehouse: warehouse.clone(),
            state: state.clone(),
        };
        let state = StateDirectory::open(&state, &application_id, memory)?;
        // The topic comes first: a person may have asked for a number of partitions.
        let feeder = feed.map(|feed| Feeder::open(application.input(), feed, log.clone())).transpose()?;
        info!(application_id, guarantee = ?config.guarantee, commit_interval = ?config.commit_interval, log = %place, "starting");
        // The page before the application: an address that cannot be had should show before anything runs.
        let page = listen.map(|address| page::Page::open(address, vec![application.page(&warehouse)])).transpose()?;
        let running = App::new(topology, config).start(log.clone(), Disk::Directory(state))?;
        let position_at_start = position(&*log, &application_id, application)?;
        let monitor = page.is_some().then(|| Monitor::start(watched)).transpose()?;
        let feeder = feeder.map(Feeder::start).transpose()?;
        let began = Instant::now();
        Ok(Session {
            page,
            monitor,
            feeder,
            running,
            log,
            application,
            application_id,
            place,
            warehouse,
            promises,
            directory,
            patience,
            began,
            position_at_start,
        })
    }

    /// Where the page is, if there is one.
    pub(super) fn page(&self) -> Option<&page::Page> {
        self.page.as_ref()
    }

    /// What each sink promises.
    pub(super) fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// How the application is doing.
    pub(super) fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// Something has ended by itself, which only errors do.
    pub(super) fn has_ended(&self) -> bool {
        self.running.has_ended() || self.feeder.as_ref().is_some_and(Feeder::has_failed)
    }

    /// Ends all of it in good order: no more input, a last commit, the group is left. A broker or a database that is away may make
    /// that impossible; then it ends without, and the next start goes on where the last commit stands.
    pub(super) fn stop(self) -> Result<Summary, CommandError> {
        let (patience, what) = (self.patience, format!("{} or {}", self.place, self.warehouse));
        let (tell, told) = channel();
        let work = move || {
            // Nobody listens any more once the time is up, and the process ends.
            let _ = tell.send(self.end());
        };
        std::thread::Builder::new().name("stop".into()).spawn(work).map_err(CommandError::io("stopping"))?;
        told.recv_timeout(patience).unwrap_or(Err(CommandError::StopTimedOut { patience, what }))
    }

    fn end(mut self) -> Result<Summary, CommandError> {
        let fed = self.feeder.take().map(Feeder::stop).transpose();
        if fed.as_ref().is_ok_and(Option::is_some) && !self.running.drain(self.patience * 2 / 3) {
            warn!("not all of the input was processed in time, the next run goes on with it");
        }
        let progress = self.running.stop()?;
        let lasted = self.began.elapsed();
        let generated = fed?;
        // It has ended well; that its summary cannot be had any more changes nothing.
        let records_in = position(&*self.log, &self.application_id, self.application).map(|position| position - self.position_at_start);
        drop((self.page, self.monitor));
        let results = results(self.application, &self.warehouse);
        let warehouse = self.warehouse.to_string();
        Ok(Summary { lasted, records_in: records_in.ok(), generated, progress, results, warehouse, directory: self.directory })
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::ExactlyOnce => "exactly-once",
            Level::Idempotent => "idempotent",
            Level::AtLeastOnce => "at-least-once",
        };
        write!(f, "sink {}: {level}, into {}", self.sink, self.to)
    }
}

/// The sum of the group's positions in the application's input.
fn position(log: &dyn Log, group: &str, application: Application) -> Result<i64, CommandError> {
    let topic = application.input().topic().name;
    let partitions = log.admin().describe_topic(&topic)?.map_or(0, |topic| topic.partitions);
    let partitions: Vec<_> = (0..partitions).map(|partition| TopicPartition::new(topic.as_str(), partition)).collect();
    let committed = log.admin().committed(group, &partitions, false)?;
    Ok(committed.iter().flatten().map(|offset| offset.offset).sum())
}

/// What the warehouse holds now, where there is somebody who adds it up.
fn results(application: Application, warehouse: &Warehouse) -> Option<Result<Results, SourceError>> {
    let Page::CategorySales(mut source) = application.page(warehouse) else { return None };
    Some(source.read().map(|sales| {
        let rows = sales.windows.iter().map(|window| window.categories.len() as u64).sum::<u64>() + sales.history.rows;
        Results { rows, latest: sales.windows.last().map(|window| window.window_start.clone()) }
    }))
}
