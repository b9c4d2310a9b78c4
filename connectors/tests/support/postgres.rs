//! A schema of its own in the database that `HEADWATER_TEST_POSTGRES` names, gone when the test ends.

use super::Warehouse;
use headwater_connectors::postgres::{self, Migration, Postgres, PostgresConfig, PostgresDeadLetters, PostgresSink, SinkProgress};
use headwater_connectors::table::Table;
use headwater_streams::connector::{Connector, ConnectorError};
use headwater_streams::log::Secret;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

pub const SERVER: &str = "HEADWATER_TEST_POSTGRES";

pub struct Schema {
    pub config: PostgresConfig,
    pub database: Postgres,
}

impl Schema {
    /// `None` where no server is named.
    pub fn new() -> Option<Self> {
        let url = std::env::var(SERVER).ok()?;
        let schema = format!("test {:016x}", RandomState::new().hash_one(std::process::id()));
        let config = PostgresConfig { schema, ..PostgresConfig::parse(&url).unwrap() };
        let database = Postgres::connect(config.clone()).unwrap();
        Some(Schema { config, database })
    }

    /// A role that may do this with the tables that there are, and signs in with a password.
    pub fn role(&self, rights: &str) -> PostgresConfig {
        let (user, schema) = (self.role_name(), &self.config.schema);
        self.run(&format!("CREATE ROLE {user} LOGIN PASSWORD 'role-secret'; GRANT USAGE ON SCHEMA \"{schema}\" TO {user}"));
        self.run(&format!("GRANT {rights} ON ALL TABLES IN SCHEMA \"{schema}\" TO {user}"));
        PostgresConfig { user, ..self.config.clone() }.with_password(Secret::new("role-secret"))
    }

    fn role_name(&self) -> String {
        self.config.schema.replace(' ', "_")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A writer that a failed test has left behind may hold locks: what stays then is for the next cleaning of the test server.
        let _ = self.database.query(&format!("DROP SCHEMA \"{}\" CASCADE", self.config.schema), &[]);
        let role = self.role_name();
        let drop = format!("DO $$ BEGIN IF to_regrole('{role}') IS NOT NULL THEN DROP OWNED BY {role}; DROP ROLE {role}; END IF; END $$");
        let _ = self.database.query(&drop, &[]);
    }
}

impl Warehouse for Schema {
    fn sink_into(&self, table: Table) -> Result<Box<dyn Connector>, ConnectorError> {
        Ok(Box::new(PostgresSink::new("category_sales", self.database.clone(), table)?))
    }

    fn several_rows_into(&self, table: Table) -> Box<dyn Connector> {
        Box::new(PostgresSink::new("versions", self.database.clone(), table).unwrap().several_rows())
    }

    fn dead_letters(&self) -> Box<dyn Connector> {
        Box::new(PostgresDeadLetters::new(self.database.clone()))
    }

    fn progress(&self) -> Vec<SinkProgress> {
        postgres::progress(&self.database).unwrap()
    }

    fn reset(&self, application_id: &str, sink: &str) -> Vec<SinkProgress> {
        postgres::reset(&self.database, application_id, sink).unwrap()
    }

    fn migrate(&self, schema: &str, steps: &[Migration]) -> Result<usize, ConnectorError> {
        postgres::migrate(&self.database, schema, steps)
    }

    fn run(&self, sql: &str) {
        // One statement of many: a block takes as many as come.
        self.database.query(&format!("DO $run$ BEGIN {sql}; END $run$"), &[]).unwrap();
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        self.database.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgreSQL")
    }
}
