//! The versions that a list of changes makes, by the library's own operator in its real task, on topics in memory.

use super::json::Json;
use super::{Change, Columns};
use headwater_streams::graph::TopologyErrors;
use headwater_streams::prelude::*;
use headwater_streams::task::TaskError;
use headwater_streams::testing::TestDriver;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const CHANGES: Topic<String, Scd2Change<Columns>> = Topic::new("changes");
const HISTORY: Scd2Store<String, Columns> = Scd2Store::new("history");

/// Versions by key and `effective_date`: the order of the keys' bytes, then that of time.
type Versions = BTreeMap<(String, Timestamp), Scd2Version<Columns>>;

/// Takes changes in any order.
pub struct Replay {
    driver: TestDriver,
    versions: Arc<Mutex<Versions>>,
    commit_every: u64,
    uncommitted: u64,
}

impl Replay {
    /// Nothing yet. The task commits whenever it has taken so many changes.
    pub fn new(commit_every: u64) -> Result<Replay, TopologyErrors> {
        let versions: Arc<Mutex<Versions>> = Arc::default();
        let (app, table) = (StreamsBuilder::new(), versions.clone());
        app.stream(CHANGES).scd2(HISTORY).for_each(move |key, rows| apply(&mut held(&table), key, rows));
        let driver = TestDriver::new(app.build()?).commit_on_demand();
        Ok(Replay { driver, versions, commit_every: commit_every.max(1), uncommitted: 0 })
    }

    /// Takes one change; of several with one `valid_from` the one with the highest offset counts.
    pub fn take(&mut self, Change { key, valid_from, columns }: Change, offset: i64) -> Result<(), TaskError> {
        let change = Scd2Change { valid_from, order: Scd2Order { offset, partition: 0 }, columns };
        self.driver.try_send(CHANGES, key, change)?;
        self.uncommitted += 1;
        if self.uncommitted == self.commit_every {
            self.uncommitted = 0;
            self.driver.commit();
        }
        Ok(())
    }

    /// Writes all versions, one a line, sorted by key and `effective_date`.
    pub fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.driver.commit();
        let mut line = Vec::new();
        for ((key, _), version) in held(&self.versions).iter() {
            line.clear();
            write_version(key, version, &mut line);
            out.write_all(&line)?;
        }
        out.flush()
    }
}

fn held(versions: &Mutex<Versions>) -> MutexGuard<'_, Versions> {
    versions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a sink does with the rows of one record.
fn apply(versions: &mut Versions, key: &str, rows: &Scd2Rows<Columns>) {
    for effective_date in &rows.removals {
        versions.remove(&(key.to_owned(), *effective_date));
    }
    for version in &rows.upserts {
        versions.insert((key.to_owned(), version.effective_date), version.clone());
    }
}

fn write_version(key: &str, version: &Scd2Version<Columns>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"key\":");
    Json::from(key).write(out);
    out.extend_from_slice(b",\"columns\":");
    version.columns.write(out);
    let (effective_date, is_current) = (version.effective_date, version.end_date.is_none());
    let end_date = version.end_date.map_or("null".to_owned(), |end| end.to_string());
    let times = format!(",\"effective_date\":{effective_date},\"end_date\":{end_date},\"is_current\":{is_current}}}\n");
    out.extend_from_slice(times.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_out_sorted_whatever_the_order() {
        let lines = [
            r#"{"key":"b","op":"upsert","valid_from":3,"offset":4,"columns":{"n":1.0}}"#,
            r#"{"key":"b","op":"upsert","valid_from":1,"offset":3,"columns":{"n":1}}"#,
            r#"{"key":"a","op":"delete","valid_from":9,"offset":2}"#,
            r#"{"key":"b","op":"upsert","valid_from":2,"offset":5,"columns":{"n":2}}"#,
            r#"{"key":"a","op":"upsert","valid_from":-5,"offset":1,"columns":{}}"#,
            r#"{"key":"b","op":"upsert","valid_from":2,"offset":5,"columns":{"n":2}}"#,
            r#"{"key":"b","op":"upsert","valid_from":2,"offset":4,"columns":{"n":7}}"#,
        ];
        for commit_every in [1, 3, 100] {
            let mut replay = Replay::new(commit_every).unwrap();
            for line in lines {
                let (change, offset) = Change::parse_with_offset(line.as_bytes()).unwrap();
                replay.take(change, offset).unwrap();
            }
            let mut out = Vec::new();
            replay.write(&mut out).unwrap();
            let expected = r#"{"key":"a","columns":{},"effective_date":-5,"end_date":9,"is_current":false}
{"key":"b","columns":{"n":1},"effective_date":1,"end_date":2,"is_current":false}
{"key":"b","columns":{"n":2},"effective_date":2,"end_date":3,"is_current":false}
{"key":"b","columns":{"n":1.0},"effective_date":3,"end_date":null,"is_current":true}
"#;
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
