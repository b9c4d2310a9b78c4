//! A task whose stores are being brought up to their changelogs. When they are, it becomes a running [`Task`].

use super::changelog::Changelog;
use super::clock::TaskClock;
use super::committing::Marked;
use super::context::{Context, Rules};
use super::lane::{Lane, LaneRole};
use super::running::{Feed, Letters};
use super::saved::Saved;
use super::turns::Turns;
use super::{Destinations, Globals, Task, TaskError, TaskId, TaskSettings};
use crate::graph::{InputRole, SubTopology, TopicName, Topology, WiringEnvironment};
use crate::log::{Fetched, GroupOffset, TopicPartition};
use crate::runtime::Recovery;
use headwater_state::{ChangelogPosition, Disk, Journal, RestoreRecord, TaskState};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tracing::info;

/// What a task needs to know of its application.
#[derive(Clone, Copy)]
pub(crate) struct TaskInputs<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) application_id: &'a Arc<str>,
    pub(crate) dead_letter_topic: &'a Arc<str>,
    pub(crate) rules: Rules,
    pub(crate) settings: TaskSettings,
    /// The topics that data may choose.
    pub(crate) destinations: &'a Arc<Destinations>,
    pub(crate) globals: &'a Globals,
    /// Partition count of a topic, by its full name.
    pub(crate) partitions_of: &'a dyn Fn(&str) -> i32,
}

/// One changelog partition as the log has it.
#[derive(Clone, Debug)]
pub(crate) struct ChangelogEnd {
    pub(crate) store: &'static str,
    pub(crate) at: TopicPartition,
    pub(crate) topic_id: [u8; 16],
    pub(crate) earliest: i64,
    /// Restore reads to here: the end of the log, or the committed offset where a source topic serves as changelog.
    pub(crate) end: i64,
    /// Tombstones older than this may be gone.
    pub(crate) delete_retention_ms: i64,
    /// The changelog is a topic that the task reads: nothing is written to it.
    pub(crate) is_source: bool,
}

/// A task on its way to run.
pub(crate) struct Restoring {
    id: TaskId,
    state: TaskState,
    inputs: Vec<TopicPartition>,
    saved: Saved,
    changelogs: Vec<Progress>,
    restored: u64,
}

#[derive(Debug)]
struct Progress {
    changelog: ChangelogEnd,
    next: i64,
}

impl Restoring {
    /// Opens the state and finds out what is missing. State that does not fit the log is set aside and rebuilt.
    pub(crate) fn open(
        id: TaskId, of: TaskInputs<'_>, disk: &Disk, ends: Vec<ChangelogEnd>, found: &[(TopicPartition, Option<GroupOffset>, i64)],
        now: i64,
    ) -> Result<Restoring, TaskError> {
        let failed = |source| TaskError::State { task: id, source };
        let specs = of.topology.sub_topologies()[id.sub_topology as usize].stores.iter().map(|store| store.spec.clone()).collect();
        let journal = match of.rules.recovery {
            Recovery::Undo => Journal::On,
            Recovery::Continue => Journal::Off,
        };
        let mut state = TaskState::open(disk, &id.to_string(), of.topology.plan_hash(), specs, journal).map_err(failed)?;
        if let Some((store, reason)) = ends.iter().find_map(|end| Some((end.store, unusable(state.position(end.store)?, end, now)?))) {
            state.set_aside(&format!("store {store}: {reason}")).map_err(failed)?;
        }
        let progress = |changelog: ChangelogEnd| Progress {
            next: state.position(changelog.store).map_or(changelog.earliest, |position| position.next_offset),
            changelog,
        };
        let changelogs = ends.into_iter().map(progress).collect();
        let inputs: Vec<_> = found.iter().map(|(at, ..)| at.clone()).collect();
        let committed: Vec<_> = found.iter().map(|(_, committed, _)| committed.clone()).collect();
        let starts: Vec<_> = found.iter().map(|(.., start)| *start).collect();
        let saved = Saved::of(&inputs, &committed, &starts);
        Ok(Restoring { id, state, inputs, saved, changelogs, restored: 0 })
    }

    /// Changelog partitions that are still to be read, and from where.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.changelogs
            .iter()
            .filter(|progress| progress.next < progress.changelog.end)
            .map(|progress| (&progress.changelog.at, progress.next))
    }

    /// Offsets of changelogs that are still to be read.
    pub(crate) fn remaining(&self) -> i64 {
        let behind = |progress: &Progress| (progress.changelog.end - progress.next).max(0);
        self.changelogs.iter().map(behind).sum()
    }

    /// Takes a batch of changelog records. Returns whether this partition is complete now.
    pub(crate) fn take(&mut self, fetched: &Fetched, now: i64) -> Result<bool, TaskError> {
        let Some(progress) = self.changelogs.iter_mut().find(|progress| progress.changelog.at == fetched.partition) else {
            return Ok(true);
        };
        let end = progress.changelog.end;
        let mut count = 0;
        let mut records = fetched.records.iter().take_while(|record| record.offset < end).filter_map(|record| {
            count += 1;
            Some(RestoreRecord { key: record.key?, value: record.value, timestamp: record.timestamp, offset: record.offset })
        });
        progress.next = fetched.next.min(end).max(progress.next);
        let position = ChangelogPosition { next_offset: progress.next, topic_id: progress.changelog.topic_id, written_at_ms: now };
        let failed = |source| TaskError::State { task: self.id, source };
        self.state.restore(progress.changelog.store, &mut records, position).map_err(failed)?;
        self.restored += count;
        Ok(progress.next >= end)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.missing().next().is_none()
    }

    /// The positions that stand committed, so that every commit can carry them while the task restores.
    pub(crate) fn offsets(&self) -> Vec<GroupOffset> {
        let metadata = self.saved.metadata.encode();
        let offset = |(i, at): (usize, &TopicPartition)| GroupOffset {
            at: at.clone(),
            offset: self.saved.positions[i],
            metadata: if i == 0 { metadata.clone() } else { String::new() },
        };
        self.inputs.iter().enumerate().map(offset).collect()
    }

    /// Wires the operators: the task runs from here on.
    pub(crate) fn into_task(self, of: TaskInputs<'_>, now: i64) -> Result<Task, TaskError> {
        let id = self.id;
        info!(task = %id, records = self.restored, commit_number = self.state.commit_number(), "restored task");
        let sub = &of.topology.sub_topologies()[id.sub_topology as usize];
        let state = Rc::new(RefCell::new(self.state));
        let mut context = Context::new(of.rules, state.clone());
        let environment = WiringEnvironment {
            application_id: of.application_id,
            partition: id.partition,
            state: &state,
            context: &mut context,
            destinations: of.destinations,
            globals: of.globals,
            partitions_of: of.partitions_of,
        };
        let processors = of.topology.wire(sub.index, environment);
        context.fronts.clone_from(&processors.fronts);
        let letters = Letters {
            application_id: of.application_id.clone(),
            to: context.outbox.output(of.dead_letter_topic, (of.partitions_of)(of.dead_letter_topic)),
        };
        let feeds = feeds(sub, of, &mut context);
        let mut lanes = lanes(id, sub, of.application_id, &processors, &self.inputs)?;
        lanes.sort_by(|a, b| a.at.cmp(&b.at));
        let feeders = lanes.iter().map(|lane| feeders(of.topology, of.application_id, lane)).collect();
        let changelog = |progress: Progress| Changelog {
            store: progress.changelog.store,
            at: progress.changelog.at,
            topic_id: progress.changelog.topic_id,
            pending: Default::default(),
            next_offset: progress.next,
            sent: 0,
            is_source: progress.changelog.is_source,
        };
        let mut task = Task {
            id,
            clock: TaskClock::new(of.rules.time, of.settings.idle_timeout_ms, feeders),
            context,
            processors,
            turns: Turns::of(lanes.len()),
            lanes,
            changelogs: self.changelogs.into_iter().map(changelog).collect(),
            feeds,
            letters,
            settings: of.settings,
            prepared: None,
            saved: self.saved,
            commit_number: 0,
            dirty: false,
            warm: false,
            marked: Marked::default(),
            spare: Vec::new(),
            oldest: None,
            refused: Default::default(),
            dropped_told: 0,
            punctuations: 0,
        };
        task.restore_times();
        // Also before the first record shows no store what has expired.
        task.processors.stores.iter().for_each(|(_, store)| store.resume(task.clock.stream_time()));
        task.init_processors(now);
        Ok(task)
    }
}

/// Why what the store has cannot be brought up to its changelog.
fn unusable(position: ChangelogPosition, changelog: &ChangelogEnd, now: i64) -> Option<&'static str> {
    if position.topic_id != changelog.topic_id {
        Some("the changelog is another topic of the same name")
    } else if position.next_offset < changelog.earliest {
        Some("the changelog begins after the position of the store")
    } else if position.next_offset > changelog.end && !changelog.is_source {
        // A store may be ahead of the committed position of its source: under at-least-once it is written first.
        Some("the changelog ends before the position of the store")
    } else if now - position.written_at_ms > changelog.delete_retention_ms / 2 {
        Some("the store was last written so long ago that tombstones may be gone")
    } else {
        None
    }
}

fn feeds(sub: &SubTopology, of: TaskInputs<'_>, context: &mut Context) -> Vec<Feed> {
    let repartitions = of.topology.repartitions().iter().filter(|plan| plan.upstream == sub.index && plan.role == InputRole::Stream);
    repartitions
        .map(|plan| {
            let topic = plan.topic.resolve(of.application_id);
            let partitions = (of.partitions_of)(&topic);
            Feed { to: context.outbox.output(&topic, partitions), partitions }
        })
        .collect()
}

fn lanes(
    id: TaskId, sub: &SubTopology, application_id: &str, processors: &super::Processors, inputs: &[TopicPartition],
) -> Result<Vec<Lane>, TaskError> {
    let roles: BTreeMap<Arc<str>, LaneRole> =
        sub.inputs.iter().map(|input| (input.topic.resolve(application_id), role_of(&input.topic, input.role))).collect();
    let mut lanes = Vec::new();
    for (source, wired) in processors.sources.iter().enumerate() {
        for (slot, topic) in wired.topics.iter().enumerate() {
            // A topic with fewer partitions than the task's number has nothing for this task.
            let Some(at) = inputs.iter().find(|input| input.topic == *topic) else { continue };
            let role =
                roles.get(topic).copied().ok_or_else(|| TaskError::Log { task: id, reason: format!("no role for input {topic}") })?;
            lanes.push(Lane::new(at.clone(), role, source, slot, 0));
        }
    }
    Ok(lanes)
}

fn role_of(topic: &TopicName, role: InputRole) -> LaneRole {
    match (role, topic) {
        (InputRole::Table, TopicName::Fixed(_)) => LaneRole::Table,
        (InputRole::Table, TopicName::Internal(_)) => LaneRole::RepartitionedRows,
        (InputRole::Stream, TopicName::Internal(_)) => LaneRole::Repartition,
        (InputRole::Stream, TopicName::Fixed(_)) => LaneRole::Stream,
    }
}

/// The sub-topologies that write to a repartition lane.
fn feeders(topology: &Topology, application_id: &str, lane: &Lane) -> Vec<u32> {
    let plans = topology.repartitions().iter().filter(|plan| plan.topic.resolve(application_id) == lane.at.topic);
    plans.map(|plan| plan.upstream as u32).collect()
}
