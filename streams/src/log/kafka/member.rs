//! The member of the Kafka binding.

use super::KafkaConfig;
use crate::log::*;

pub(super) struct KafkaMember;

impl KafkaMember {
    pub(super) fn new(_: &KafkaConfig, _: MemberConfig) -> Result<Self, LogError> {
        Err(none())
    }
}

fn none() -> LogError {
    LogError::new(ErrorCode::Transport, "not built yet")
}

impl Member for KafkaMember {
    fn poll(&mut self) -> Result<Vec<GroupEvent>, LogError> {
        Err(none())
    }

    fn released(&mut self, _partitions: &[TopicPartition]) -> Result<(), LogError> {
        Err(none())
    }

    fn commit(&mut self, _offsets: &[GroupOffset], _identity: &MemberIdentity) -> Result<(), LogError> {
        Err(none())
    }

    fn leave(&mut self) -> Result<(), LogError> {
        Err(none())
    }
}
