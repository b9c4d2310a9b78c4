//! A connection that the sink does not know: for locks, transactions and looks from outside.

use crate::support::postgres::Schema;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Config, NoTls};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    runtime: Runtime,
    client: tokio_postgres::Client,
}

impl Client {
    pub(crate) fn of(schema: &Schema) -> Client {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = &schema.config;
        let mut settings = Config::new();
        settings.host(&config.host).port(config.port).dbname(&config.database).user(&config.user);
        settings.password(config.password.as_ref().unwrap().expose());
        let (client, connection) = runtime.block_on(settings.connect(NoTls)).unwrap();
        runtime.spawn(connection);
        let client = Client { runtime, client };
        client.run(&format!("SET search_path = \"{}\"", config.schema));
        client
    }

    pub(crate) fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    /// How many rows the query has.
    pub(crate) fn count(&self, sql: &str) -> usize {
        self.runtime.block_on(self.client.query(sql, &[])).unwrap().len()
    }

    pub(crate) fn await_rows(&self, sql: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.count(sql) == 0 {
            assert!(Instant::now() < deadline, "never came: {sql}");
            std::thread::yield_now();
        }
    }

    /// Until somebody waits for a lock that this connection holds.
    pub(crate) fn await_waiter(&self) {
        self.await_rows("SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))");
    }

    /// Ends the connections that wait for this one.
    pub(crate) fn terminate_waiters(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        assert!(self.count(sql) > 0, "nobody waits");
    }
}
