//! How a cluster is reached.

use super::super::Secret;
use rdkafka::ClientConfig;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a cluster is reached. TLS where [`KafkaConfig::tls`] is set, SASL where [`KafkaConfig::sasl`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Where to ask first: `host:port,host:port`.
    pub brokers: String,
    /// TLS; without it the connection is readable by others.
    pub tls: Option<Tls>,
    /// Who we are.
    pub sasl: Option<Sasl>,
    /// Further settings of librdkafka by its names, applied last. Those that a guarantee rests on are refused.
    pub properties: BTreeMap<String, String>,
}

/// TLS. Certificate and host name of the broker are always checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities to trust (PEM); without it those of the system.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where brokers ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is shown to the broker.
    pub mechanism: SaslMechanism,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a password is shown to the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaslMechanism {
    /// `SCRAM-SHA-512`: never in clear (RFC 5802).
    #[default]
    ScramSha512,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `PLAIN`: in clear, so only with TLS.
    Plain,
}

impl KafkaConfig {
    /// A cluster without TLS and passwords.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), ..Self::default() }
    }

    /// What every client has in common. What is the client's own comes after this, and [`KafkaConfig::finish`] last.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", "headwater");
        // A topic that nobody made is a mistake, which a topic out of nowhere would hide.
        client.set("allow.auto.create.topics", "false");
        // A broker that comes back is met within a second; librdkafka would wait up to ten.
        client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        // Brokers that collect clients' metrics make each of them wait when it ends.
        client.set("enable.metrics.push", "false");
        client
    }

    /// The further settings, last: they may change what is not refused.
    pub(super) fn finish(&self, mut client: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }
}
