//! What reaches the step function, and what leaves it.

use super::plan::Plan;
use super::queries::Inquiry;
use super::sink::{SinkCommand, SinkEvent};
use crate::log::{Delivery, Ends, Fetched, GroupEvent, GroupOffset, LogError, MemberIdentity, Records, StartAt, TopicPartition};
use crate::task::TaskId;
use std::sync::Arc;

/// Something happened outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// The group has spoken.
    Group(GroupEvent),
    /// Answer to [`Effect::MakeProducer`].
    Producer(Result<(), LogError>),
    /// Answer to [`Effect::LookUp`].
    Found(TaskId, Result<Found, LogError>),
    /// Records of an input. They were fetched after all effects of the step before were carried out.
    Read(ReaderOf, Fetched),
    /// Records of a changelog.
    Restored(Fetched),
    /// Answer to [`Effect::Commit`].
    Committed(Result<Vec<Delivery>, LogError>),
    /// Answer to [`Effect::Flush`].
    Flushed(Result<Vec<Delivery>, LogError>),
    /// Answer to [`Effect::CommitOffsets`], with the time before it was asked.
    OffsetsCommitted(i64, Result<(), LogError>),
    /// Answer to [`Effect::Confirm`], with the time before it was asked.
    Confirmed(i64, Result<(), LogError>),
    /// An event of the group proves that it has heard of us after this time.
    Contact(i64),
    /// A sink's writer has spoken.
    Sink(TaskId, SinkEvent),
    /// Answer to [`Effect::Look`].
    Sight(Arc<str>, Result<Sight, LogError>),
    /// Somebody asks for rows that are not committed yet.
    Inquiry(Inquiry),
    /// Answer to [`Effect::AskEnds`]: where those partitions end that have answered, what transactions have not ended yet included.
    Ends(Vec<(TopicPartition, i64)>),
    /// Somebody wants the application to end: commit, leave.
    Stop,
}

/// What was seen of the log while the application runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// How many partitions the topic has, and which topic it is; none if there is none.
    pub(crate) topic: Option<(i32, [u8; 16])>,
    /// Where partitions end.
    pub(crate) ends: Vec<(TopicPartition, i64)>,
    /// Topics that a pattern matches and nobody reads, because they were made after the start.
    pub(crate) unread: Vec<Arc<str>>,
}

/// Which reader: sinks outside of the log have positions of their own, so a topic may be read by several of them and by a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReaderOf {
    /// The one of all tasks; no two of them read the same partition.
    Tasks,
    /// The one of a sub-topology that is a sink.
    Sink(u32),
}

/// Where the log and the group stand for one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Per input, in the plan's order: what the group has committed, and the ends of the log.
    pub(crate) inputs: Vec<(TopicPartition, Option<GroupOffset>, Ends)>,
    /// Per changelog, in the plan's order.
    pub(crate) changelogs: Vec<Ends>,
    /// Inputs without a committed offset that begin by the age of their records: where.
    pub(crate) by_age: Vec<(TopicPartition, i64)>,
}

/// Something to be done outside. Effects are executed in their order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Ask for committed offsets and ends.
    LookUp(TaskId),
    /// Read an input from here; a second time means: go back (or forth) to here.
    Read(ReaderOf, TopicPartition, StartAt),
    StopReading(ReaderOf, TopicPartition),
    Pause(ReaderOf, TopicPartition),
    Resume(ReaderOf, TopicPartition),
    /// Read a changelog from here.
    Restore(TopicPartition, i64),
    StopRestoring(TopicPartition),
    /// Hand records to the producer, within the open transaction.
    Send(TopicPartition, Records),
    /// Exactly-once: offsets into the transaction, then commit.
    Commit(Vec<GroupOffset>, MemberIdentity),
    /// At-least-once: wait until everything is delivered.
    Flush,
    /// At-least-once: commit offsets.
    CommitOffsets(Vec<GroupOffset>, MemberIdentity),
    /// Commit offsets that are committed already: the answer tells whether the group still takes them from us.
    Confirm(Vec<GroupOffset>, MemberIdentity),
    /// Abort the transaction and give the producer up: what it still holds goes with it.
    Abort,
    /// Make a producer and take the transactional id over, which ends whatever its predecessor left open.
    MakeProducer,
    /// Nobody needs the records of this partition below the offset.
    Purge(TopicPartition, i64),
    /// See what has become of a topic, and where these partitions end.
    Look(Arc<str>, Vec<TopicPartition>),
    /// Ask where these inputs end, which seem to have nothing to say.
    AskEnds(Vec<TopicPartition>),
    /// From here on this plan holds: an input has grown.
    Replan(Arc<Plan>),
    /// For the writer of a sink.
    Sink(TaskId, SinkCommand),
    /// These anchor partitions are let go of.
    Released(Vec<TopicPartition>),
    /// Leave the group; the last effect there is.
    Leave,
}

/// What the step function wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Call again at once.
    Busy,
    /// Nothing to do before this time (milliseconds), unless something happens.
    IdleUntil(i64),
    /// The application has ended.
    Stopped,
    /// The application has ended without its last commit: what is not committed will be done again.
    GaveUp,
}
