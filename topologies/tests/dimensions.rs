//! The application `dimensions` from its topics to its tables, on the embedded log: held against a model that sorts and scans.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_connectors::sqlite::{SqliteDeadLetters, SqliteSink};
use headwater_state::{Disk, MemoryDisk};
use headwater_streams::connector::DeadLetter;
use headwater_streams::format::Bytes;
use headwater_streams::graph::Topology;
use headwater_streams::log::{EmbeddedLog, Headers, Log, NO_OFFSET, ProducerConfig, Records, TopicPartition};
use headwater_streams::runtime::{App, Config};
use headwater_streams::topic::Topic;
use headwater_topologies::dimensions::{Changes, DIMENSIONS, Dimension, NAME, topology};
use headwater_topologies::generator::{Generator, Settings};
use headwater_topologies::iso8601;
use headwater_topologies::random::Random;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const RECORDS: u64 = 6_000;

/// The application with its sinks.
fn application(path: &Path) -> Topology {
    let app = topology();
    for dimension in DIMENSIONS {
        app.connect(dimension.versions, SqliteSink::new(dimension.versions.name(), path, dimension.table).unwrap().several_rows());
    }
    let dead_letters: Topic<(), Bytes> = Topic::of(DeadLetter::topic_of(NAME));
    app.connect(dead_letters, SqliteDeadLetters::new(path));
    app.build().unwrap()
}

#[test]
fn tables_follow_from_the_changes_in_the_topics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headwater.sqlite");
    let log = EmbeddedLog::open(directory.path().join("log")).unwrap();
    let (mut expected, mut bad) = (BTreeMap::new(), 0);
    for dimension in DIMENSIONS {
        let told = fill(&log, dimension);
        bad += RECORDS as usize - told.len();
        expected.insert(dimension.name, model(dimension, told));
    }
    // Twice: the second life goes on where the first one has stopped, with what the first has left on disk.
    let (log, disk): (Arc<dyn Log>, _) = (Arc::new(log), MemoryDisk::new());
    for _ in 0..2 {
        let running = App::new(application(&path), Config::new(NAME)).start(log.clone(), Disk::Memory(disk.clone())).unwrap();
        assert!(running.drain(Duration::from_secs(120)), "{:?}", running.stop());
        running.stop().unwrap();
    }
    let tables = Connection::open(&path).unwrap();
    for dimension in DIMENSIONS {
        let (found, expected) = (table(&tables, dimension), &expected[dimension.name]);
        assert!(expected.len() > 2_000, "{} versions prove little", expected.len());
        assert_eq!(&found, expected, "{}", dimension.name);
    }
    let letters: i64 = tables.query_row("SELECT count(*) FROM dead_letters", (), |row| row.get(0)).unwrap();
    assert_eq!(letters, bad as i64);
}

/// A good change with where it stands.
type Told = (Map<String, Value>, (i64, i32));

/// Fills the topic, each record into any partition: changes of one row stand everywhere.
fn fill(log: &EmbeddedLog, dimension: &'static Dimension) -> Vec<Told> {
    let spec = dimension.changes_topic();
    log.admin().create_topic(&spec).unwrap();
    let settings = Settings { seed: 11, start: 1_764_446_400_000, step: Duration::from_secs(30), late: 0.3, bad: 0.05 };
    let generator = Changes::new(dimension, settings);
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let (mut told, mut offsets) = (Vec::new(), vec![0; spec.partitions as usize]);
    for index in 0..RECORDS {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        generator.key(index, &mut key);
        generator.value(index, &mut value);
        let partition = Random::of(5, index).below(spec.partitions as u64) as usize;
        let mut records = Records::new();
        records.push(NO_OFFSET, settings.due(index), Some(&key), Some(&value), &Headers::EMPTY);
        producer.send(&TopicPartition::new(dimension.changes.name(), partition as i32), &mut records).unwrap();
        told.extend(good(&value).map(|change| (change, (offsets[partition], partition as i32))));
        offsets[partition] += 1;
    }
    producer.flush().unwrap();
    told
}

/// What the generator makes wrong, seen with other eyes than the application's.
fn good(value: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(change)) = serde_json::from_slice(value) else { return None };
    let has_key = change.get("key")?.as_str().is_some_and(|key| !key.is_empty());
    let has_time = change.get("valid_from")?.as_i64().is_some_and(|at| at < 253_402_300_800_000);
    let says_what = match change.get("op")?.as_str()? {
        "delete" => true,
        "upsert" => change.get("columns")?.as_object()?.contains_key("name"),
        _ => false,
    };
    (has_key && has_time && says_what).then_some(change)
}

/// Rows as text: key, start, end, is current, then the columns.
fn model(dimension: &Dimension, told: Vec<Told>) -> Vec<Vec<String>> {
    let mut counts: BTreeMap<(String, i64), Told> = BTreeMap::new();
    for (change, order) in told {
        let place = (change["key"].as_str().unwrap().to_owned(), change["valid_from"].as_i64().unwrap());
        if counts.get(&place).is_none_or(|(_, known)| *known < order) {
            counts.insert(place, (change, order));
        }
    }
    let (mut rows, mut open): (Vec<Vec<String>>, Option<(String, Value)>) = (Vec::new(), None);
    for ((key, at), (change, _)) in counts {
        let columns = change.get("columns").filter(|_| change["op"] == "upsert");
        open = open.filter(|(open_key, _)| *open_key == key);
        if open.as_ref().map(|(_, open)| open) == columns {
            continue;
        }
        if open.take().is_some() {
            let last = rows.last_mut().unwrap();
            (last[2], last[3]) = (at.to_string(), "0".into());
        }
        if let Some(columns) = columns {
            let cells = dimension.columns.iter().map(|rule| columns.get(rule.name).map_or("null".to_owned(), text));
            rows.push([key.clone(), at.to_string(), "null".into(), "1".into()].into_iter().chain(cells).collect());
            open = Some((key, columns.clone()));
        }
    }
    rows
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn table(tables: &Connection, dimension: &Dimension) -> Vec<Vec<String>> {
    let columns: Vec<_> = dimension.table.columns.iter().map(|column| column.name).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY 1, 2", columns.join(", "), dimension.table.name);
    let mut statement = tables.prepare(&sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|place| row.get::<_, Cell>(place)).collect::<Result<Vec<_>, _>>();
    let rows = statement.query_map((), read).unwrap();
    let cell = |(place, cell): (usize, &Cell)| match cell {
        Cell::Null => "null".to_owned(),
        Cell::Text(text) if place == 1 || place == 2 => iso8601::parse(text).unwrap().to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    rows.map(|row| row.unwrap().iter().enumerate().map(cell).collect()).collect()
}
