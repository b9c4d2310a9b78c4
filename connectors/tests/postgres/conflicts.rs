//! Writers and others in each other's way: what may succeed at once is tried again, what may not is told in bounded time.

use super::client::Client;
use crate::support::postgres::Schema;
use crate::support::{CATEGORY_SALES, Warehouse, rows, task};
use headwater_connectors::postgres::{PoolStatus, Postgres, PostgresConfig, PostgresSink};
use headwater_streams::connector::{Connector, ConnectorError, SinkTask};
use std::time::{Duration, Instant};

fn unavailable(error: &ConnectorError, said: &str) {
    assert!(matches!(error, ConnectorError::Unavailable { reason, .. } if reason.contains(said)), "{error}");
}

#[test]
fn a_deadlock_is_tried_again() {
    let Some(schema) = Schema::new() else { return };
    let mut writer = schema.writer();
    writer.claim().unwrap();
    let both = [("10:00", "Home", "1.00", 1), ("10:01", "Home", "1.00", 1)];
    writer.write(&rows(0, &both), 2).unwrap();
    let other = Client::of(&schema);
    // The writer is to find the deadlock first, and to give way.
    other.run("SET deadlock_timeout = '1min'; BEGIN; UPDATE category_sales SET total_sales = '5' WHERE window_start = '10:01'");
    std::thread::scope(|scope| {
        let written = scope.spawn(|| writer.write(&rows(2, &both), 4).unwrap());
        other.await_waiter();
        other.run("UPDATE category_sales SET total_sales = '5' WHERE window_start = '10:00'; COMMIT");
        assert_eq!(written.join().unwrap().rows, 2);
    });
    assert_eq!(schema.rows(), ["10:00 Home 1.00 1", "10:01 Home 1.00 1"]);
    assert_eq!(schema.writer().claim().unwrap().next_offset, Some(4));
}

#[test]
fn conflicts_are_tried_again_a_few_times_and_no_more() {
    let Some(schema) = Schema::new() else { return };
    let mut writer = schema.writer();
    writer.claim().unwrap();
    // A sequence does not go back with its transaction.
    schema.run(
        "CREATE SEQUENCE attempts; CREATE TABLE failing AS SELECT 3 AS times;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('attempts') <= (SELECT times FROM failing) THEN RAISE 'busy' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER fail BEFORE INSERT ON category_sales FOR EACH ROW EXECUTE FUNCTION fail()",
    );
    let row = rows(0, &[("10:00", "Home", "1.00", 1)]);
    assert_eq!(writer.write(&row, 1).unwrap().rows, 1);
    assert_eq!(schema.texts("SELECT last_value::text FROM attempts"), ["4"]);
    schema.run("UPDATE failing SET times = 1000000");
    unavailable(&writer.write(&rows(1, &[("10:01", "Home", "1.00", 1)]), 2).unwrap_err(), "busy (SQLSTATE 40001), 6 times");
    assert_eq!((schema.rows().len(), schema.letters().len()), (1, 0));
}

#[test]
fn writers_that_meet_in_the_same_rows_never_deadlock() {
    let Some(schema) = Schema::new() else { return };
    schema.writer();
    // A deadlock would not be found by the server, and be an error of the writer that waits in it.
    let config = schema.role("ALL");
    schema.run(&format!("ALTER ROLE {} SET deadlock_timeout = '1h'", config.user));
    let database = Postgres::connect(PostgresConfig { statement_timeout: Duration::from_secs(20), ..config }).unwrap();
    std::thread::scope(|scope| {
        for partition in 0..4_i64 {
            let sink = PostgresSink::new("category_sales", database.clone(), CATEGORY_SALES).unwrap();
            scope.spawn(move || {
                let task = SinkTask { partition: partition as i32, ..task() };
                let mut writer = sink.open(&task).unwrap();
                writer.claim().unwrap();
                for batch in 0..25 {
                    // The same rows in another order each time.
                    let windows: Vec<String> = (0..40).map(|n| format!("{:02}", (n * (2 * partition + 3) + batch) % 41)).collect();
                    let all: Vec<_> = windows.iter().map(|window| (window.as_str(), "Home", "1.00", batch)).collect();
                    writer.write(&rows(batch * 40, &all), batch * 40 + 40).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_lock_that_somebody_keeps_is_told_in_time() {
    let Some(schema) = Schema::new() else { return };
    let config = PostgresConfig { statement_timeout: Duration::from_millis(300), ..schema.config.clone() };
    let sink = PostgresSink::new("category_sales", Postgres::connect(config).unwrap(), CATEGORY_SALES).unwrap();
    let mut writer = sink.open(&task()).unwrap();
    writer.claim().unwrap();
    let other = Client::of(&schema);
    other.run("BEGIN; LOCK TABLE category_sales IN EXCLUSIVE MODE");
    let row = rows(0, &[("10:00", "Home", "1.00", 1)]);
    unavailable(&writer.write(&row, 1).unwrap_err(), "canceling statement due to statement timeout");
    other.run("ROLLBACK");
    assert_eq!(writer.write(&row, 1).unwrap().rows, 1);
}

#[test]
fn a_pool_that_is_used_up_says_so() {
    let Some(schema) = Schema::new() else { return };
    let config = PostgresConfig { pool_size: 1, connect_timeout: Duration::from_millis(300), ..schema.config.clone() };
    let database = Postgres::connect(config).unwrap();
    assert_eq!(database.pool_status(), PoolStatus { size: 1, in_use: 0, waiting: 0 });
    let other = Client::of(&schema);
    other.run("BEGIN; SELECT pg_advisory_xact_lock(4711)");
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| database.query("SELECT pg_advisory_xact_lock_shared(4711)", &[]).map(|rows| rows.len()));
        other.await_waiter();
        assert_eq!(database.pool_status().in_use, 1);
        let started = Instant::now();
        unavailable(&database.query("SELECT 1", &[]).unwrap_err(), "all 1 connections to");
        assert!(started.elapsed() < Duration::from_secs(5));
        other.run("COMMIT");
        assert_eq!(busy.join().unwrap().unwrap(), 1);
    });
    assert_eq!(database.query("SELECT 1", &[]).unwrap().len(), 1);
}
