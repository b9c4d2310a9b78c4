//! A database with its pool of connections. Callers are threads that may block; the network runs on a small runtime of our own.

use super::backoff::Backoff;
use super::config::{NAME, PostgresConfig};
use super::fault::Fault;
use super::session::Session;
use super::{connect, schema};
use deadpool_postgres::Pool;
use headwater_streams::connector::ConnectorError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Writers do not depend on what the role or the database has as its default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// A database, reachable. A clone shares the connections.
///
/// All methods block the calling thread; from asynchronous code they belong on a thread for blocking work.
#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
}

struct Shared {
    config: PostgresConfig,
    pool: Pool,
    /// Taken when the last clone goes.
    runtime: Option<Runtime>,
}

/// How busy the pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// How many connections there may be.
    pub size: usize,
    /// How many are in use.
    pub in_use: usize,
    /// How many callers wait for one.
    pub waiting: usize,
}

impl Postgres {
    /// Connects, so that what is wrong is known at once, and brings our own tables up to date.
    ///
    /// [`ConnectorError::Refused`] is for a person, [`ConnectorError::Unavailable`] may pass; both say what to do.
    pub fn connect(config: PostgresConfig) -> Result<Postgres, ConnectorError> {
        let connected = Postgres::unconnected(config).and_then(|database| {
            schema::migrate(&database)?;
            Ok(database)
        });
        connected.map_err(|fault| fault.into_connector_error(NAME, None))
    }

    /// The rows that `sql` answers with, `$1` and on being `params`. Takes no longer than the settings allow: waiting for a connection
    /// and for the answer are bounded.
    pub fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, ConnectorError> {
        let rows = self.block_on(async {
            let session = self.session().await?;
            let answer = session.query(sql, params).await;
            session.end(answer).await
        });
        rows.map_err(|fault| fault.into_connector_error(NAME, None))
    }

    /// How busy the pool is.
    pub fn pool_status(&self) -> PoolStatus {
        let status = self.shared.pool.status();
        PoolStatus { size: status.max_size, in_use: status.size - status.available, waiting: status.waiting }
    }

    /// Everything that `work` does takes effect, or nothing. A transaction that stood in another's way is tried again, a few times, so
    /// `work` starts from the beginning whenever it is called.
    pub(crate) fn transaction<T>(&self, mut work: impl AsyncFnMut(&Session) -> Result<T, Fault>) -> Result<T, Fault> {
        self.block_on(async {
            let mut backoff = Backoff::new();
            loop {
                match self.try_transaction(&mut work).await {
                    Err(Fault::Conflict(reason)) => backoff.wait_or_give_up(reason).await?,
                    done => return done,
                }
            }
        })
    }

    async fn try_transaction<T>(&self, work: &mut impl AsyncFnMut(&Session) -> Result<T, Fault>) -> Result<T, Fault> {
        let session = self.session().await?;
        let done = async {
            session.run(BEGIN).await?;
            let done = work(&session).await?;
            session.run("COMMIT").await?;
            Ok(done)
        };
        let done = done.await;
        session.end(done).await
    }

    /// The schema of all tables.
    pub(crate) fn schema(&self) -> &str {
        &self.shared.config.schema
    }

    fn unconnected(config: PostgresConfig) -> Result<Postgres, Fault> {
        let pool = connect::pool(&config)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("postgresql").enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| Fault::Unavailable(format!("no thread for the connections: {error}")))?;
        Ok(Postgres { shared: Arc::new(Shared { config, pool, runtime: Some(runtime) }) })
    }

    async fn session(&self) -> Result<Session, Fault> {
        let client = self.shared.pool.get().await.map_err(|error| connect::explain(&self.shared.config, error))?;
        Ok(Session::new(client, self.shared.config.statement_timeout))
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.shared.runtime.as_ref().expect("the runtime lives as long as a clone").block_on(work)
    }
}

impl Drop for Shared {
    /// The last clone may go in a place where nobody may wait.
    fn drop(&mut self) {
        self.pool.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("config", &self.shared.config).field("pool", &self.pool_status()).finish()
    }
}
