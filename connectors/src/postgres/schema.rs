//! The tables that sinks bring along.

use super::database::Postgres;
use super::fault::Fault;
use super::migrations;
use crate::migration::Migration;

/// The name under which [`migrations`] counts our own steps.
const SCHEMA: &str = "headwater";

const STEPS: &[Migration] = &[Migration {
    name: "progress of sinks and dead letters",
    sql: r#"
        CREATE TABLE headwater_sink_progress (
            application_id text NOT NULL,
            sink text NOT NULL,
            topic text NOT NULL,
            partition integer NOT NULL,
            topic_id text NOT NULL,
            next_offset bigint,
            epoch bigint NOT NULL,
            PRIMARY KEY (application_id, sink, topic, partition)
        );

        CREATE TABLE dead_letters (
            application_id text NOT NULL,
            topic text NOT NULL,
            partition integer NOT NULL,
            "offset" bigint NOT NULL,
            stage text NOT NULL,
            reason text NOT NULL,
            key bytea,
            value bytea,
            -- ISO 8601: a record's time may lie outside of what timestamptz reaches.
            timestamp text,
            headers text NOT NULL,
            seen_at timestamptz NOT NULL DEFAULT now(),
            published boolean NOT NULL,
            PRIMARY KEY (application_id, topic, partition, "offset", stage)
        );

        -- Read at every claim, and nearly always empty.
        CREATE INDEX dead_letters_unpublished ON dead_letters (application_id, stage, topic, partition, "offset") WHERE NOT published;"#,
}];

pub(crate) fn migrate(database: &Postgres) -> Result<(), Fault> {
    migrations::apply(database, SCHEMA, STEPS).map(|_| ())
}
