//! Opens connections: settings, TLS, the pool, and what to tell a person when none comes up.

use super::config::{PostgresConfig, TlsMode};
use super::fault::{Fault, causes, chain};
use crate::sql_text::quote;
use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Every connection can be found by it in `pg_stat_activity`.
const APPLICATION_NAME: &str = "headwater";
/// A writer that was stopped in the middle of a transaction (a suspended process, a machine that sleeps) holds its locks no longer
/// than this, so that its successor comes in.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);
/// How long a peer that has vanished from the network is believed in.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// A pool of connections with these settings; none is open yet.
pub(crate) fn pool(config: &PostgresConfig) -> Result<Pool, Fault> {
    let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &config.tls {
        TlsMode::Disable => Manager::from_config(settings(config, SslMode::Disable), NoTls, fast),
        TlsMode::VerifyFull { ca } => {
            let tls = MakeRustlsConnect::new(trusting(ca.as_deref())?);
            Manager::from_config(settings(config, SslMode::Require), tls, fast)
        }
    };
    let timeout = Some(config.connect_timeout);
    let pool = Pool::builder(manager).max_size(config.pool_size).runtime(Runtime::Tokio1);
    let pool = pool.wait_timeout(timeout).create_timeout(timeout).recycle_timeout(timeout);
    pool.build().map_err(|error| Fault::Refused(error.to_string()))
}

fn settings(config: &PostgresConfig, mode: SslMode) -> Config {
    let mut settings = Config::new();
    settings.host(&config.host).port(config.port).dbname(&config.database).user(&config.user).ssl_mode(mode);
    if let Some(password) = &config.password {
        settings.password(password.expose());
    }
    settings.application_name(APPLICATION_NAME).connect_timeout(config.connect_timeout).options(options(config));
    settings.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(KEEPALIVE_PROBES);
    settings
}

/// Settings of the session, as the server takes them at its start: a space or a backslash in a value is escaped.
fn options(config: &PostgresConfig) -> String {
    let values = [
        ("search_path", quote(&config.schema).replace('\\', "\\\\").replace(' ', "\\ ")),
        ("statement_timeout", config.statement_timeout.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis().to_string()),
    ];
    values.map(|(name, value)| format!("-c {name}={value}")).join(" ")
}

fn trusting(ca: Option<&Path>) -> Result<ClientConfig, Fault> {
    let Some(file) = ca else {
        let what = "TLS needs the authority that signed the server's certificate: name its PEM file (sslrootcert=FILE in the URL)";
        return Err(Fault::Refused(what.into()));
    };
    let unusable = |why: String| Fault::Refused(format!("certificates of authorities in {}: {why}", file.display()));
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let mut roots = RootCertStore::empty();
    for certificate in certificates.map_err(|error| unusable(error.to_string()))? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("the file holds none".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Fault::Refused(error.to_string()))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Why the pool has no connection, in words that say what to do.
pub(crate) fn explain(config: &PostgresConfig, error: PoolError) -> Fault {
    let (place, patience) = (config.place(), config.connect_timeout);
    match error {
        PoolError::Backend(error) => explain_connect(config, error),
        PoolError::Timeout(TimeoutType::Wait) => Fault::Unavailable(format!(
            "all {} connections to {place} were in use for {patience:?}: raise the pool's size or find the slow statement",
            config.pool_size
        )),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => no_answer(config),
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Fault::Unavailable(error.to_string()),
    }
}

fn explain_connect(config: &PostgresConfig, error: Error) -> Fault {
    let PostgresConfig { host, user, database, .. } = config;
    let place = config.place();
    if let Some(code) = error.code() {
        let said = error.as_db_error().map_or_else(String::new, |error| error.message().to_string());
        return match code.code() {
            "28P01" => Fault::Refused(format!("{place} refuses the password of user {user}: check both (an unknown user looks the same)")),
            "28000" => {
                let tls = if config.tls == TlsMode::Disable { ", or speak TLS (sslrootcert=FILE in the URL)" } else { "" };
                Fault::Refused(format!("{place} does not let user {user} in: {said}: make the role, or allow it in pg_hba.conf{tls}"))
            }
            "3D000" => Fault::Refused(format!("{place}: database {database} does not exist: create it, or name another one")),
            _ => Fault::from(error),
        };
    }
    let causes = causes(&error);
    let io = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>());
    let tls = io.and_then(|io| io.get_ref()).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(error) = tls {
        return Fault::Refused(explain_tls(config, error));
    }
    let says = |text: &str| causes.iter().any(|cause| cause.to_string() == text);
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            Fault::Unavailable(format!("nobody listens at {host}:{}: start the server, or correct the address", config.port))
        }
        Some(io::ErrorKind::TimedOut) => no_answer(config),
        _ if says("server does not support TLS") => Fault::Refused(format!(
            "{place} does not offer TLS: switch it on there (ssl = on), or write sslmode=disable to send everything in clear text"
        )),
        _ if says("password missing") => Fault::Refused(format!(
            "{place} asks for the password of user {user}, and none was given: put it into a file or the environment"
        )),
        _ => Fault::Unavailable(format!("{place}: {}", chain(&error))),
    }
}

fn explain_tls(config: &PostgresConfig, error: &rustls::Error) -> String {
    let (place, host) = (config.place(), &config.host);
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let TlsMode::VerifyFull { ca: Some(ca) } = &config.tls else { return format!("{place}: {error}") };
            let file = ca.display();
            format!("the certificate of {place} is not signed by an authority in {file}: name the file of the one that signed it")
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            format!(
                "the certificate of {place} is not for host {host}: connect by a name that it holds, or have one issued for it ({error})"
            )
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("the certificate of {place} has expired: renew it ({error})")
        }
        _ => format!("no TLS with {place}: {error}"),
    }
}

fn no_answer(config: &PostgresConfig) -> Fault {
    Fault::Unavailable(format!("{} did not answer within {:?}", config.place(), config.connect_timeout))
}
