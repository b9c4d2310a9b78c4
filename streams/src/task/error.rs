//! Why a task cannot go on.

use super::{Failure, Fault, Stop, TaskId};
use crate::format::FormatError;
use crate::log::TopicPartition;
use headwater_state::StateError;
use std::sync::Arc;

/// An error that stops the application; it names where.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A record failed and the policy is [`OnFailure::Fail`](crate::runtime::OnFailure::Fail): mend the record or change the policy.
    #[error("task {task}, operator {stage}, record {at} offset {offset}: {cause}")]
    Record {
        /// Where in its way the record failed, and so which policy said to stop.
        fault: Fault,
        /// The task.
        task: TaskId,
        /// The operator that failed.
        stage: Arc<str>,
        /// Where the record was read.
        at: TopicPartition,
        /// Its offset.
        offset: i64,
        /// What went wrong.
        cause: Failure,
    },
    /// A `suppress` that shuts down when it is full holds more than it may: allow more, or let it emit early.
    #[error("task {task}, operator {stage}: the buffer holds more than its limits allow")]
    BufferFull {
        /// The task.
        task: TaskId,
        /// The operator.
        stage: Arc<str>,
    },
    /// The state is not readable or writable.
    #[error("task {task}: state failed")]
    State {
        /// The task.
        task: TaskId,
        /// What the store said.
        #[source]
        source: StateError,
    },
    /// A row of a store is not what its types say: put the old types back, or give the store another name.
    #[error("task {task}: row of store {store}: {source}")]
    Row {
        /// The task.
        task: TaskId,
        /// The store.
        store: &'static str,
        /// What was wrong with the row.
        source: FormatError,
    },
    /// A changelog holds rows of Kafka Streams, whose layout for them is not ours; read as ours they would be nonsense.
    #[error(
        "task {task}: {rows} rows of store {store} were left by Kafka Streams in {at}, the first at offset {offset}, in a layout that is not ours: \
         let the Java application run until it holds nothing back any more, or give up what it holds back and delete the topic, or name the operator otherwise"
    )]
    Foreign {
        /// The task.
        task: TaskId,
        /// The store.
        store: &'static str,
        /// How many rows.
        rows: usize,
        /// The changelog.
        at: TopicPartition,
        /// Where the first of them is.
        offset: i64,
    },
    /// The log is not what the task left: a person must look.
    #[error("task {task}: {reason}")]
    Log {
        /// The task.
        task: TaskId,
        /// What is wrong, with coordinates.
        reason: String,
    },
}

impl TaskError {
    pub(crate) fn of_stop(task: TaskId, at: &TopicPartition, offset: i64, stop: Stop) -> TaskError {
        match stop {
            Stop::Record { fault, stage, cause } => TaskError::Record { fault, task, stage, at: at.clone(), offset, cause },
            Stop::BufferFull { stage } => TaskError::BufferFull { task, stage },
            Stop::State(source) => TaskError::State { task, source },
            Stop::Row { store, source } => TaskError::Row { task, store, source },
        }
    }
}
