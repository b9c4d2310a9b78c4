//! Category sales out of a real PostgreSQL. Runs where HEADWATER_TEST_POSTGRES names one.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_connectors::postgres::{Postgres, PostgresConfig};
use headwater_serving::{Money, PostgresSales, Source};

const TABLE: &str =
    "CREATE TABLE category_sales (window_start timestamptz NOT NULL, window_end timestamptz NOT NULL, category text NOT NULL,
    total_sales numeric(18, 2) NOT NULL, transaction_count bigint NOT NULL, PRIMARY KEY (window_start, category))";

/// A schema of this test's own, gone afterwards.
struct Database(Postgres, String);

impl Database {
    fn of(test: &str) -> Option<Self> {
        let url = std::env::var("HEADWATER_TEST_POSTGRES").ok().filter(|url| !url.is_empty())?;
        let schema = format!("serving_{test}_{}", std::process::id());
        let config = PostgresConfig { schema: schema.clone(), ..PostgresConfig::parse(&url).unwrap() };
        Some(Database(Postgres::connect(config).unwrap(), schema))
    }

    fn run(&self, sql: &str) {
        self.0.query(sql, &[]).unwrap();
    }

    /// Rows and progress move in one transaction, as a sink does it.
    fn write(&self, rows: &str, next_offset: i64) {
        self.run(&format!(
            "WITH moved AS (INSERT INTO headwater_sink_progress VALUES ('a', 's', 't', 0, '00', {next_offset}, 1)
                ON CONFLICT (application_id, sink, topic, partition) DO UPDATE SET next_offset = excluded.next_offset)
            INSERT INTO category_sales {rows}
                ON CONFLICT (window_start, category) DO UPDATE SET total_sales = excluded.total_sales, transaction_count = excluded.transaction_count"
        ));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.0.query(&format!("DROP SCHEMA \"{}\" CASCADE", self.1), &[]);
    }
}

fn window(minute: u32) -> String {
    format!(
        "'2025-11-29T{:02}:{:02}:00Z'::timestamptz, '2025-11-29T{:02}:{:02}:00Z'::timestamptz",
        minute / 60,
        minute % 60,
        (minute + 1) / 60,
        (minute + 1) % 60
    )
}

#[test]
fn a_database_fills_and_every_change_shows() {
    let Some(database) = Database::of("fills") else { return };
    let mut sales = PostgresSales::new(database.0.clone());
    assert!(sales.may_have_changed().unwrap());
    assert_eq!(sales.read().unwrap().absent.as_deref(), Some("the database has no table category_sales yet"));
    database.run(TABLE);
    assert!(sales.may_have_changed().unwrap(), "what is not there may come");
    assert_eq!(sales.read().unwrap().absent.as_deref(), Some("the table category_sales is empty"));
    assert!(!sales.may_have_changed().unwrap());

    database.write(&format!("VALUES ({}, 'Home', 9999999999999999.99, 3), ({}, 'Beauty', 0.10, 1)", window(5), window(5)), 2);
    assert!(sales.may_have_changed().unwrap());
    let read = sales.read().unwrap();
    assert_eq!(read.absent, None);
    let [only] = &read.windows[..] else { panic!("{:?}", read.windows) };
    assert_eq!((only.window_start.as_str(), only.window_end.as_str()), ("2025-11-29T00:05:00Z", "2025-11-29T00:06:00Z"));
    let rows: Vec<_> =
        only.categories.iter().map(|row| (row.category.as_str(), row.total_sales.to_string(), row.transaction_count)).collect();
    assert_eq!(rows, [("Beauty", "0.10".to_owned(), 1), ("Home", "9999999999999999.99".to_owned(), 3)]);
    assert!(!sales.may_have_changed().unwrap());
    database.write(&format!("VALUES ({}, 'Beauty', 0.30, 2)", window(5)), 3);
    assert!(sales.may_have_changed().unwrap());
    assert_eq!(sales.read().unwrap().windows[0].categories[0].total_sales, Money::from_cents(30));
}

#[test]
fn what_lies_before_the_trend_is_there_in_sum() {
    let Some(database) = Database::of("history") else { return };
    database.run(TABLE);
    let mut sales = PostgresSales::new(database.0.clone());
    for minute in 0..130 {
        database
            .write(&format!("VALUES ({}, 'Home', 1.01, 2), ({}, 'Sports', 2.02, 1)", window(minute), window(minute)), i64::from(minute));
        // Read in between, so that sums are kept and continued.
        if minute % 10 == 0 {
            sales.read().unwrap();
        }
    }
    let read = sales.read().unwrap();
    assert_eq!((read.windows.len(), read.windows[0].window_start.as_str()), (100, "2025-11-29T00:30:00Z"));
    assert_eq!((read.history.rows, read.history.total_sales, read.history.transaction_count), (60, Money::from_cents(30 * 303), 90));
    // Windows that a person deletes do not stay in the sum.
    database.write("SELECT window_start, window_end, 'Toys', 0, 0 FROM category_sales WHERE false", 1_000);
    database.run("DELETE FROM category_sales WHERE window_start >= '2025-11-29T00:10:00Z'");
    let read = sales.read().unwrap();
    assert_eq!((read.windows.len(), read.history.rows), (10, 0));
}

/// A server in New York shows what one in Greenwich does.
#[test]
fn times_are_utc_whatever_the_session_thinks() {
    let Some(database) = Database::of("zone") else { return };
    database.run(TABLE);
    database.run("SET timezone = 'America/New_York'");
    database.write(&format!("VALUES ({}, 'Home', 1, 1)", window(7)), 1);
    assert_eq!(PostgresSales::new(database.0.clone()).read().unwrap().windows[0].window_start, "2025-11-29T00:07:00Z");
}
