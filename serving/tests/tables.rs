//! Pages of plain tables show what the tables hold, and come to life table by table. PostgreSQL where HEADWATER_TEST_POSTGRES names one.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_connectors::postgres::{Postgres, PostgresConfig};
use headwater_serving::{ANALYTICS_PAGE, DIMENSIONS_PAGE, FRAUD_PAGE, PostgresTables, Source, SourceError, SqliteTables, Tables};
use rusqlite::Connection;
use serde_json::{Value, json};

const STORES: &str =
    "CREATE TABLE dim_store (store_id text, effective_date {time}, end_date {time}, is_current boolean, name text, city text,
    region text, floor_area_sqm bigint)";
const STORE: &str =
    "INSERT INTO dim_store VALUES ('S-1', '2025-11-29T20:00:00.500Z', '2025-11-30T00:00:00.000Z', false, 'Old', 'Pune', 'West', NULL),
    ('S-1', '2025-11-30T00:00:00.000Z', NULL, true, 'New', 'Pune', 'West', 1200)";
const WINDOWS: &str = "CREATE TABLE analytics_results (window_start {time}, window_end {time}, revenue {money}, orders bigint,
    average_order_value {money}, top_products {json}, countries {json})";

/// Statements of both databases, but for the types.
fn in_sqlite(sql: &str) -> String {
    sql.replace("{time}", "text").replace("{money}", "text").replace("{json}", "text")
}

fn in_postgres(sql: &str) -> String {
    sql.replace("{time}", "timestamptz").replace("{money}", "numeric(18, 2)").replace("{json}", "jsonb")
}

/// A window that begins so many times ten seconds after 20:00.
fn window(number: u64) -> String {
    format!(
        r#"INSERT INTO analytics_results VALUES ('2025-11-29T20:0{0}:{1}0Z', '2025-11-29T20:0{2}:{1}0Z', '{number}.50', 1, '{number}.50',
            '[{{"product_id": "P-1", "revenue": "{number}.50"}}]', '{{"DE": {{"orders": 1}}}}')"#,
        number / 6,
        number % 6,
        number / 6 + 1,
    )
}

fn version(start: &str, end: Value, is_current: bool, name: &str, area: Value) -> Value {
    json!({ "store_id": "S-1", "name": name, "city": "Pune", "region": "West", "floor_area_sqm": area, "effective_date": start, "end_date": end,
        "is_current": is_current })
}

/// What the page of the dimensions must show of the stores, and how it says what is missing.
fn check_stores(source: &mut impl Source<Tables>) {
    let found = source.read().unwrap();
    assert!(found.absent.as_ref().is_some_and(|absent| absent.contains("no table dim_product yet")), "{:?}", found.absent);
    let stores = &found.listings["stores"];
    let (first, second) = ("2025-11-29T20:00:00.500Z", "2025-11-30T00:00:00.000Z");
    assert_eq!(stores.count, 2);
    assert_eq!(
        stores.rows,
        [version(second, Value::Null, true, "New", json!(1200)), version(first, json!(second), false, "Old", Value::Null)]
    );
    assert_eq!(found.listings["store_counts"].rows, [json!({ "versions": 2, "current": 1 })]);
}

/// The last full minute is the window after which five have begun; before there is one, the first of all.
fn check_minute(source: &mut impl Source<Tables>, windows: u64) {
    let found = source.read().unwrap();
    let minute = &found.listings["minute"].rows[..];
    let shown = windows.saturating_sub(6);
    assert_eq!((minute.len(), &minute[0]["revenue"]), (1, &json!(format!("{shown}.50"))), "{windows}");
    assert_eq!(minute[0]["window_start"], format!("2025-11-29T20:0{}:{}0Z", shown / 6, shown % 6));
    assert_eq!(minute[0]["top_products"], json!([{ "product_id": "P-1", "revenue": format!("{shown}.50") }]));
    let all = &found.listings["windows"];
    assert_eq!((all.count, all.rows.len() as u64, &all.rows[0]["orders"]), (windows, windows, &json!(1)));
}

#[test]
fn a_file_and_its_tables_may_come_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headwater.sqlite");
    let mut source = SqliteTables::new(&path, DIMENSIONS_PAGE);
    assert!(source.may_have_changed().unwrap() && source.read().unwrap().absent.unwrap().starts_with("there is no file"));
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA journal_mode = wal").unwrap();
    writer.execute_batch(&in_sqlite(STORES)).unwrap();
    assert!(source.may_have_changed().unwrap() && source.read().unwrap().listings["stores"].rows.is_empty());
    assert!(!source.may_have_changed().unwrap());
    writer.execute_batch(STORE).unwrap();
    assert!(source.may_have_changed().unwrap());
    check_stores(&mut source);
}

#[test]
fn the_last_full_minute_is_shown_of_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headwater.sqlite");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch(&in_sqlite(WINDOWS)).unwrap();
    let mut source = SqliteTables::new(&path, ANALYTICS_PAGE);
    for number in 0..10 {
        writer.execute_batch(&window(number)).unwrap();
        check_minute(&mut source, number + 1);
    }
}

#[test]
fn a_document_that_is_none_is_said_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headwater.sqlite");
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch(
            "CREATE TABLE fraud_alerts (transaction_id, user_id, event_time, total_amount, country, city, score, severity, hits);
            INSERT INTO fraud_alerts VALUES ('t', 'u', '2025-11-29T20:00:00.000Z', '1.00', 'DE', 'Berlin', '0.900', 'high', '[')",
        )
        .unwrap();
    let mut source = SqliteTables::new(&path, FRAUD_PAGE);
    for _ in 0..2 {
        assert!(source.may_have_changed().unwrap());
        let error = source.read().unwrap_err();
        assert!(matches!(error, SourceError::UnreadableColumn { table: "fraud_alerts", column: "hits", .. }), "{error}");
    }
    writer.execute_batch(r#"UPDATE fraud_alerts SET hits = '[{"reason": "far away"}]'"#).unwrap();
    let found = source.read().unwrap();
    assert_eq!(found.listings["alerts"].rows[0]["hits"], json!([{ "reason": "far away" }]));
    assert_eq!(found.listings["severities"].rows, [json!({ "severity": "high", "alerts": 1 })]);
}

#[test]
fn postgres_shows_the_same() {
    let Some(url) = std::env::var("HEADWATER_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else { return };
    let schema = format!("serving_tables_{}", std::process::id());
    let database = Postgres::connect(PostgresConfig { schema: schema.clone(), ..PostgresConfig::parse(&url).unwrap() }).unwrap();
    let run = |sql: &str| drop(database.query(sql, &[]).unwrap());
    run(&in_postgres(STORES));
    run(STORE);
    check_stores(&mut PostgresTables::new(database.clone(), DIMENSIONS_PAGE));
    run(&in_postgres(WINDOWS));
    let mut source = PostgresTables::new(database.clone(), ANALYTICS_PAGE);
    for number in 0..10 {
        run(&window(number));
        check_minute(&mut source, number + 1);
    }
    assert!(!source.may_have_changed().unwrap(), "rows that no sink has written are seen with the next batch");
    run("INSERT INTO headwater_sink_progress VALUES ('a', 's', 't', 0, '00', 7, 1)");
    assert!(source.may_have_changed().unwrap());
    run(&format!("DROP SCHEMA \"{schema}\" CASCADE"));
}
