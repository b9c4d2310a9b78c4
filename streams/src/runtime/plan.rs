//! A topology with everything known that only the log can tell: partition counts and topic ids. From it tasks are made.

use super::Config;
use crate::connector::{Connector, SinkTask};
use crate::graph::{Changelog, SubTopology, TopicName, Topology};
use crate::log::TopicPartition;
use crate::task::{Destinations, Globals, TaskId, TaskInputs, TaskSettings};
use crate::topic::Reset;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The plan of one application.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) topology: Topology,
    pub(crate) config: Config,
    pub(crate) application_id: Arc<str>,
    pub(crate) dead_letter_topic: Arc<str>,
    pub(crate) topics: BTreeMap<Arc<str>, TopicInfo>,
    /// The topics that data may choose.
    pub(crate) destinations: Arc<Destinations>,
    /// The global tables of this instance.
    pub(crate) globals: Globals,
}

/// What the log says of a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicInfo {
    pub(crate) partitions: i32,
    pub(crate) topic_id: [u8; 16],
    pub(crate) delete_retention_ms: i64,
    /// How long records are kept; none: for ever, or compacted only.
    pub(crate) retention_ms: Option<i64>,
}

/// A changelog partition of a task.
#[derive(Clone, Debug)]
pub(crate) struct ChangelogAt {
    pub(crate) store: &'static str,
    pub(crate) at: TopicPartition,
    pub(crate) is_source: bool,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("application_id", &self.application_id).field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Plan {
    pub(crate) fn sub_topology(&self, task: TaskId) -> &SubTopology {
        &self.topology.sub_topologies()[task.sub_topology as usize]
    }

    pub(crate) fn partitions_of(&self, topic: &str) -> i32 {
        self.topics.get(topic).map_or(1, |topic| topic.partitions)
    }

    /// The anchor topics: one input of each sub-topology carries ownership.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<_> = self.topology.sub_topologies().iter().map(|sub| self.anchor(sub).to_string()).collect();
        anchors.sort();
        anchors.dedup();
        anchors
    }

    /// The topics that are read, which must stay what they are.
    pub(crate) fn watched(&self) -> Vec<Arc<str>> {
        let inputs = self.topology.sub_topologies().iter().flat_map(|sub| &sub.inputs);
        let mut topics: Vec<_> = inputs.map(|input| input.topic.resolve(&self.application_id)).collect();
        topics.extend(self.globals.topics().map(Arc::from));
        topics.sort();
        topics.dedup();
        topics
    }

    /// All partitions of the topics of global tables.
    pub(crate) fn global_partitions(&self) -> Vec<TopicPartition> {
        let partitions = |topic: &'static str| (0..self.partitions_of(topic)).map(move |partition| TopicPartition::new(topic, partition));
        self.globals.topics().flat_map(partitions).collect()
    }

    /// How many there are of those.
    pub(crate) fn global_partition_count(&self) -> usize {
        self.globals.topics().map(|topic| self.partitions_of(topic) as usize).sum()
    }

    /// Whether a topic is read as a global table.
    pub(crate) fn is_global(&self, topic: &str) -> bool {
        self.globals.topics().any(|global| *global == *topic)
    }

    /// Why the partition count of a topic cannot change while there is state; none if nothing hangs on it.
    pub(crate) fn why_fixed(&self, topic: &str) -> Option<String> {
        let is_it = |name: &TopicName| *name.resolve(&self.application_id) == *topic;
        let group = self.topology.copartition_groups().iter().find(|group| group.iter().any(is_it));
        if group.is_some() {
            return Some("it is joined with others partition by partition".into());
        }
        let mut readers = self.topology.sub_topologies().iter().filter(|sub| sub.inputs.iter().any(|input| is_it(&input.topic)));
        readers.find_map(|sub| {
            let is_ours = sub.inputs.iter().any(|input| is_it(&input.topic) && matches!(input.topic, TopicName::Internal(_)));
            match sub.stores.first() {
                _ if is_ours => Some("it is internal to the application".into()),
                Some(store) => Some(format!("store {} is partitioned like it", store.name)),
                None => None,
            }
        })
    }

    /// The first of the inputs with the most partitions: each task must be somebody's.
    fn anchor(&self, sub: &SubTopology) -> Arc<str> {
        let most = self.task_count(sub);
        let mut inputs = sub.inputs.iter().map(|input| input.topic.resolve(&self.application_id));
        inputs.find(|topic| self.partitions_of(topic) == most).expect("one of the inputs has the most partitions")
    }

    /// The partition that carries a task's ownership.
    pub(crate) fn anchor_of(&self, task: TaskId) -> TopicPartition {
        TopicPartition { topic: self.anchor(self.sub_topology(task)), partition: task.partition }
    }

    /// The tasks that an anchor partition stands for.
    pub(crate) fn tasks_of(&self, anchor: &TopicPartition) -> impl Iterator<Item = TaskId> {
        let owned = self.topology.sub_topologies().iter().filter(|sub| self.anchor(sub) == anchor.topic);
        owned.map(|sub| TaskId { sub_topology: sub.index as u32, partition: anchor.partition })
    }

    /// The input partitions of a task, sorted: the first carries the task's times.
    pub(crate) fn inputs(&self, task: TaskId) -> Vec<TopicPartition> {
        let topics = self.sub_topology(task).inputs.iter().map(|input| input.topic.resolve(&self.application_id));
        let mut inputs: Vec<_> = topics
            .filter(|topic| task.partition < self.partitions_of(topic))
            .map(|topic| TopicPartition { topic, partition: task.partition })
            .collect();
        inputs.sort();
        inputs.dedup();
        inputs
    }

    /// Where an input of a task begins that the group has no position in.
    pub(crate) fn reset_of(&self, task: TaskId, at: &TopicPartition) -> Reset {
        let mut inputs = self.sub_topology(task).inputs.iter();
        inputs.find(|input| input.topic.resolve(&self.application_id) == at.topic).map_or(Reset::Earliest, |input| input.reset)
    }

    /// The changelog partitions of a task.
    pub(crate) fn changelogs(&self, task: TaskId) -> Vec<ChangelogAt> {
        let changelog = |store: &crate::graph::StorePlan| {
            let (topic, is_source) = match &store.changelog {
                Changelog::None => return None,
                Changelog::Internal { topic, .. } => (topic, false),
                Changelog::Source { topic } => (topic, true),
            };
            let at = TopicPartition { topic: topic.resolve(&self.application_id), partition: task.partition };
            Some(ChangelogAt { store: store.name, at, is_source })
        };
        self.sub_topology(task).stores.iter().filter_map(changelog).collect()
    }

    /// How many tasks a sub-topology has.
    pub(crate) fn task_count(&self, sub: &SubTopology) -> i32 {
        sub.inputs.iter().map(|input| self.partitions_of(&input.topic.resolve(&self.application_id))).max().unwrap_or(1)
    }

    /// The connector of a sink task, and which partition it works for.
    pub(crate) fn sink(&self, task: TaskId) -> Option<(Arc<dyn Connector>, TopicPartition)> {
        let connector = self.sub_topology(task).connector.clone()?;
        let topic = self.anchor(self.sub_topology(task));
        Some((connector, TopicPartition { topic, partition: task.partition }))
    }

    /// Whether the group keeps the offset of this sink, for lag. Where a task or a sink before it reads the same topic, it is theirs.
    pub(crate) fn tells_its_lag(&self, task: TaskId) -> bool {
        let topic = &self.sub_topology(task).inputs[0].topic;
        let others = self.topology.sub_topologies().iter().filter(|sub| sub.index != task.sub_topology as usize);
        let mut readers = others.filter(|sub| sub.inputs.iter().any(|input| input.topic == *topic));
        readers.all(|sub| sub.connector.is_some() && sub.index > task.sub_topology as usize)
    }

    pub(crate) fn sink_task(&self, at: &TopicPartition, log_start: i64, log_end: i64) -> SinkTask {
        SinkTask {
            application_id: self.application_id.to_string(),
            topic: at.topic.to_string(),
            partition: at.partition,
            topic_id: self.topics.get(&at.topic).map_or([0; 16], |topic| topic.topic_id),
            log_start,
            log_end,
        }
    }

    /// What a task needs to know to be made.
    pub(crate) fn with_task_inputs<R>(&self, task: TaskId, make: impl FnOnce(TaskInputs<'_>) -> R) -> R {
        let ms = |duration: std::time::Duration| duration.as_millis() as i64;
        make(TaskInputs {
            topology: &self.topology,
            application_id: &self.application_id,
            dead_letter_topic: &self.dead_letter_topic,
            rules: self.config.rules(),
            settings: TaskSettings {
                far_future_ms: ms(self.config.far_future),
                idle_timeout_ms: ms(self.config.idle_timeout),
                marker_interval_ms: ms(self.config.marker_interval),
                partitions: self.task_count(self.sub_topology(task)),
            },
            destinations: &self.destinations,
            globals: &self.globals,
            partitions_of: &|topic| self.partitions_of(topic),
        })
    }
}
