//! Which tasks a query is about, and which of them are missing here.

use super::directory::{Standing, TaskAt};
use crate::graph::SubTopology;
use crate::log::TopicPartition;
use crate::query::{Keys, QueryError, Question};
use crate::runtime::plan::Plan;
use crate::task::{TaskId, partition_of_key};
use headwater_state::CommittedState;
use std::collections::BTreeSet;

/// Which partitions of a store a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them; for a key the one that owns it.
    Whole,
    /// Those that this process has.
    Here,
    /// A certain one.
    Partition(i32),
}

/// A task that a query needs and that cannot be read here.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    pub(crate) task: TaskId,
    /// It was given to us and does not work yet.
    pub(crate) is_coming: bool,
    /// The partition that carries its ownership.
    pub(crate) anchor: TopicPartition,
    /// Who we are in the group; empty: we have not joined.
    pub(crate) member_id: String,
}

impl Scope {
    /// The tasks that have the rows, or the first of them that is missing here.
    pub(crate) fn tasks(self, standing: &Standing, question: &Question) -> Result<Result<Vec<TaskId>, Missing>, QueryError> {
        let store = question.store;
        let sub = sub_topology_of(&standing.plan, store).ok_or(QueryError::NoSuchStore { store })?;
        let sub_topology = sub.index as u32;
        let task = |partition| TaskId { sub_topology, partition };
        let count = standing.plan.task_count(sub);
        let wanted: Vec<TaskId> = match (self, question.ask.keys()) {
            (Scope::Partition(partition), _) if (0..count).contains(&partition) => vec![task(partition)],
            (Scope::Partition(partition), _) => return Err(QueryError::NoSuchPartition { store, partition, partitions: count }),
            (Scope::Whole | Scope::Here, Keys::One(key)) => partitions_of(&standing.plan, store, key).into_iter().map(task).collect(),
            (Scope::Whole, Keys::Between(..)) => (0..count).map(task).collect(),
            (Scope::Here, Keys::Between(..)) if standing.member_id.is_empty() => vec![task(0)],
            (Scope::Here, Keys::Between(..)) => standing.tasks.keys().copied().filter(|task| task.sub_topology == sub_topology).collect(),
        };
        let missing = wanted.iter().find(|task| !standing.is_here(**task));
        Ok(match missing {
            Some(task) => Err(standing.missing(*task)),
            None => Ok(wanted),
        })
    }
}

impl Standing {
    pub(crate) fn is_here(&self, task: TaskId) -> bool {
        matches!(self.tasks.get(&task), Some(TaskAt::Here(_)))
    }

    /// What the task has committed, if it is here.
    pub(crate) fn state(&self, task: TaskId) -> Option<CommittedState> {
        match self.tasks.get(&task) {
            Some(TaskAt::Here(state)) => Some(state.clone()),
            Some(TaskAt::Coming) | None => None,
        }
    }

    pub(crate) fn missing(&self, task: TaskId) -> Missing {
        Missing {
            task,
            is_coming: matches!(self.tasks.get(&task), Some(TaskAt::Coming)),
            anchor: self.plan.anchor_of(task),
            member_id: self.member_id.clone(),
        }
    }
}

/// The tasks of a store, the first partition first.
pub(crate) fn all_tasks(standing: &Standing, store: &'static str) -> Result<impl Iterator<Item = TaskId> + use<>, QueryError> {
    let sub = sub_topology_of(&standing.plan, store).ok_or(QueryError::NoSuchStore { store })?;
    let (sub_topology, count) = (sub.index as u32, standing.plan.task_count(sub));
    Ok((0..count).map(move |partition| TaskId { sub_topology, partition }))
}

/// The sub-topology that fills and reads a store.
pub(crate) fn sub_topology_of<'p>(plan: &'p Plan, store: &str) -> Option<&'p SubTopology> {
    plan.topology.sub_topologies().iter().find(|sub| sub.stores.iter().any(|known| known.name == store))
}

/// Where the rows of a key may be: one partition, unless topics of different counts were thrown together without a repartition.
pub(crate) fn partitions_of(plan: &Plan, store: &'static str, key: &[u8]) -> BTreeSet<i32> {
    let topics = plan.topology.topics_behind(store);
    let counts = topics.iter().map(|topic| plan.partitions_of(&topic.resolve(&plan.application_id)));
    counts.map(|count| partition_of_key(key, count)).collect()
}
