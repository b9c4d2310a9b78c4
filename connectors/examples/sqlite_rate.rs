//! How many rows a second the SQLite sink takes, and what they cost: `cargo run --release --example sqlite_rate [rows per batch]`.

use headwater_connectors::sqlite::SqliteSink;
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{Connector, SinkTask};
use headwater_streams::log::{Headers, Records};
use std::error::Error;
use std::time::Instant;

const TABLE: Table = Table {
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
const ROWS: i64 = 400_000;

fn main() -> Result<(), Box<dyn Error>> {
    let per_batch: i64 = std::env::args().nth(1).map_or(Ok(100), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let task = SinkTask {
        application_id: "rate".into(),
        topic: "category-sales".into(),
        partition: 0,
        topic_id: [0; 16],
        log_start: 0,
        log_end: ROWS,
    };
    let mut writer = SqliteSink::new("category_sales", directory.path().join("rate.sqlite"), TABLE)?.open(&task)?;
    writer.claim()?;
    let batches: Vec<Records> = (0..ROWS / per_batch).map(|batch| records(batch * per_batch, per_batch)).collect();
    let start = Instant::now();
    for batch in &batches {
        writer.write(batch, batch.last_offset().unwrap_or(0) + 1)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rows = batches.len() as f64 * per_batch as f64;
    println!("{rows} rows in batches of {per_batch}: {seconds:.2} s, {:.0} rows/s, {:.1} us a row", rows / seconds, 1e6 * seconds / rows);
    Ok(())
}

/// Six categories; each row is written ten times while its window is open.
fn records(first: i64, count: i64) -> Records {
    let mut records = Records::new();
    for offset in first..first + count {
        let (window, category) = (offset / 60, offset % 6);
        let value = format!(
            r#"{{"window_start":"2025-11-29T{window:06}Z","window_end":"2025-11-29T{window:06}Z","category":"category {category}","total_sales":"{offset}.00","transaction_count":{offset}}}"#
        );
        records.push(offset, 0, None, Some(value.as_bytes()), &Headers::new());
    }
    records
}
