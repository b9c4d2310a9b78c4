//! How a cluster is reached.

use super::super::{ErrorCode, LogError, Secret};
use rdkafka::ClientConfig;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

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
    /// `PLAIN`: in clear, so only with TLS or on the same machine.
    Plain,
}

/// Settings that a guarantee rests on, or that have a place of their own; and where to go instead.
const REFUSED: &[(&str, &str)] = &[
    ("acks", "a record counts as stored when all replicas in sync have it"),
    ("request.required.acks", "a record counts as stored when all replicas in sync have it"),
    ("enable.idempotence", "without it a repeated send stores a record twice"),
    ("enable.gapless.guarantee", "it ends a producer where an abort is enough"),
    ("max.in.flight", "more would let records overtake each other"),
    ("max.in.flight.requests.per.connection", "more would let records overtake each other"),
    ("transactional.id", "each producer has one of its own"),
    ("transaction.timeout.ms", "it is part of the guarantee"),
    ("message.timeout.ms", "it must stay below the session timeout"),
    ("delivery.timeout.ms", "it must stay below the session timeout"),
    ("partitioner", "equal keys must meet where Kafka Streams lets them meet"),
    ("isolation.level", "nobody may read what is not committed"),
    ("auto.offset.reset", "a position outside the log is an error, not a reason to skip"),
    ("enable.auto.commit", "offsets are committed with the state that they belong to"),
    ("enable.auto.offset.store", "offsets are committed with the state that they belong to"),
    ("enable.partition.eof", "readers must know where a partition ends"),
    ("group.id", "it is the application id"),
    ("group.instance.id", "set it in the application's configuration"),
    ("group.protocol", "another protocol needs another member"),
    ("partition.assignment.strategy", "all members of a group must have the same"),
    ("session.timeout.ms", "set it in the application's configuration"),
    ("heartbeat.interval.ms", "it follows the session timeout"),
    ("max.poll.interval.ms", "it is part of the guarantee"),
    ("allow.auto.create.topics", "a topic that nobody made is a mistake"),
    ("bootstrap.servers", "set the brokers instead"),
    ("metadata.broker.list", "set the brokers instead"),
    ("plugin.library.paths", "no foreign code is loaded into this process"),
];

/// Settings of these families decide who may listen and who we are.
const REFUSED_FAMILIES: &[&str] = &["security.", "ssl.", "enable.ssl.", "sasl.", "enable.sasl.", "test.", "interceptor"];

impl KafkaConfig {
    /// A cluster without TLS and passwords.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), ..Self::default() }
    }

    /// Refuses what cannot work or would not be safe.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.brokers.split(',').all(|broker| broker.trim().is_empty()) {
            return Err(refused("no broker is given; name at least one as host:port"));
        }
        self.properties.keys().try_for_each(|name| check_property(name))?;
        if let Some(tls) = &self.tls {
            let certificate = tls.certificate.iter().flat_map(|(certificate, key)| [certificate, key]);
            tls.ca_file.iter().chain(certificate).try_for_each(|file| check_file(file))?;
        }
        match &self.sasl {
            Some(sasl) if sasl.username.is_empty() => Err(refused("SASL needs a user name")),
            Some(sasl) if sasl.mechanism == SaslMechanism::Plain && self.tls.is_none() && !self.is_local() => {
                Err(refused("SASL PLAIN shows the password to whoever listens: use TLS with it, or SCRAM-SHA-512"))
            }
            _ => Ok(()),
        }
    }

    /// Whether no packet leaves this machine.
    fn is_local(&self) -> bool {
        let host = |broker: &str| broker.trim().rsplit_once(':').map_or(broker.trim(), |(host, _)| host).to_owned();
        let is_loopback = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.brokers.split(',').map(host).all(|host| host == "localhost" || is_loopback(&host))
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
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        self.tls.iter().for_each(|tls| tls.apply(&mut client));
        self.sasl.iter().for_each(|sasl| sasl.apply(&mut client));
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

impl Tls {
    fn apply(&self, client: &mut ClientConfig) {
        client.set("enable.ssl.certificate.verification", "true").set("ssl.endpoint.identification.algorithm", "https");
        // "probe" looks where systems keep the certificates that they trust.
        client.set("ssl.ca.location", self.ca_file.as_ref().map_or("probe".into(), |file| file.to_string_lossy()));
        if let Some((certificate, key)) = &self.certificate {
            client.set("ssl.certificate.location", certificate.to_string_lossy()).set("ssl.key.location", key.to_string_lossy());
        }
    }
}

impl Sasl {
    fn apply(&self, client: &mut ClientConfig) {
        client.set("sasl.mechanism", self.mechanism.name()).set("sasl.username", &self.username);
        client.set("sasl.password", self.password.expose());
    }
}

impl SaslMechanism {
    pub(super) fn name(self) -> &'static str {
        match self {
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::Plain => "PLAIN",
        }
    }
}

fn check_property(name: &str) -> Result<(), LogError> {
    if REFUSED_FAMILIES.iter().any(|family| name.starts_with(family)) {
        return Err(refused(format_args!("property {name} is not taken: set TLS and SASL in their own places")));
    }
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, why)) => Err(refused(format_args!("property {name} is not taken: {why}"))),
        None => Ok(()),
    }
}

fn check_file(file: &Path) -> Result<(), LogError> {
    let readable = std::fs::File::open(file).map(drop);
    readable.map_err(|error| refused(format_args!("file {}: {error}", file.display())))
}

fn refused(why: impl std::fmt::Display) -> LogError {
    LogError::new(ErrorCode::Config, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: &KafkaConfig) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_guarantees_rest_on_is_refused() {
        for name in ["acks", "isolation.level", "ssl.endpoint.identification.algorithm", "sasl.password", "enable.idempotence"] {
            let config = KafkaConfig { properties: [(name.to_owned(), "7".to_owned())].into(), ..KafkaConfig::new("localhost:1") };
            assert!(refusal(&config).contains(name));
        }
        let linger = [("linger.ms".to_owned(), "7".to_owned())].into();
        assert_eq!(KafkaConfig { properties: linger, ..KafkaConfig::new("localhost:1") }.check(), Ok(()));
    }

    #[test]
    fn a_password_in_clear_stays_on_this_machine() {
        let sasl = Sasl { mechanism: SaslMechanism::Plain, username: "u".into(), password: Secret::new("hunter2") };
        let config = |brokers: &str| KafkaConfig { sasl: Some(sasl.clone()), ..KafkaConfig::new(brokers) };
        for local in ["127.0.0.1:9092", "localhost:9092,[::1]:9093"] {
            assert_eq!(config(local).check(), Ok(()), "{local}");
        }
        assert!(refusal(&config("127.0.0.1:9092,broker:9092")).contains("PLAIN"));
        assert_eq!(KafkaConfig { tls: Some(Tls::default()), ..config("broker:9092") }.check(), Ok(()));
        assert!(!format!("{:?}", config("broker:9092")).contains("hunter2"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let tls = Tls { ca_file: Some("/no/such/ca.pem".into()), certificate: None };
        let config = KafkaConfig { tls: Some(tls), ..KafkaConfig::new("localhost:1") };
        assert!(refusal(&config).contains("/no/such/ca.pem"));
        assert!(refusal(&KafkaConfig::new(" ")).contains("host:port"));
    }
}
