//! What is measured from outside of the application, on a thread of its own: it goes on where the application is stuck.

use super::CommandError;
use super::shutdown::Shutdown;
use super::warehouse::Warehouse;
use headwater_streams::graph::{Input, SubTopology, TopicName, Topology};
use headwater_streams::log::{Log, LogError, TopicPartition};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, io};
use tracing::debug;

/// How often positions are looked at; a scrape every 15 s sees a few of them.
const LOOK: Duration = Duration::from_secs(2);

/// How often partitions are counted and directories added up.
const COUNT: Duration = Duration::from_secs(30);

/// What is looked at.
pub(super) struct Watched {
    pub(super) application_id: String,
    pub(super) topics: BTreeMap<Arc<str>, Role>,
    pub(super) sinks: Vec<String>,
    pub(super) log: Arc<dyn Log>,
    pub(super) warehouse: Warehouse,
    pub(super) state: PathBuf,
}

/// The thread; ends when it is stopped or dropped, with the call that it has begun.
#[derive(Debug)]
pub(super) struct Monitor {
    stop: Shutdown,
    _thread: JoinHandle<()>,
}

/// What a topic is to the application that reads it.
pub(super) type Role = &'static str;

/// The topics that the group keeps positions in. What a task reads is the task's, also where a sink reads it too.
pub(super) fn topics_of(topology: &Topology, application_id: &str) -> BTreeMap<Arc<str>, Role> {
    let (sinks, tasks): (Vec<_>, Vec<_>) = topology.sub_topologies().iter().partition(|sub| sub.connector.is_some());
    let read_by = |sub: &SubTopology| {
        let topic = |input: &Input| (input.topic.resolve(application_id), role_of(sub, &input.topic));
        sub.inputs.iter().map(topic).collect::<Vec<_>>()
    };
    sinks.into_iter().chain(tasks).flat_map(read_by).collect()
}

fn role_of(reader: &SubTopology, topic: &TopicName) -> Role {
    match topic {
        _ if reader.connector.is_some() => "sink",
        TopicName::Fixed(_) => "source",
        TopicName::Internal(_) => "repartition",
    }
}

impl Monitor {
    pub(super) fn start(watched: Watched) -> Result<Self, CommandError> {
        describe();
        watched.begin();
        let stop = Shutdown::default();
        let told = stop.clone();
        let work = move || watched.run(&told);
        let thread = std::thread::Builder::new().name("monitor".into()).spawn(work).map_err(CommandError::io("starting the monitor"))?;
        Ok(Monitor { stop, _thread: thread })
    }
}

impl Drop for Monitor {
    /// It may be waiting for a broker that is away, and nobody is to wait for it.
    fn drop(&mut self) {
        self.stop.ask();
    }
}

impl Watched {
    fn run(self, stop: &Shutdown) {
        let mut partitions = Vec::new();
        let mut counted_at = None;
        while !stop.within(if counted_at.is_none() { Duration::ZERO } else { LOOK }) {
            let is_due = counted_at.is_none_or(|at: Instant| at.elapsed() >= COUNT);
            let looked = if is_due { self.partitions().map(|found| partitions = found) } else { Ok(()) };
            let looked = looked.and_then(|()| self.positions(&partitions));
            gauge!("headwater_log_reachable", "application" => self.application_id.clone()).set(if looked.is_ok() { 1.0 } else { 0.0 });
            if let Err(error) = looked {
                counter!("headwater_log_errors_total", "application" => self.application_id.clone(), "code" => error.code().name())
                    .increment(1);
                debug!(%error, "positions not known");
            }
            self.pool();
            if is_due {
                counted_at = Some(Instant::now());
                gauge!("headwater_state_bytes", "application" => self.application_id.clone())
                    .set(bytes_below(&self.state).unwrap_or(0) as f64);
            }
        }
    }

    /// What has not happened yet shows as zero: a rule over an increase would miss the first one otherwise.
    fn begin(&self) {
        for name in ["headwater_aborted_commits_total", "headwater_rebalances_total", "headwater_restored_records_total"] {
            counter!(name, "application" => self.application_id.clone()).increment(0);
        }
        for name in ["headwater_aborted_commits_in_a_row", "headwater_restore_remaining_records"] {
            gauge!(name, "application" => self.application_id.clone()).increment(0.0);
        }
        for sink in &self.sinks {
            for kind in ["unavailable", "fenced", "refused"] {
                let labels = [("application", &*self.application_id), ("sink", sink), ("kind", kind)];
                counter!("headwater_sink_errors_total", &labels.map(|(name, value)| (name, value.to_owned()))).increment(0);
            }
        }
    }

    fn partitions(&self) -> Result<Vec<TopicPartition>, LogError> {
        let mut partitions = Vec::new();
        for topic in self.topics.keys() {
            let count = self.log.admin().describe_topic(topic)?.map_or(0, |found| found.partitions);
            partitions.extend((0..count).map(|partition| TopicPartition { topic: topic.clone(), partition }));
        }
        Ok(partitions)
    }

    fn positions(&self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let admin = self.log.admin();
        let committed = admin.committed(&self.application_id, partitions, false)?;
        for (at, committed) in partitions.iter().zip(committed) {
            let ends = admin.ends(at)?;
            let position = committed.map_or(ends.earliest, |committed| committed.offset.max(ends.earliest));
            let role = self.topics.get(&at.topic).copied().unwrap_or("source");
            let labels = [
                ("application", self.application_id.clone()),
                ("topic", at.topic.to_string()),
                ("partition", at.partition.to_string()),
                ("role", role.to_owned()),
            ];
            gauge!("headwater_log_end_offset", &labels).set(ends.latest as f64);
            gauge!("headwater_committed_offset", &labels).set(position as f64);
            gauge!("headwater_lag_records", &labels).set((ends.latest - position).max(0) as f64);
        }
        Ok(())
    }

    fn pool(&self) {
        let Some(pool) = self.warehouse.pool() else { return };
        for (state, connections) in [("size", pool.size), ("in_use", pool.in_use), ("waiting", pool.waiting)] {
            gauge!("headwater_pool_connections", "state" => state).set(connections as f64);
        }
    }
}

/// The files of a directory that is in use: those that vanish meanwhile do not count.
fn bytes_below(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)?.flatten() {
        let Ok(found) = entry.metadata() else { continue };
        bytes += if found.is_dir() { bytes_below(&entry.path()).unwrap_or(0) } else { found.len() };
    }
    Ok(bytes)
}

fn describe() {
    describe_gauge!("headwater_log_reachable", "1 while the log answers, 0 otherwise");
    describe_counter!("headwater_log_errors_total", "positions that the log did not tell, by its error");
    describe_gauge!("headwater_log_end_offset", "the offset behind the last record of an input partition");
    describe_gauge!("headwater_committed_offset", "the group's committed position in an input partition");
    describe_gauge!("headwater_lag_records", "how far the position is behind the end");
    describe_gauge!(
        "headwater_pool_connections",
        "connections to the database: how many there may be, how many are in use, how many callers wait"
    );
    describe_gauge!("headwater_state_bytes", "bytes of the state directory");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_added_up_with_all_below() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for (file, bytes) in [("one", 3), ("a/two", 4), ("a/b/three", 5)] {
            fs::write(folder.path().join(file), vec![0; bytes]).unwrap();
        }
        assert_eq!(bytes_below(folder.path()).unwrap(), 12);
        assert!(bytes_below(&folder.path().join("nowhere")).is_err());
    }
}
