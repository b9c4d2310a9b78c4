//! Where the database is and how to reach it: read once, checked once, without a secret in any text.

use super::url::Url;
use headwater_streams::connector::ConnectorError;
use headwater_streams::log::Secret;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What errors are told under that concern no single sink.
pub(crate) const NAME: &str = "postgresql";

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_POOL_SIZE: usize = 8;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_SCHEMA: &str = "public";

/// A database of a PostgreSQL server and how to reach it.
///
/// ```
/// use headwater_connectors::postgres::{PostgresConfig, TlsMode};
///
/// let config = PostgresConfig::parse("postgresql://app@db.example.com/sales?sslrootcert=/etc/ssl/db-ca.pem")?;
/// assert_eq!((config.port, config.schema.as_str()), (5432, "public"));
/// assert_eq!(config.tls, TlsMode::VerifyFull { ca: Some("/etc/ssl/db-ca.pem".into()) });
/// # Ok::<(), headwater_streams::connector::ConnectorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Name or address of the server. The name is what its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role that signs in.
    pub user: String,
    /// Its password.
    pub password: Option<Secret>,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
    /// How many connections there are at most: one for each writer that is in a transaction, one for each query that runs.
    pub pool_size: usize,
    /// How long a connection may take to come up, and how long a caller waits for a free one.
    pub connect_timeout: Duration,
    /// How long one statement may take, on the server (`statement_timeout`); a little longer here, in case it does not answer.
    pub statement_timeout: Duration,
    /// The schema that holds all tables, ours and the application's; made where it is missing.
    pub schema: String,
}

/// Whether and how a connection is encrypted. Encryption without a check of the other side protects from nobody who can redirect
/// traffic, so there is no such mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// In clear text: for a server on the same machine.
    Disable,
    /// TLS; the certificate must be signed by an authority in this PEM file and be for the host that was named.
    VerifyFull {
        /// The authorities that are trusted. Without one no connection is made: there is no list that we would trust unasked.
        ca: Option<PathBuf>,
    },
}

impl PostgresConfig {
    /// Reads `postgresql://user[:password]@host[:port]/database[?sslmode=..&sslrootcert=..&schema=..&connect_timeout=SECONDS]`.
    ///
    /// `sslmode` is `verify-full` (the default for a host that is not this machine) or `disable`. A password that stands in the URL
    /// is shown nowhere, but may be seen in the list of processes: a file or the environment is the better place,
    /// see [`PostgresConfig::with_password`]. [`ConnectorError::Refused`] says what to write instead.
    pub fn parse(url: &str) -> Result<PostgresConfig, ConnectorError> {
        Url::parse(url).and_then(PostgresConfig::of).map_err(|reason| ConnectorError::Refused { sink: NAME.into(), reason })
    }

    /// Signs in with this password.
    pub fn with_password(self, password: Secret) -> PostgresConfig {
        PostgresConfig { password: Some(password), ..self }
    }

    /// Speaks TLS and trusts the authorities in this PEM file.
    pub fn with_ca(self, ca: PathBuf) -> PostgresConfig {
        PostgresConfig { tls: TlsMode::VerifyFull { ca: Some(ca) }, ..self }
    }

    /// The database for an error's text.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    fn of(url: Url) -> Result<PostgresConfig, String> {
        let Url { user, password, host, port, database, parameters } = url;
        let (mut mode, mut ca, mut schema) = (None, None, DEFAULT_SCHEMA.to_string());
        let mut connect_timeout = DEFAULT_CONNECT_TIMEOUT;
        for (name, value) in parameters {
            match name.as_str() {
                "sslmode" => mode = Some(value),
                "sslrootcert" => ca = Some(PathBuf::from(value)),
                "schema" => schema = value,
                "connect_timeout" => connect_timeout = seconds(&value)?,
                _ => return Err(format!("parameter {name} is not known: sslmode, sslrootcert, schema and connect_timeout are")),
            }
        }
        let tls = tls_mode(mode.as_deref(), ca, &host)?;
        Ok(PostgresConfig {
            host,
            port: port.unwrap_or(DEFAULT_PORT),
            database,
            user,
            password,
            tls,
            pool_size: DEFAULT_POOL_SIZE,
            connect_timeout,
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            schema,
        })
    }
}

fn tls_mode(mode: Option<&str>, ca: Option<PathBuf>, host: &str) -> Result<TlsMode, String> {
    match (mode, ca) {
        (None, None) if is_loopback(host) => Ok(TlsMode::Disable),
        (None | Some("verify-full"), ca) => Ok(TlsMode::VerifyFull { ca }),
        (Some("disable"), None) => Ok(TlsMode::Disable),
        (Some("disable"), Some(_)) => Err("sslmode=disable does not go with sslrootcert: leave one of them out".into()),
        (Some("allow" | "prefer" | "require" | "verify-ca"), _) => Err(format!(
            "sslmode={} does not check whom it speaks to: write sslmode=verify-full with sslrootcert=FILE, or sslmode=disable for clear text",
            mode.unwrap_or_default()
        )),
        (Some(mode), _) => Err(format!("sslmode={mode} is not known: write sslmode=verify-full or sslmode=disable")),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("connect_timeout={text} is no number of seconds from 1 to 3600"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Result<TlsMode, String> {
        PostgresConfig::parse(url).map(|config| config.tls).map_err(|error| error.to_string())
    }

    #[test]
    fn tls_is_full_unless_the_host_is_this_machine_or_a_person_says_no() {
        let full = |ca: Option<&str>| Ok(TlsMode::VerifyFull { ca: ca.map(PathBuf::from) });
        let cases = [
            ("postgresql://u@db/d", full(None)),
            ("postgresql://u@db/d?sslrootcert=/ca.pem", full(Some("/ca.pem"))),
            ("postgresql://u@db/d?sslmode=verify-full&sslrootcert=%2Fca.pem", full(Some("/ca.pem"))),
            ("postgresql://u@db/d?sslmode=disable", Ok(TlsMode::Disable)),
            ("postgresql://u@127.0.0.1/d", Ok(TlsMode::Disable)),
            ("postgresql://u@localhost/d", Ok(TlsMode::Disable)),
            ("postgresql://u@[::1]:5433/d", Ok(TlsMode::Disable)),
            ("postgresql://u@localhost/d?sslrootcert=ca.pem", full(Some("ca.pem"))),
            ("postgresql://u@127.evil.example.com/d", full(None)),
        ];
        for (url, expected) in cases {
            assert_eq!(tls(url), expected, "{url}");
        }
        for mode in ["allow", "prefer", "require", "verify-ca"] {
            let said = tls(&format!("postgresql://u@db/d?sslmode={mode}")).unwrap_err();
            assert!(said.contains("write sslmode=verify-full with sslrootcert=FILE"), "{said}");
        }
        assert!(tls("postgresql://u@db/d?sslmode=disable&sslrootcert=x").unwrap_err().contains("leave one of them out"));
        assert!(tls("postgresql://u@db/d?sslmode=maybe").unwrap_err().contains("is not known"));
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let config = PostgresConfig::parse("postgresql://u:s%40cret@db:1/d").unwrap();
        assert_eq!(config.password.as_ref().map(Secret::expose), Some("s@cret"));
        assert!(!format!("{config:?} {}", config.place()).contains("cret"));
        let wrong = ["postgresql://u:s3cret@db", "postgres//u:s3cret@db/d", "postgresql://u:s3cret@db:x/d", "postgresql://u:s3cret%4/d"];
        for url in wrong {
            let said = PostgresConfig::parse(url).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn parameters_are_read_and_strangers_named() {
        let config = PostgresConfig::parse("postgresql://u@db/d?schema=My%20sales&connect_timeout=3").unwrap();
        assert_eq!((config.schema.as_str(), config.connect_timeout), ("My sales", Duration::from_secs(3)));
        for (parameter, said) in [("sslkey=x", "parameter sslkey is not known"), ("connect_timeout=0", "from 1 to 3600")] {
            let error = PostgresConfig::parse(&format!("postgresql://u@db/d?{parameter}")).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
