//! A connection that goes in the middle: nothing is lost, nothing comes twice, and a writer that stands still holds nobody up.

use super::client::Client;
use super::proxy::{Fate, Proxy};
use crate::support::postgres::Schema;
use crate::support::{CATEGORY_SALES, Warehouse, rows, task};
use headwater_connectors::postgres::{Postgres, PostgresConfig, PostgresSink};
use headwater_streams::connector::{Connector, ConnectorError, Writer};
use headwater_streams::log::Headers;
use std::time::{Duration, Instant};

fn is_unavailable<T>(result: Result<T, ConnectorError>) -> bool {
    matches!(result, Err(ConnectorError::Unavailable { .. }))
}

/// A writer that reaches the server through the proxy.
fn writer_through(proxy: &Proxy, schema: &Schema, statement_timeout: Duration) -> Box<dyn Writer> {
    let config = PostgresConfig { host: "127.0.0.1".into(), port: proxy.port, statement_timeout, ..schema.config.clone() };
    let sink = PostgresSink::new("category_sales", Postgres::connect(config).unwrap(), CATEGORY_SALES).unwrap();
    sink.open(&task()).unwrap()
}

#[test]
fn a_backend_that_is_terminated_takes_its_transaction_along() {
    let Some(schema) = Schema::new() else { return };
    let mut writer = schema.writer();
    writer.claim().unwrap();
    let row = rows(0, &[("10:00", "Home", "1.00", 1)]);
    let other = Client::of(&schema);
    other.run("BEGIN; LOCK TABLE category_sales IN EXCLUSIVE MODE");
    std::thread::scope(|scope| {
        let written = scope.spawn(|| writer.write(&row, 1));
        other.await_waiter();
        other.terminate_waiters();
        assert!(is_unavailable(written.join().unwrap()));
    });
    other.run("COMMIT");
    assert_eq!(writer.claim().unwrap().next_offset, None);
    assert_eq!((writer.write(&row, 1).unwrap().rows, schema.rows().len()), (1, 1));
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_by_the_next_claim() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(&schema.config.host, schema.config.port);
    let mut writer = writer_through(&proxy, &schema, Duration::from_secs(10));
    writer.claim().unwrap();
    let mut batch = rows(0, &[("10:00", "Home", "1.00", 1)]);
    batch.push(1, 0, None, Some(b"bad"), &Headers::new());
    proxy.next_commit(Fate::AnswerLost);
    assert!(is_unavailable(writer.write(&batch, 2)));
    let claim = writer.claim().unwrap();
    assert_eq!((claim.next_offset, claim.unpublished.len()), (Some(2), 1), "the letter whose answer was lost is not lost");
    assert_eq!(writer.write(&batch, 2).unwrap(), Default::default(), "the same batch again is harmless");
    assert_eq!((schema.rows(), schema.letters().len()), (vec!["10:00 Home 1.00 1".to_string()], 1));

    proxy.next_commit(Fate::AnswerLost);
    assert!(is_unavailable(writer.claim()));
    assert_eq!(writer.claim().unwrap().next_offset, Some(2));
}

/// A writer stands still between its last statement and its commit, as a suspended process does, and holds the lock of its progress.
#[test]
fn a_writer_that_stands_still_in_a_transaction_is_fenced() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(&schema.config.host, schema.config.port);
    let mut zombie = writer_through(&proxy, &schema, Duration::from_secs(20));
    zombie.claim().unwrap();
    zombie.write(&rows(0, &[("10:00", "Home", "1.00", 1)]), 1).unwrap();
    proxy.next_commit(Fate::Stuck);
    std::thread::scope(|scope| {
        let stuck = scope.spawn(|| zombie.write(&rows(1, &[("10:00", "Home", "6.66", 6)]), 2));
        let other = Client::of(&schema);
        let idle = format!(
            "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%headwater_sink_progress%'
             AND pid IN (SELECT pid FROM pg_locks WHERE relation = '\"{}\".headwater_sink_progress'::regclass)",
            schema.config.schema
        );
        other.await_rows(&idle);
        let started = Instant::now();
        let mut heir = schema.writer();
        assert_eq!(heir.claim().unwrap().next_offset, Some(1));
        assert!(started.elapsed() < Duration::from_secs(15), "the heir waited for {:?}", started.elapsed());
        heir.write(&rows(1, &[("10:00", "Home", "2.00", 2)]), 2).unwrap();
        assert!(is_unavailable(stuck.join().unwrap()));
    });
    let late = zombie.write(&rows(1, &[("10:00", "Home", "6.66", 6)]), 2);
    assert!(matches!(late, Err(ConnectorError::Fenced { .. })), "{late:?}");
    assert_eq!(schema.rows(), ["10:00 Home 2.00 2"]);
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(&schema.config.host, schema.config.port);
    let mut writer = writer_through(&proxy, &schema, Duration::from_millis(100));
    writer.claim().unwrap();
    let row = rows(0, &[("10:00", "Home", "1.00", 1)]);
    proxy.next_commit(Fate::Stuck);
    let started = Instant::now();
    let error = writer.write(&row, 1).unwrap_err();
    assert!(matches!(&error, ConnectorError::Unavailable { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
    assert_eq!(writer.claim().unwrap().next_offset, None);
    assert_eq!(writer.write(&row, 1).unwrap().rows, 1);
}

/// The epoch of a claim that was rolled back is given to the next one, and must not be that of both.
#[test]
fn a_claim_that_did_not_happen_gives_no_right_to_write() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(&schema.config.host, schema.config.port);
    let mut writer = writer_through(&proxy, &schema, Duration::from_millis(100));
    writer.claim().unwrap();
    proxy.next_commit(Fate::Stuck);
    assert!(is_unavailable(writer.claim()));
    let mut heir = schema.writer();
    heir.claim().unwrap();
    let late = writer.write(&rows(0, &[("10:00", "Home", "6.66", 6)]), 1);
    assert!(matches!(late, Err(ConnectorError::Fenced { .. })), "{late:?}");
}
