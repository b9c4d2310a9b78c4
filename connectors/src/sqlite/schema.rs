//! The tables that sinks bring along.

use super::fault::Fault;
use super::migrations;
use crate::migration::Migration;
use rusqlite::Connection;

/// The name under which [`migrations`] counts our own steps.
const SCHEMA: &str = "headwater";

const STEPS: &[Migration] = &[Migration {
    name: "progress of sinks and dead letters",
    sql: "
        CREATE TABLE headwater_sink_progress (
            application_id TEXT NOT NULL,
            sink TEXT NOT NULL,
            topic TEXT NOT NULL,
            partition INTEGER NOT NULL,
            topic_id TEXT NOT NULL,
            next_offset INTEGER,
            epoch INTEGER NOT NULL,
            PRIMARY KEY (application_id, sink, topic, partition)
        ) WITHOUT ROWID;

        CREATE TABLE dead_letters (
            application_id TEXT NOT NULL,
            topic TEXT NOT NULL,
            partition INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            stage TEXT NOT NULL,
            reason TEXT NOT NULL,
            key BLOB,
            value BLOB,
            timestamp TEXT,
            headers TEXT NOT NULL,
            seen_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
            published INTEGER NOT NULL,
            PRIMARY KEY (application_id, topic, partition, offset, stage)
        );

        -- Read at every claim, and nearly always empty.
        CREATE INDEX dead_letters_unpublished ON dead_letters (application_id, stage, topic, partition, offset) WHERE published = 0;",
}];

pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    migrations::apply(connection, SCHEMA, STEPS).map(|_| ())
}
