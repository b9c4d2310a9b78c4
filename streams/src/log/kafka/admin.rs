//! The admin of the Kafka binding.

use super::KafkaConfig;
use crate::log::*;

pub(super) struct KafkaAdmin;

impl KafkaAdmin {
    pub(super) fn connect(_: &KafkaConfig) -> Result<Self, LogError> {
        Err(none())
    }
}

fn none() -> LogError {
    LogError::new(ErrorCode::Transport, "not built yet")
}

use std::sync::Arc;

impl Admin for KafkaAdmin {
    fn create_topic(&self, _spec: &TopicSpec) -> Result<(), LogError> {
        Err(none())
    }

    fn delete_topic(&self, _topic: &str) -> Result<(), LogError> {
        Err(none())
    }

    fn create_partitions(&self, _topic: &str, _partitions: i32) -> Result<(), LogError> {
        Err(none())
    }

    fn alter_topic(&self, _topic: &str, _configs: &[(&str, Option<&str>)]) -> Result<(), LogError> {
        Err(none())
    }

    fn describe_topic(&self, _topic: &str) -> Result<Option<TopicDescription>, LogError> {
        Err(none())
    }

    fn topics(&self) -> Result<Vec<Arc<str>>, LogError> {
        Err(none())
    }

    fn ends(&self, _at: &TopicPartition) -> Result<Ends, LogError> {
        Err(none())
    }

    fn list_offset(&self, _at: &TopicPartition, _query: OffsetQuery, _isolation: Isolation) -> Result<Option<ListedOffset>, LogError> {
        Err(none())
    }

    fn delete_records(&self, _at: &TopicPartition, _before: Option<i64>) -> Result<i64, LogError> {
        Err(none())
    }

    fn committed(&self, _group: &str, _partitions: &[TopicPartition], _require_stable: bool) -> Result<Vec<Option<GroupOffset>>, LogError> {
        Err(none())
    }

    fn commit_offsets(&self, _group: &str, _offsets: &[GroupOffset], _member: &MemberIdentity) -> Result<(), LogError> {
        Err(none())
    }

    fn delete_offsets(&self, _group: &str, _partitions: &[TopicPartition]) -> Result<(), LogError> {
        Err(none())
    }

    fn delete_group(&self, _group: &str) -> Result<(), LogError> {
        Err(none())
    }

    fn describe_group(&self, _group: &str) -> Result<Option<GroupDescription>, LogError> {
        Err(none())
    }

    fn describe_transaction(&self, _transactional_id: &str) -> Result<Option<TransactionDescription>, LogError> {
        Err(none())
    }
}
