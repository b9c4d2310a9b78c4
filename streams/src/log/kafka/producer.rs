//! The producer of the Kafka binding.

use super::KafkaConfig;
use crate::log::*;

pub(super) struct KafkaProducer;

impl KafkaProducer {
    pub(super) fn new(_: &KafkaConfig, _: ProducerConfig) -> Result<Self, LogError> {
        Err(none())
    }
}

fn none() -> LogError {
    LogError::new(ErrorCode::Transport, "not built yet")
}

impl Producer for KafkaProducer {
    fn init_transactions(&mut self) -> Result<(), LogError> {
        Err(none())
    }

    fn begin(&mut self) -> Result<(), LogError> {
        Err(none())
    }

    fn send(&mut self, _to: &TopicPartition, _records: &mut Records) -> Result<Ticket, LogError> {
        Err(none())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Err(none())
    }

    fn deliveries(&mut self, _out: &mut Vec<Delivery>) {}

    fn send_offsets(&mut self, _group: &str, _offsets: &[GroupOffset], _member: &MemberIdentity) -> Result<(), LogError> {
        Err(none())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        Err(none())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        Err(none())
    }
}
