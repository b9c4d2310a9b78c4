//! A process that writes is killed, really, again and again: the rows are always those of the progress that stands beside them.

use crate::support::postgres::{SERVER, Schema};
use crate::support::{CATEGORY_SALES, Warehouse, rows, task};
use headwater_connectors::postgres::{Postgres, PostgresConfig, PostgresSink};
use headwater_streams::connector::Connector;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SCHEMA: &str = "HEADWATER_TEST_SCHEMA";
const WINDOWS: i64 = 23;

#[test]
fn rows_and_progress_agree_after_every_kill() {
    let Some(schema) = Schema::new() else { return };
    let mut reached = 0;
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "kill::writes_until_killed"]).env(SCHEMA, &schema.config.schema).stdout(Stdio::null());
        let mut child = child.spawn().unwrap();
        let wanted = reached + 100 + round * 37;
        let deadline = Instant::now() + Duration::from_secs(60);
        while next_offset(&schema) < wanted {
            assert!(Instant::now() < deadline, "the child writes nothing");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The claim waits for what the server still does for the child; what it finds is what stays.
        reached = schema.writer().claim().unwrap().next_offset.unwrap();
        assert_eq!(schema.rows(), rows_up_to(reached), "killed at {reached}");
    }
}

/// The child's part; alone it does nothing.
#[test]
fn writes_until_killed() {
    let (Ok(schema), Ok(url)) = (std::env::var(SCHEMA), std::env::var(SERVER)) else { return };
    let database = Postgres::connect(PostgresConfig { schema, ..PostgresConfig::parse(&url).unwrap() }).unwrap();
    let mut writer = PostgresSink::new("category_sales", database, CATEGORY_SALES).unwrap().open(&task()).unwrap();
    let mut next = writer.claim().unwrap().next_offset.unwrap_or(0);
    loop {
        let end = next + 1 + next % 17;
        let windows: Vec<String> = (next..end).map(window).collect();
        let batch: Vec<_> = (next..end).zip(&windows).map(|(offset, window)| (window.as_str(), "Home", "1.00", offset)).collect();
        writer.write(&rows(next, &batch), end).unwrap();
        next = end;
    }
}

fn next_offset(schema: &Schema) -> i64 {
    schema.progress().first().and_then(|row| row.next_offset).unwrap_or(0)
}

fn window(offset: i64) -> String {
    format!("{:02}", offset % WINDOWS)
}

fn rows_up_to(end: i64) -> Vec<String> {
    let mut last: Vec<String> = ((end - WINDOWS).max(0)..end).map(|offset| format!("{} Home 1.00 {offset}", window(offset))).collect();
    last.sort();
    last
}
