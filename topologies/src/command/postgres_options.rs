//! How a PostgreSQL database is reached, as a person says it.

use super::CommandError;
use super::secret_file;
use clap::Args;
use headwater_connectors::postgres::PostgresConfig;
use headwater_streams::connector::ConnectorError;
use std::path::PathBuf;

/// The password itself; there is no flag for it, since flags are seen by everybody on the machine.
pub(super) const PASSWORD: &str = "HEADWATER_POSTGRES_PASSWORD";

/// What is set for PostgreSQL.
#[derive(Debug, Clone, Args)]
pub(super) struct PostgresOptions {
    /// PostgreSQL database for the tables; without it they lie in a SQLite file
    #[arg(long = "postgres", id = "postgres", value_name = "URL", env = "HEADWATER_POSTGRES", hide_env_values = true)]
    pub(super) url: Option<String>,

    /// Authorities to trust (PEM); asks for TLS, also with a server on this machine
    #[arg(long = "postgres-ca-file", id = "postgres_ca_file", value_name = "FILE", env = "HEADWATER_POSTGRES_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// File that holds the password; the environment may hold it instead, as HEADWATER_POSTGRES_PASSWORD
    #[arg(long = "postgres-password-file", id = "postgres_password_file", value_name = "FILE", env = "HEADWATER_POSTGRES_PASSWORD_FILE")]
    pub(super) password_file: Option<PathBuf>,

    /// Most connections at once: one for each partition that a sink writes just then, and a few for the page
    #[arg(
        long = "postgres-connections",
        id = "postgres_connections",
        value_name = "N",
        env = "HEADWATER_POSTGRES_CONNECTIONS",
        default_value = "8",
        value_parser = clap::value_parser!(u16).range(2..=1_000)
    )]
    connections: u16,
}

impl PostgresOptions {
    /// How the database is reached, if there is to be one. Reads the password, so that a wrong name shows here.
    pub(super) fn config(&self) -> Result<Option<PostgresConfig>, CommandError> {
        let Some(url) = &self.url else { return Ok(None) };
        let mut config = PostgresConfig::parse(url).map_err(|error| match error {
            ConnectorError::Refused { reason, .. } => mistake("postgres", reason),
            other => CommandError::Sink(other),
        })?;
        if let Some(ca) = &self.ca_file {
            std::fs::File::open(ca).map_err(|error| mistake("postgres_ca_file", format!("cannot read {}: {error}", ca.display())))?;
            config = config.with_ca(ca.clone());
        }
        config.pool_size = usize::from(self.connections);
        Ok(Some(match secret_file::password(PASSWORD, "postgres_password_file", self.password_file.as_deref())? {
            Some(password) => config.with_password(password),
            None => config,
        }))
    }
}

fn mistake(setting: &str, what: String) -> CommandError {
    CommandError::Setting { at: setting.into(), what }
}

/// Whether the URL (or the key-value text, which PostgreSQL takes as well) holds a password.
pub(super) fn has_password(url: &str) -> bool {
    without_password(url) != url
}

/// The URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let in_authority = url.split_once("://").and_then(|(scheme, rest)| {
        // The last `@`: a password that was not encoded may hold one itself.
        let (who, place) = rest.rsplit_once('@')?;
        let (user, _) = who.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{place}"))
    });
    match in_authority {
        Some(shown) => shown,
        None if url.to_lowercase().contains("password") => "***".into(),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_seen_and_not_shown() {
        for (url, shown) in [
            ("postgres://shop@db-1:5432/shop", "postgres://shop@db-1:5432/shop"),
            ("postgres://db-1/shop", "postgres://db-1/shop"),
            ("postgres://shop:hunter2@db-1/shop", "postgres://shop:***@db-1/shop"),
            ("postgresql://shop:p@ss/w:rd@db-1/shop", "postgresql://shop:***@db-1/shop"),
            ("postgres://db-1/shop?user=shop&password=hunter2", "***"),
            ("host=db-1 user=shop password=hunter2", "***"),
        ] {
            assert_eq!((without_password(url).as_str(), has_password(url)), (shown, shown != url));
        }
    }
}
