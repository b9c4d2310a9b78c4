//! How many rows a second the PostgreSQL sink takes: `HEADWATER_TEST_POSTGRES=URL cargo run --release --example postgres_speed [ROWS]`.
//!
//! Each size of batch twice: every row is new, and every row replaces one that is there.

use headwater_connectors::postgres::{Postgres, PostgresConfig, PostgresSink, reset};
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{Connector, ConnectorError, SinkTask};
use headwater_streams::log::{Headers, Records};
use std::error::Error;
use std::time::Instant;

const TABLE: Table = Table {
    name: "category_sales",
    columns: &[
        Column::timestamp("window_start"),
        Column::timestamp("window_end"),
        Column::text("category"),
        Column::decimal("total_sales", 18, 2),
        Column::integer("transaction_count"),
    ],
    primary_key: &["window_start", "category"],
};
const SCHEMA: &str = "headwater_speed";

fn main() -> Result<(), Box<dyn Error>> {
    let rows: i64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let config = PostgresConfig { schema: SCHEMA.into(), ..PostgresConfig::parse(&std::env::var("HEADWATER_TEST_POSTGRES")?)? };
    for per_batch in [100, 1_000, 10_000] {
        let database = Postgres::connect(config.clone())?;
        let batches: Vec<Records> = (0..rows / per_batch).map(|batch| records(batch * per_batch, per_batch)).collect();
        for kind in ["new", "replaced"] {
            let seconds = write_all(&database, &batches)?;
            println!("{rows} rows {kind} in batches of {per_batch}: {seconds:.2} s, {:.0} rows/s", rows as f64 / seconds);
        }
        database.query(&format!("DROP SCHEMA {SCHEMA} CASCADE"), &[])?;
    }
    Ok(())
}

fn write_all(database: &Postgres, batches: &[Records]) -> Result<f64, ConnectorError> {
    let task = SinkTask {
        application_id: "speed".into(),
        topic: "category-sales".into(),
        partition: 0,
        topic_id: [0; 16],
        log_start: 0,
        log_end: i64::MAX,
    };
    let mut writer = PostgresSink::new("category_sales", database.clone(), TABLE)?.open(&task)?;
    reset(database, "speed", "category_sales")?;
    writer.claim()?;
    let start = Instant::now();
    for batch in batches {
        writer.write(batch, batch.last_offset().unwrap_or(0) + 1)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Windows of a minute, six categories, one row for each pair.
fn records(first: i64, count: i64) -> Records {
    let mut records = Records::new();
    for offset in first..first + count {
        let (window, category) = (offset / 6, offset % 6);
        let (year, day, hour, minute) = (2000 + window / 40_320, window / 1440 % 28 + 1, window / 60 % 24, window % 60);
        let start = format!("{year}-02-{day:02}T{hour:02}:{minute:02}:00Z");
        let value = format!(
            r#"{{"window_start":"{start}","window_end":"{start}","category":"category {category}","total_sales":"{offset}.25","transaction_count":{offset}}}"#
        );
        records.push(offset, 0, None, Some(value.as_bytes()), &Headers::new());
    }
    records
}
