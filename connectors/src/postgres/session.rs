//! One connection while it is ours. Every call is bounded in time, also where the server does not answer at all.

use super::fault::Fault;
use deadpool_postgres::Object;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// The server stops a statement itself; only one that is cut off or suspended takes longer than that.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) type Parameters<'a> = [&'a (dyn ToSql + Sync)];

pub(crate) struct Session {
    client: Object,
    patience: Duration,
}

impl Session {
    pub(crate) fn new(client: Object, statement_timeout: Duration) -> Session {
        Session { client, patience: statement_timeout + GRACE }
    }

    /// Statements without parameters and without an answer.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Fault> {
        self.bounded(self.client.batch_execute(sql)).await
    }

    /// The answer of a statement, which this connection prepares once.
    pub(crate) async fn query(&self, sql: &str, parameters: &Parameters<'_>) -> Result<Vec<Row>, Fault> {
        let statement = self.bounded(self.client.prepare_cached(sql)).await?;
        self.bounded(self.client.query(&statement, parameters)).await
    }

    /// How many rows a statement took effect on, which this connection prepares once.
    pub(crate) async fn execute(&self, sql: &str, parameters: &Parameters<'_>) -> Result<u64, Fault> {
        let statement = self.bounded(self.client.prepare_cached(sql)).await?;
        self.bounded(self.client.execute(&statement, parameters)).await
    }

    /// Gives the connection back, without a transaction. Where nothing is known about it any more it is closed, which ends what it was
    /// doing on the server as well.
    pub(crate) async fn end<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        let is_clean = match &result {
            Ok(_) => true,
            Err(Fault::Unavailable(_)) => false,
            Err(Fault::Conflict(_) | Fault::Row(_) | Fault::Fenced | Fault::Refused(_)) => self.run("ROLLBACK").await.is_ok(),
        };
        if !is_clean {
            drop(Object::take(self.client));
        }
        result
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        let began = Instant::now();
        let answer = tokio::time::timeout(self.patience, call).await;
        metrics::histogram!("headwater_query_seconds").record(began.elapsed());
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Fault::Unavailable(format!("the server did not answer within {:?}", self.patience))),
        }
    }
}
