//! A SQLite file of its own per test, the table of the first application, and records for it.
// Each test takes what it needs; outside of a `#[test]` clippy does not see that this is one.
#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

use headwater_connectors::sqlite::SqliteSink;
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{Connector, DeadLetter, SinkTask, Writer};
use headwater_streams::log::{Headers, Records};
use rusqlite::Connection;
use std::path::PathBuf;

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

pub struct Warehouse {
    directory: tempfile::TempDir,
}

impl Warehouse {
    pub fn new() -> Self {
        Warehouse { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("headwater.sqlite")
    }

    pub fn sink(&self) -> SqliteSink {
        SqliteSink::new("category_sales", self.path(), CATEGORY_SALES).unwrap()
    }

    /// A writer of partition 0 of `category-sales` that has not claimed yet.
    pub fn writer(&self) -> Box<dyn Writer> {
        self.sink().open(&task()).unwrap()
    }

    pub fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// All rows as text, in order.
    pub fn rows(&self) -> Vec<String> {
        self.texts("SELECT concat_ws(' ', window_start, category, total_sales, transaction_count) FROM category_sales ORDER BY 1")
    }

    /// Offset, stage, reason and whether it is published of each letter.
    pub fn letters(&self) -> Vec<String> {
        self.texts("SELECT concat_ws(' ', offset, stage, published, reason) FROM dead_letters ORDER BY topic, offset, stage")
    }

    pub fn texts(&self, sql: &str) -> Vec<String> {
        let connection = self.sql();
        let mut statement = connection.prepare(sql).unwrap();
        let texts = statement.query_map((), |row| row.get(0)).unwrap();
        texts.collect::<Result<_, _>>().unwrap()
    }
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
