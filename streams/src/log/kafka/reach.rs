//! The first contact with a cluster, and what to do where there is none.

use super::KafkaConfig;
use super::error::{code_of, error_of};
use crate::log::kafka_ffi::{Client, Failure};
use crate::log::{ErrorCode, LogError};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a broker may take to answer for the first time. It may be starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the other brokers of a list have after one was met with the wrong key.
const OTHERS: Duration = Duration::from_secs(1);

/// librdkafka's number for a connection that failed.
const TRANSPORT: i32 = rdkafka::types::RDKafkaErrorCode::BrokerTransportFailure as i32;

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
        let disconnect = client.disconnect().map(|text| Failure { text, ..Failure::of_code(TRANSPORT) });
        for complaint in client.complaints().into_iter().chain(disconnect) {
            let trouble = Trouble::of(&complaint, client.certificate_error(), config);
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
    Other(ErrorCode, String),
    Refused,
    Unresolved,
    /// We speak plainly to somebody who wants TLS.
    WantsTls,
    /// We bring no name to somebody who wants one.
    WantsSasl,
    /// We speak TLS to somebody who does not.
    SpeaksPlainly,
    WrongAuthority,
    WrongHost,
    OutOfTime,
    WrongPassword(String),
    WrongMechanism(String),
}

impl Trouble {
    fn of(complaint: &Failure, certificate: Option<i32>, config: &KafkaConfig) -> Self {
        let text = complaint.text.as_str();
        let code = code_of(complaint.code);
        match code {
            ErrorCode::AllBrokersDown => Trouble::Silent,
            ErrorCode::Resolve => Trouble::Unresolved,
            ErrorCode::Ssl | ErrorCode::Transport if text.contains("PLAINTEXT broker listener") => Trouble::SpeaksPlainly,
            ErrorCode::Ssl if text.contains("wrong version number") => Trouble::SpeaksPlainly,
            ErrorCode::Ssl => match certificate {
                Some(error) if NAME_MISMATCHES.contains(&error) => Trouble::WrongHost,
                Some(EXPIRED | NOT_YET_VALID) => Trouble::OutOfTime,
                Some(_) => Trouble::WrongAuthority,
                None => Trouble::Other(code, text.trim().to_owned()),
            },
            ErrorCode::Authentication | ErrorCode::SaslAuthentication if text.to_lowercase().contains("unsupported sasl mechanism") => {
                Trouble::WrongMechanism(text.trim().to_owned())
            }
            ErrorCode::Authentication | ErrorCode::SaslAuthentication => Trouble::WrongPassword(text.trim().to_owned()),
            ErrorCode::Transport if text.contains("state APIVERSION_QUERY") && config.tls.is_none() => Trouble::WantsTls,
            ErrorCode::Transport if text.contains("state UP") && config.sasl.is_none() => Trouble::WantsSasl,
            ErrorCode::Transport if text.contains("refused") => Trouble::Refused,
            _ => Trouble::Other(code, text.trim().to_owned()),
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
            // A broker that is going down hangs up too.
            Trouble::Refused | Trouble::Unresolved | Trouble::WantsTls | Trouble::WantsSasl => 2,
            Trouble::SpeaksPlainly => 3,
            Trouble::WrongAuthority | Trouble::WrongHost | Trouble::OutOfTime => 4,
            Trouble::WrongPassword(_) | Trouble::WrongMechanism(_) => 5,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Trouble::Silent => ErrorCode::AllBrokersDown,
            Trouble::Other(code, _) => *code,
            Trouble::Refused => ErrorCode::Transport,
            Trouble::Unresolved => ErrorCode::Resolve,
            Trouble::WantsTls | Trouble::SpeaksPlainly | Trouble::WrongAuthority | Trouble::WrongHost | Trouble::OutOfTime => {
                ErrorCode::Ssl
            }
            Trouble::WantsSasl | Trouble::WrongPassword(_) | Trouble::WrongMechanism(_) => ErrorCode::Authentication,
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
            Trouble::WantsSasl => f.write_str("the broker hung up at the first question, as one does that expects a user; set user and password"),
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
