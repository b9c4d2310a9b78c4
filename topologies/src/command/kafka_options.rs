//! How a Kafka cluster is reached, as a person says it.

use super::CommandError;
use super::secret_file;
use clap::{Args, ValueEnum};
use headwater_streams::log::{KafkaConfig, Sasl, SaslMechanism, Secret, Tls};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The password itself; there is no flag for it, since flags are seen by everybody on the machine.
pub(super) const PASSWORD: &str = "HEADWATER_KAFKA_PASSWORD";

/// What is set for Kafka.
#[derive(Debug, Clone, Args)]
pub(super) struct KafkaOptions {
    /// Kafka brokers to ask first; without them the embedded log is used
    #[arg(long, value_name = "HOST:PORT,..", env = "HEADWATER_BROKERS", value_parser = brokers)]
    pub(super) brokers: Option<String>,

    /// How brokers are spoken to: Kafka's security.protocol
    #[arg(
        long = "kafka-security",
        id = "kafka_security",
        value_name = "PROTOCOL",
        env = "HEADWATER_KAFKA_SECURITY",
        default_value = "plaintext"
    )]
    security: Security,

    /// Authorities to trust (PEM) [default: those of the system]
    #[arg(long = "kafka-ca-file", id = "kafka_ca_file", value_name = "FILE", env = "HEADWATER_KAFKA_CA_FILE")]
    ca_file: Option<PathBuf>,

    /// Our own certificate (PEM), where brokers ask for one
    #[arg(long = "kafka-certificate-file", id = "kafka_certificate_file", value_name = "FILE", env = "HEADWATER_KAFKA_CERTIFICATE_FILE")]
    certificate_file: Option<PathBuf>,

    /// The key of our own certificate (PEM)
    #[arg(long = "kafka-key-file", id = "kafka_key_file", value_name = "FILE", env = "HEADWATER_KAFKA_KEY_FILE")]
    key_file: Option<PathBuf>,

    /// How the password is shown to brokers
    #[arg(
        long = "kafka-sasl-mechanism",
        id = "kafka_sasl_mechanism",
        value_name = "MECHANISM",
        env = "HEADWATER_KAFKA_SASL_MECHANISM",
        default_value = "scram-sha-512"
    )]
    mechanism: Mechanism,

    /// Who we are, under a sasl protocol
    #[arg(long = "kafka-username", id = "kafka_username", value_name = "NAME", env = "HEADWATER_KAFKA_USERNAME")]
    username: Option<String>,

    /// File that holds the password; the environment may hold it instead, as HEADWATER_KAFKA_PASSWORD
    #[arg(long = "kafka-password-file", id = "kafka_password_file", value_name = "FILE", env = "HEADWATER_KAFKA_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    /// Further settings of librdkafka by its names
    #[arg(long = "kafka-properties", id = "kafka_properties", value_name = "NAME=VALUE,..", env = "HEADWATER_KAFKA_PROPERTIES", value_delimiter = ',', value_parser = property)]
    properties: Vec<(String, String)>,
}

/// Kafka's names of `security.protocol`, as we write words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Security {
    /// Everybody between here and the broker can read along
    Plaintext,
    /// TLS; certificate and host name are checked
    Ssl,
    /// A name and a password, readable by others under the mechanism plain
    SaslPlaintext,
    /// TLS, and a name with a password
    SaslSsl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mechanism {
    #[value(name = "scram-sha-512")]
    ScramSha512,
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// The password goes over the wire as it is
    Plain,
}

impl Security {
    fn has_tls(self) -> bool {
        matches!(self, Security::Ssl | Security::SaslSsl)
    }

    fn has_sasl(self) -> bool {
        matches!(self, Security::SaslPlaintext | Security::SaslSsl)
    }
}

impl KafkaOptions {
    /// How the cluster is reached, if there is to be one. Reads the files that are named, so that a wrong name shows here.
    pub(super) fn config(&self) -> Result<Option<KafkaConfig>, CommandError> {
        let Some(brokers) = &self.brokers else { return Ok(None) };
        let properties: BTreeMap<_, _> = self.properties.iter().cloned().collect();
        Ok(Some(KafkaConfig { tls: self.tls()?, sasl: self.sasl()?, properties, ..KafkaConfig::new(brokers.as_str()) }))
    }

    fn tls(&self) -> Result<Option<Tls>, CommandError> {
        let files =
            [("kafka_ca_file", &self.ca_file), ("kafka_certificate_file", &self.certificate_file), ("kafka_key_file", &self.key_file)];
        for (setting, file) in files {
            let Some(file) = file else { continue };
            if !self.security.has_tls() {
                return Err(mistake(setting, "is set, but kafka_security is without TLS: set it to ssl or sasl-ssl"));
            }
            std::fs::File::open(file).map_err(|error| mistake(setting, format!("cannot read {}: {error}", file.display())))?;
        }
        let certificate = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(mistake("kafka_key_file", "is missing: a certificate is of no use without its key")),
            (None, Some(_)) => return Err(mistake("kafka_certificate_file", "is missing: a key is of no use without its certificate")),
        };
        Ok(self.security.has_tls().then(|| Tls { ca_file: self.ca_file.clone(), certificate }))
    }

    fn sasl(&self) -> Result<Option<Sasl>, CommandError> {
        if !self.security.has_sasl() {
            return match self.username {
                None => Ok(None),
                Some(_) => Err(mistake("kafka_username", "is set, but kafka_security is without SASL: set it to sasl-ssl")),
            };
        }
        let Some(username) = self.username.clone() else {
            return Err(mistake("kafka_username", "is missing, and kafka_security asks for a name and a password"));
        };
        let Some(password) = self.password()? else {
            return Err(mistake(
                "kafka_password_file",
                format!("is missing: name a file that holds the password, or put it into the environment as {PASSWORD}"),
            ));
        };
        if self.mechanism == Mechanism::Plain && !self.security.has_tls() {
            return Err(mistake(
                "kafka_sasl_mechanism",
                "plain shows the password to everybody on the way: set kafka_security to sasl-ssl",
            ));
        }
        Ok(Some(Sasl { mechanism: self.mechanism.into(), username, password }))
    }

    fn password(&self) -> Result<Option<Secret>, CommandError> {
        secret_file::password(PASSWORD, "kafka_password_file", self.password_file.as_deref())
    }
}

impl From<Mechanism> for SaslMechanism {
    fn from(mechanism: Mechanism) -> Self {
        match mechanism {
            Mechanism::ScramSha512 => SaslMechanism::ScramSha512,
            Mechanism::ScramSha256 => SaslMechanism::ScramSha256,
            Mechanism::Plain => SaslMechanism::Plain,
        }
    }
}

fn mistake(setting: &'static str, what: impl Into<String>) -> CommandError {
    CommandError::Setting { at: setting.into(), what: what.into() }
}

fn brokers(text: &str) -> Result<String, String> {
    let is_address = |address: &str| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
    };
    match text.split(',').find(|address| !is_address(address.trim())) {
        None => Ok(text.to_owned()),
        Some(_) => Err("not a list of host:port, such as kafka-1:9092,kafka-2:9092".into()),
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE, such as socket.timeout.ms=30000")?;
    match name.trim() {
        "" => Err("not NAME=VALUE, such as socket.timeout.ms=30000".into()),
        // Whatever is set here is shown by `headwater config`.
        secret if secret.contains("password") || secret.contains("secret") || secret.ends_with(".pem") => {
            Err(format!("{secret} is a secret: use kafka_password_file or a file of its own"))
        }
        name => Ok((name.to_owned(), value.trim().to_owned())),
    }
}
