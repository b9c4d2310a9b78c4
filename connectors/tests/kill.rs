//! A process that writes is killed, really, again and again: the rows are always those of the progress that stands beside them.

mod support;

use headwater_connectors::sqlite::{SqliteSink, progress};
use headwater_streams::connector::Connector;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::sqlite::File;
use support::{CATEGORY_SALES, Warehouse, rows, task};

const FILE: &str = "HEADWATER_TEST_FILE";
const WINDOWS: i64 = 23;

#[test]
fn rows_and_progress_agree_after_every_kill() {
    let warehouse = File::new();
    let mut reached = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "writes_until_killed"]).env(FILE, warehouse.path()).stdout(Stdio::null());
        let mut child = child.spawn().unwrap();
        let wanted = reached + 100 + round * 37;
        let deadline = Instant::now() + Duration::from_secs(30);
        while next_offset(&warehouse) < wanted {
            assert!(Instant::now() < deadline, "the child writes nothing");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        reached = next_offset(&warehouse);
        assert_eq!(warehouse.rows(), rows_up_to(reached), "killed at {reached}");
    }
}

/// The child's part; alone it does nothing.
#[test]
fn writes_until_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut writer = SqliteSink::new("category_sales", file, CATEGORY_SALES).unwrap().open(&task()).unwrap();
    let mut next = writer.claim().unwrap().next_offset.unwrap_or(0);
    loop {
        let end = next + 1 + next % 17;
        let windows: Vec<String> = (next..end).map(window).collect();
        let batch: Vec<_> = (next..end).zip(&windows).map(|(offset, window)| (window.as_str(), "Home", "1.00", offset)).collect();
        writer.write(&rows(next, &batch), end).unwrap();
        next = end;
    }
}

fn next_offset(warehouse: &File) -> i64 {
    let known = progress(warehouse.path()).unwrap_or_default();
    known.first().and_then(|row| row.next_offset).unwrap_or(0)
}

fn window(offset: i64) -> String {
    format!("{:02}", offset % WINDOWS)
}

fn rows_up_to(end: i64) -> Vec<String> {
    let mut last: Vec<String> = ((end - WINDOWS).max(0)..end).map(|offset| format!("{} Home 1.00 {offset}", window(offset))).collect();
    last.sort();
    last
}
