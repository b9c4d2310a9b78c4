//! The first contact with a cluster, and what to do where there is none.

use super::KafkaConfig;
use super::error::{code_of, error_of};
use crate::log::kafka_ffi::{Client, Report};
use crate::log::{ErrorCode, LogError};
use rdkafka::types::RDKafkaErrorCode;
use std::fmt;
use std::time::{Duration, Instant};

/// How long a broker may take to answer for the first time. It may be starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the other brokers of a list have after one was met with the wrong key.
const OTHERS: Duration = Duration::from_secs(1);

/// How long one look takes.
const LOOK: Duration = Duration::from_millis(200);

/// OpenSSL's `X509_V_ERR_..` for names that do not match and certificates out of their time.
const NAME_MISMATCHES: [i32; 3] = [62, 63, 64];
const NOT_YET_VALID: i32 = 9;
const EXPIRED: i32 = 10;

/// Waits until a broker has answered.
pub(super) fn reach(client: &Client, config: &KafkaConfig) -> Result<(), LogError> {
    let mut deadline = Instant::now() + PATIENCE;
    let mut last: Option<Trouble> = None;
    loop {
        if client.reach(LOOK).is_ok() {
            return Ok(());
        }
        for report in client.reports(Duration::ZERO) {
            let trouble = Trouble::of(&report, client.certificate_error(), config);
            if trouble.is_definite() {
                deadline = deadline.min(Instant::now() + OTHERS);
            }
            // That all brokers are down is a consequence, and what never passes says more than what may.
            if last.as_ref().is_none_or(|last| trouble.weight() >= last.weight()) {
                last = Some(trouble);
            }
        }
        if Instant::now() >= deadline {
            let trouble = last.unwrap_or(Trouble::Silent);
            return Err(error_of(trouble.code(), format_args!("{}: {}", config.brokers, Advice(&trouble, config))));
        }
    }
}

/// Why there is no connection.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// No broker has said anything.
    Silent,
    /// Anything else, in librdkafka's words.
    Other(RDKafkaErrorCode, String),
    Refused,
    Unresolved,
    /// We speak plainly to somebody who wants TLS.
    WantsTls,
    /// We speak TLS to somebody who does not.
    SpeaksPlainly,
    WrongAuthority,
    WrongHost,
    OutOfTime,
    WrongPassword(String),
    WrongMechanism(String),
}

impl Trouble {
    fn of(report: &Report, certificate: Option<i32>, config: &KafkaConfig) -> Self {
        let text = report.text.as_str();
        match code_of(report.code) {
            ErrorCode::AllBrokersDown => Trouble::Silent,
            ErrorCode::Resolve => Trouble::Unresolved,
            ErrorCode::Ssl | ErrorCode::Transport if text.contains("PLAINTEXT broker listener") => Trouble::SpeaksPlainly,
            ErrorCode::Ssl if text.contains("wrong version number") => Trouble::SpeaksPlainly,
            ErrorCode::Ssl => match certificate {
                Some(error) if NAME_MISMATCHES.contains(&error) => Trouble::WrongHost,
                Some(EXPIRED | NOT_YET_VALID) => Trouble::OutOfTime,
                Some(_) => Trouble::WrongAuthority,
                None => Trouble::Other(report.code, text.trim().to_owned()),
            },
            ErrorCode::Authentication | ErrorCode::SaslAuthentication if text.to_lowercase().contains("unsupported sasl mechanism") => {
                Trouble::WrongMechanism(text.trim().to_owned())
            }
            ErrorCode::Authentication | ErrorCode::SaslAuthentication => Trouble::WrongPassword(text.trim().to_owned()),
            ErrorCode::Transport if text.contains("SSL listener") && config.tls.is_none() => Trouble::WantsTls,
            ErrorCode::Transport if text.contains("refused") => Trouble::Refused,
            _ => Trouble::Other(report.code, text.trim().to_owned()),
        }
    }

    /// Whether waiting does not help.
    fn is_definite(&self) -> bool {
        self.weight() > 2
    }

    fn weight(&self) -> u8 {
        match self {
            Trouble::Silent => 0,
            Trouble::Other(..) => 1,
            Trouble::Refused | Trouble::Unresolved => 2,
            Trouble::WantsTls | Trouble::SpeaksPlainly => 3,
            Trouble::WrongAuthority | Trouble::WrongHost | Trouble::OutOfTime => 4,
            Trouble::WrongPassword(_) | Trouble::WrongMechanism(_) => 5,
        }
    }

    fn code(&self) -> RDKafkaErrorCode {
        match self {
            Trouble::Silent => RDKafkaErrorCode::AllBrokersDown,
            Trouble::Other(code, _) => *code,
            Trouble::Refused => RDKafkaErrorCode::BrokerTransportFailure,
            Trouble::Unresolved => RDKafkaErrorCode::Resolve,
            Trouble::WantsTls | Trouble::SpeaksPlainly | Trouble::WrongAuthority | Trouble::WrongHost | Trouble::OutOfTime => {
                RDKafkaErrorCode::SSL
            }
            Trouble::WrongPassword(_) | Trouble::WrongMechanism(_) => RDKafkaErrorCode::Authentication,
        }
    }
}

/// What to do about it.
struct Advice<'a>(&'a Trouble, &'a KafkaConfig);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Advice(trouble, config) = self;
        let sasl = config.sasl.as_ref();
        let (user, mechanism) = sasl.map_or(("", ""), |sasl| (sasl.username.as_str(), sasl.mechanism.name()));
        match trouble {
            Trouble::Silent => f.write_str("no broker has answered; is one running there, and does a firewall let us through?"),
            Trouble::Other(_, text) => f.write_str(text),
            Trouble::Refused => f.write_str("nobody listens there; start the broker, or correct host and port"),
            Trouble::Unresolved => f.write_str("the host name is not known; correct it, or tell the name service"),
            Trouble::WantsTls => f.write_str("the broker hung up at once, as one does that expects TLS; turn TLS on, or use a listener without it"),
            Trouble::SpeaksPlainly => f.write_str("the broker does not speak TLS there; use its TLS listener, or turn TLS off"),
            Trouble::WrongAuthority => match config.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
                Some(file) => write!(
                    f,
                    "the broker's certificate is not signed by an authority in {}; give the file of the authority that signed it",
                    file.display()
                ),
                None => f.write_str("the broker's certificate is not signed by an authority that this system trusts; give the file of the one that signed it"),
            },
            Trouble::WrongHost => f.write_str(
                "the broker's certificate is for another host name; connect by a name that the certificate carries, or have it issued for this one",
            ),
            Trouble::OutOfTime => f.write_str("the broker's certificate has expired or is not valid yet; renew it, or correct this machine's clock"),
            Trouble::WrongPassword(text) => {
                write!(f, "the broker does not take user {user} with this password by {mechanism}; correct user or password, or add the user to the cluster ({text})")
            }
            Trouble::WrongMechanism(text) => write!(f, "the broker does not offer {mechanism}; use a mechanism that it offers ({text})"),
        }
    }
}
