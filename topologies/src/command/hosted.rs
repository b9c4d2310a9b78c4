//! One application at work in this process, and what is measured of it.

use super::CommandError;
use super::monitor::{Monitor, Watched, topics_of};
use super::names::Application;
use super::surroundings::Surroundings;
use headwater_state::{Disk, StateDirectory};
use headwater_streams::connector::{Connector, Level};
use headwater_streams::log::{Log, TopicPartition};
use headwater_streams::runtime::{App, Config, Progress, Running};
use std::fmt;
use std::time::Duration;
use tracing::info;

/// An application, started.
pub(super) struct Hosted {
    application: Application,
    application_id: String,
    running: Running,
    promises: Vec<Promise>,
    position_at_start: i64,
    monitor: Option<Monitor>,
}

/// What an application has come to.
#[derive(Debug)]
pub(super) struct Worked {
    pub(super) application: Application,
    /// Records of its inputs whose processing is committed; `None` where the log did not tell any more.
    pub(super) records_in: Option<i64>,
    pub(super) progress: Progress,
}

/// What a sink promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    sink: String,
    level: Level,
    to: String,
}

impl Hosted {
    /// Starts it; its inputs exist, or their partitions are nobody's concern.
    pub(super) fn start(application: Application, config: Config, around: &Surroundings, is_watched: bool) -> Result<Self, CommandError> {
        let application_id = config.application_id.clone();
        let topology = application.topology(&application_id, &around.warehouse)?;
        let connectors = topology.sub_topologies().iter().filter_map(|sub| sub.connector.as_ref());
        let promises: Vec<_> = connectors.map(|sink| Promise::of(&**sink, &around.warehouse)).collect();
        let topics = topics_of(&topology, &application_id);
        let state = StateDirectory::open(&around.state, &application_id, around.memory.clone())?;
        info!(application_id, guarantee = ?config.guarantee, commit_interval = ?config.commit_interval, log = %around.place, "starting");
        let running = App::new(topology, config).start(around.log.clone(), Disk::Directory(state))?;
        let position_at_start = position(&*around.log, &application_id, application)?;
        let watched = || Watched {
            application_id: application_id.clone(),
            topics,
            sinks: promises.iter().map(|promise| promise.sink.clone()).collect(),
            log: around.log.clone(),
            warehouse: around.warehouse.clone(),
            state: around.state.clone(),
        };
        let monitor = is_watched.then(|| Monitor::start(watched())).transpose()?;
        Ok(Hosted { application, application_id, running, promises, position_at_start, monitor })
    }

    pub(super) fn promises(&self) -> &[Promise] {
        &self.promises
    }

    pub(super) fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// It has ended by itself, which only errors do.
    pub(super) fn has_ended(&self) -> bool {
        self.running.has_ended()
    }

    /// Waits until it has done with all its input, for so long at most; true: it has.
    pub(super) fn drain(&self, patience: Duration) -> bool {
        self.running.drain(patience)
    }

    /// A last commit, and out of the group.
    pub(super) fn stop(self, log: &dyn Log) -> Result<Worked, CommandError> {
        let progress = self.running.stop()?;
        drop(self.monitor);
        // It has ended well; that its position cannot be had any more changes nothing.
        let position = position(log, &self.application_id, self.application);
        let records_in = position.map(|position| position - self.position_at_start).ok();
        Ok(Worked { application: self.application, records_in, progress })
    }
}

impl Promise {
    fn of(sink: &dyn Connector, to: &impl fmt::Display) -> Self {
        Promise { sink: sink.name().into(), level: sink.level(), to: to.to_string() }
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

/// The sum of the group's positions in the application's inputs.
fn position(log: &dyn Log, group: &str, application: Application) -> Result<i64, CommandError> {
    let mut partitions = Vec::new();
    for input in application.inputs() {
        let topic = input.topic().name;
        let count = log.admin().describe_topic(&topic)?.map_or(0, |topic| topic.partitions);
        partitions.extend((0..count).map(|partition| TopicPartition::new(&*topic, partition)));
    }
    let committed = log.admin().committed(group, &partitions, false)?;
    Ok(committed.iter().flatten().map(|offset| offset.offset).sum())
}
