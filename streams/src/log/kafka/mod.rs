//! The log of a Kafka cluster, through librdkafka.
//!
//! Data is read by manual assignment and ownership comes from a [`Member`](super::Member) that reads nothing (the anchor driver):
//! so each client below does one thing. What of librdkafka has no safe door in `rdkafka` stands in `kafka_ffi`.

mod admin;
mod commits;
mod config;
mod error;
mod member;
mod producer;
mod reach;
mod reader;
#[cfg(test)]
mod tests;
mod tuning;

pub use config::{KafkaConfig, Sasl, SaslMechanism, Tls};

use admin::KafkaAdmin;
use member::KafkaMember;
use producer::KafkaProducer;
use reader::KafkaReader;

use super::{Admin, Log, LogError, Member, MemberConfig, Producer, ProducerConfig, Reader, ReaderConfig};

/// A Kafka cluster (2.5 or later; tested with 4.3).
pub struct KafkaLog {
    config: KafkaConfig,
    admin: KafkaAdmin,
}

impl KafkaLog {
    /// Connects and waits until a broker has answered.
    ///
    /// # Errors
    /// The text says what to do: no broker there, wrong password, wrong authority, wrong host name, TLS against a listener without it.
    pub fn connect(config: KafkaConfig) -> Result<Self, LogError> {
        let admin = KafkaAdmin::connect(&config)?;
        Ok(Self { config, admin })
    }
}

impl Log for KafkaLog {
    fn admin(&self) -> &dyn Admin {
        &self.admin
    }

    fn reader(&self, config: ReaderConfig) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(KafkaReader::new(&self.config, config)?))
    }

    fn producer(&self, config: ProducerConfig) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(KafkaProducer::new(&self.config, config)?))
    }

    fn member(&self, config: MemberConfig) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(KafkaMember::new(&self.config, config)?))
    }
}
