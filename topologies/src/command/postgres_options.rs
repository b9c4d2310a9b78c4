//! How a PostgreSQL database is reached, as a person says it.

use clap::Args;
use std::path::PathBuf;

/// The password itself; there is no flag for it, since flags are seen by everybody on the machine.
pub(super) const PASSWORD: &str = "HEADWATER_POSTGRES_PASSWORD";

/// What is set for PostgreSQL.
#[derive(Debug, Clone, Args)]
pub(super) struct PostgresOptions {
    /// PostgreSQL database for the tables; without it they lie in a SQLite file
    #[arg(long = "postgres", id = "postgres", value_name = "URL", env = "HEADWATER_POSTGRES", hide_env_values = true)]
    pub(super) url: Option<String>,

    /// Authorities to trust (PEM); the connection is TLS then
    #[arg(long = "postgres-ca-file", id = "postgres_ca_file", value_name = "FILE", env = "HEADWATER_POSTGRES_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// File that holds the password; the environment may hold it instead, as HEADWATER_POSTGRES_PASSWORD
    #[arg(long = "postgres-password-file", id = "postgres_password_file", value_name = "FILE", env = "HEADWATER_POSTGRES_PASSWORD_FILE")]
    pub(super) password_file: Option<PathBuf>,
}
