//! Topics, offsets and groups, asked from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{GroupOffset, Isolation, LogError, MemberIdentity, TopicPartition};

/// Administers one log. Each call is done when it returns.
pub trait Admin: Send + Sync {
    /// Makes a topic.
    fn create_topic(&self, spec: &TopicSpec) -> Result<(), LogError>;

    /// Deletes a topic with its records and the offsets committed for it.
    fn delete_topic(&self, topic: &str) -> Result<(), LogError>;

    /// Raises the number of partitions to `partitions`.
    fn create_partitions(&self, topic: &str, partitions: i32) -> Result<(), LogError>;

    /// Sets configurations; `None` returns one to its default.
    fn alter_topic(&self, topic: &str, configs: &[(&str, Option<&str>)]) -> Result<(), LogError>;

    /// What a topic is; `None` if there is none.
    fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, LogError>;

    /// The names of all topics, in order.
    fn topics(&self) -> Result<Vec<Arc<str>>, LogError>;

    /// Where a partition begins and ends.
    fn ends(&self, at: &TopicPartition) -> Result<Ends, LogError>;

    /// An offset by its meaning; `None` if no record fits.
    fn list_offset(&self, at: &TopicPartition, query: OffsetQuery, isolation: Isolation) -> Result<Option<ListedOffset>, LogError>;

    /// The offsets behind the last records, those of open transactions included. What does not answer within this time is left out.
    ///
    /// # Errors
    /// Where nothing answers.
    fn latest(&self, of: &[TopicPartition], within: Duration) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let _ = within;
        let latest = |at: &TopicPartition| Ok((at.clone(), self.ends(at)?.latest));
        of.iter().map(latest).collect()
    }

    /// The first offset whose record has this timestamp or a later one; `None` if there is none.
    fn offset_for_time(&self, at: &TopicPartition, timestamp: i64) -> Result<Option<i64>, LogError> {
        Ok(self.list_offset(at, OffsetQuery::Time(timestamp), Isolation::Uncommitted)?.map(|found| found.offset))
    }

    /// Deletes the records below `before`, or all with `None`. Returns the new first offset.
    fn delete_records(&self, at: &TopicPartition, before: Option<i64>) -> Result<i64, LogError>;

    /// A group's committed offsets, in the order asked. With `require_stable` the whole answer is the retriable
    /// `UNSTABLE_OFFSET_COMMIT` while an open transaction holds one of them.
    fn committed(&self, group: &str, partitions: &[TopicPartition], require_stable: bool) -> Result<Vec<Option<GroupOffset>>, LogError>;

    /// Commits offsets outside any transaction. Those that can be taken are taken; the first refusal is the result.
    fn commit_offsets(&self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError>;

    /// Deletes a group's offsets. Those that can be deleted are; the first refusal is the result.
    fn delete_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Deletes a group without members, with its offsets.
    fn delete_group(&self, group: &str) -> Result<(), LogError>;

    /// What a group is; `None` if there is none.
    fn describe_group(&self, group: &str) -> Result<Option<GroupDescription>, LogError>;

    /// What the log knows of a transactional id; `None` if it never heard of it.
    fn describe_transaction(&self, transactional_id: &str) -> Result<Option<TransactionDescription>, LogError>;
}

/// A topic to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Configurations by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

/// A topic that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// How many partitions it has.
    pub partitions: i32,
    /// Its identity: another topic of the same name has another.
    pub topic_id: [u8; 16],
    /// All configurations, defaults included.
    pub configs: BTreeMap<String, String>,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The first offset there may be.
    pub earliest: i64,
    /// The offset behind the last record.
    pub latest: i64,
    /// The last stable offset: up to here committed reads go.
    pub stable: i64,
}

/// A question for an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The beginning.
    Earliest,
    /// The end that the isolation shows.
    Latest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first record with this timestamp or a later one.
    Time(i64),
}

/// The answer to an [`OffsetQuery`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset.
    pub offset: i64,
    /// The timestamp of the record there, for questions about time.
    pub timestamp: Option<i64>,
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Kafka's word for its state: `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
    pub state: String,
    /// Its members, in the order of their ids.
    pub members: Vec<MemberDescription>,
}

/// A member of a group as others see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberDescription {
    /// Given by the group.
    pub member_id: String,
    /// What the member calls itself: [`MemberConfig::client_id`](super::MemberConfig::client_id).
    pub client_id: String,
    /// What it has been given, in order. Only a stable group says so.
    pub partitions: Vec<TopicPartition>,
}

/// A transactional id as its coordinator knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDescription {
    /// Kafka's word for its state: `Empty`, `Ongoing`, `CompleteCommit`, `CompleteAbort`.
    pub state: String,
    /// The producer epoch.
    pub epoch: i16,
    /// The partitions that are part of the open transaction, in order.
    pub partitions: Vec<TopicPartition>,
}
