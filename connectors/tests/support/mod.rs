//! A warehouse of its own per test, the table of the first application, and records for it.
// Each test takes what it needs; outside of a `#[test]` clippy does not see that this is one.
#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

pub mod postgres;
pub mod sqlite;

use headwater_connectors::sqlite::{Migration, SinkProgress};
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{Connector, ConnectorError, DeadLetter, SinkTask, Writer};
use headwater_streams::log::{Headers, Records};
use std::fmt;

pub const CATEGORY_SALES: Table = Table {
    name: "category_sales",
    columns: &[
        Column::text("window_start"),
        Column::text("window_end"),
        Column::text("category"),
        Column::text("total_sales"),
        Column::integer("transaction_count"),
    ],
    primary_key: &["window_start", "category"],
};

pub const TIMESTAMP: i64 = 1_764_446_672_125;

/// What the tests that hold for every target ask of one. It prints as its kind.
pub trait Warehouse: Send + Sync + fmt::Debug {
    fn sink_into(&self, table: Table) -> Result<Box<dyn Connector>, ConnectorError>;
    /// The same for records that bring several rows.
    fn several_rows_into(&self, table: Table) -> Box<dyn Connector>;
    fn dead_letters(&self) -> Box<dyn Connector>;
    fn progress(&self) -> Vec<SinkProgress>;
    fn reset(&self, application_id: &str, sink: &str) -> Vec<SinkProgress>;
    fn migrate(&self, schema: &str, steps: &[Migration]) -> Result<usize, ConnectorError>;
    /// Runs statements.
    fn run(&self, sql: &str);
    /// The first column, all of it text, over a connection of its own.
    fn texts(&self, sql: &str) -> Vec<String>;

    fn sink(&self) -> Box<dyn Connector> {
        self.sink_into(CATEGORY_SALES).unwrap()
    }

    /// A writer of partition 0 of `category-sales` that has not claimed yet.
    fn writer(&self) -> Box<dyn Writer> {
        self.sink().open(&task()).unwrap()
    }

    /// All rows as text, in order.
    fn rows(&self) -> Vec<String> {
        self.texts("SELECT concat_ws(' ', window_start, category, total_sales, transaction_count) FROM category_sales ORDER BY 1")
    }

    /// Offset, stage, reason and whether it is published of each letter.
    fn letters(&self) -> Vec<String> {
        self.texts(
            r#"SELECT concat_ws(' ', "offset", stage, CASE WHEN published THEN 1 ELSE 0 END, reason) FROM dead_letters
               ORDER BY topic, "offset", stage"#,
        )
    }
}

/// One of each kind; PostgreSQL only where a server is named.
pub fn warehouses() -> Vec<Box<dyn Warehouse>> {
    let mut all: Vec<Box<dyn Warehouse>> = vec![Box::new(sqlite::File::new())];
    all.extend(postgres::Schema::new().map(|schema| Box::new(schema) as Box<dyn Warehouse>));
    all
}

pub fn task() -> SinkTask {
    SinkTask {
        application_id: "sales".into(),
        topic: "category-sales".into(),
        partition: 0,
        topic_id: [7; 16],
        log_start: 0,
        log_end: 1_000_000,
    }
}

/// Records from `offset` on: window, category, total, count.
pub fn rows(offset: i64, rows: &[(&str, &str, &str, i64)]) -> Records {
    let mut records = Records::new();
    for (place, (window, category, total, count)) in rows.iter().enumerate() {
        let key = format!(r#"{{"window_start":"{window}","category":"{category}"}}"#);
        let value = format!(
            r#"{{"window_start":"{window}","window_end":"{window}+1","category":"{category}","total_sales":"{total}","transaction_count":{count}}}"#
        );
        let at = offset + place as i64;
        records.push(at, TIMESTAMP, Some(key.as_bytes()), Some(value.as_bytes()), &Headers::new());
    }
    records
}

pub fn offsets(letters: &[DeadLetter]) -> Vec<i64> {
    letters.iter().map(|letter| letter.offset).collect()
}
