//! How the driver opens its tasks: empty at first, later from their state and what the topics hold.

use super::log::Topics;
use crate::graph::{Changelog, StorePlan, SubTopology, Topology};
use crate::log::{GroupOffset, TopicPartition};
use crate::runtime::Config;
use crate::task::{ChangelogEnd, Destinations, Globals, Restoring, Rules, Task, TaskError, TaskId, TaskInputs, TaskSettings};
use headwater_state::Disk;
use std::convert::Infallible;
use std::sync::Arc;

/// Everything that stays the same when tasks are opened again.
pub(super) struct Opening {
    pub(super) dead_letter_topic: Arc<str>,
    pub(super) rules: Rules,
    pub(super) topology: Topology,
    application_id: Arc<str>,
    settings: TaskSettings,
    destinations: Arc<Destinations>,
    pub(super) globals: Globals,
}

impl Opening {
    pub(super) fn new(topology: Topology, config: &Config) -> Self {
        let application_id: Arc<str> = config.application_id.as_str().into();
        let dead_letter_topic = format!("{application_id}-dlq").into();
        Opening {
            dead_letter_topic,
            rules: config.rules(),
            globals: Globals::of(&topology),
            topology,
            application_id,
            settings: settings(config),
            destinations: Arc::new(Destinations::Any),
        }
    }

    /// All tasks, restored from what the disk and the topics hold, with their inputs queued behind the `committed` positions.
    pub(super) fn tasks(&self, disk: &Disk, topics: &Topics, committed: &[GroupOffset], now: i64) -> Result<Vec<Task>, TaskError> {
        let subs = self.topology.sub_topologies().iter().filter(|sub| sub.connector.is_none());
        subs.map(|sub| self.task(sub, disk, topics, committed, now)).collect()
    }

    /// Global tables begin anew, as of the ends of their topics. What could not be read was told of before.
    pub(super) fn read_globals(&self, topics: &Topics, now: i64) {
        self.globals.clear();
        for topic in self.globals.topics() {
            let Ok(()) = self.globals.take(now, &topics.fetch(&TopicPartition::new(topic, 0), 0), |_| Ok::<(), Infallible>(()));
        }
    }

    fn task(&self, sub: &SubTopology, disk: &Disk, topics: &Topics, committed: &[GroupOffset], now: i64) -> Result<Task, TaskError> {
        let of = TaskInputs {
            topology: &self.topology,
            application_id: &self.application_id,
            dead_letter_topic: &self.dead_letter_topic,
            rules: self.rules,
            settings: self.settings,
            destinations: &self.destinations,
            globals: &self.globals,
            partitions_of: &|_| 1,
        };
        let id = TaskId { sub_topology: sub.index as u32, partition: 0 };
        let position = |at: &TopicPartition| committed.iter().find(|offset| offset.at == *at).cloned();
        let found: Vec<_> = self.inputs(sub).into_iter().map(|at| (at.clone(), position(&at), 0)).collect();
        let ends = sub.stores.iter().filter_map(|store| self.changelog(store, topics, committed)).collect();
        let mut restoring = Restoring::open(id, of, disk, ends, &found, now)?;
        let missing: Vec<_> = restoring.missing().map(|(at, from)| topics.fetch(at, from)).collect();
        missing.iter().try_for_each(|fetched| restoring.take(fetched, now).map(drop))?;
        let mut task = restoring.into_task(of, now)?;
        for (at, committed, start) in found {
            let fetched = topics.fetch(&at, committed.map_or(start, |committed| committed.offset));
            task.enqueue(fetched);
        }
        Ok(task)
    }

    fn inputs(&self, sub: &SubTopology) -> Vec<TopicPartition> {
        let at = |topic| TopicPartition { topic, partition: 0 };
        let mut inputs: Vec<_> = sub.inputs.iter().map(|input| at(input.topic.resolve(&self.application_id))).collect();
        inputs.sort();
        inputs.dedup();
        inputs
    }

    fn changelog(&self, store: &StorePlan, topics: &Topics, committed: &[GroupOffset]) -> Option<ChangelogEnd> {
        let (topic, is_source) = match &store.changelog {
            Changelog::None => return None,
            Changelog::Internal { topic, .. } => (topic, false),
            Changelog::Source { topic } => (topic, true),
        };
        let at = TopicPartition { topic: topic.resolve(&self.application_id), partition: 0 };
        let end = match is_source {
            true => committed.iter().find(|offset| offset.at == at).map_or(0, |offset| offset.offset),
            false => topics.last_offset(&at.topic).map_or(0, |last| last + 1),
        };
        Some(ChangelogEnd { store: store.name, at, topic_id: [0; 16], earliest: 0, end, delete_retention_ms: i64::MAX, is_source })
    }
}

fn settings(config: &Config) -> TaskSettings {
    let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    TaskSettings { far_future_ms: ms(config.far_future), idle_timeout_ms: ms(config.idle_timeout), marker_interval_ms: 1, partitions: 1 }
}
