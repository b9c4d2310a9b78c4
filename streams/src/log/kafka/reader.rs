//! The reader of the Kafka binding.

use super::KafkaConfig;
use crate::log::*;

pub(super) struct KafkaReader;

impl KafkaReader {
    pub(super) fn new(_: &KafkaConfig, _: ReaderConfig) -> Result<Self, LogError> {
        Err(none())
    }
}

fn none() -> LogError {
    LogError::new(ErrorCode::Transport, "not built yet")
}

use std::time::Duration;

impl Reader for KafkaReader {
    fn assign(&mut self, _at: &TopicPartition, _start: StartAt) {}

    fn unassign(&mut self, _at: &TopicPartition) {}

    fn pause(&mut self, _at: &TopicPartition) {}

    fn resume(&mut self, _at: &TopicPartition) {}

    fn position(&self, _at: &TopicPartition) -> Option<i64> {
        None
    }

    fn poll(&mut self, _limit: FetchLimit, _wait: Duration, _out: &mut Vec<Fetched>) -> Result<(), LogError> {
        Err(none())
    }

    fn recycle(&mut self, _records: Records) {}
}
