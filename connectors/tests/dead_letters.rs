//! The dead-letter topic ends in the table `dead_letters`, one row per identity.

mod support;

use headwater_connectors::sqlite::SqliteDeadLetters;
use headwater_streams::connector::{Connector, DeadLetter, SinkTask, Writer};
use headwater_streams::log::{Headers, Records};
use support::{TIMESTAMP, Warehouse, task};

fn reader(warehouse: &Warehouse) -> Box<dyn Writer> {
    let task = SinkTask { topic: "sales-dlq".into(), ..task() };
    let mut writer = SqliteDeadLetters::new(warehouse.path()).open(&task).expect("a new file opens");
    writer.claim().expect("nobody else is there");
    writer
}

fn letter(offset: i64, stage: &str) -> DeadLetter {
    DeadLetter {
        topic: "transactions".into(),
        partition: 2,
        offset,
        stage: stage.into(),
        reason: "late".into(),
        key: Some(b"\xff".to_vec()),
        value: Some(b"{}".to_vec()),
        timestamp: TIMESTAMP,
        headers: Headers::new().with("h", Some(b"1")),
    }
}

/// Letters as the topic holds them, from offset 0 on.
fn topic(letters: &[DeadLetter]) -> Records {
    let mut sent = Records::new();
    letters.iter().for_each(|letter| letter.to_record("sales", &mut sent));
    let mut stored = Records::new();
    for (offset, record) in sent.iter().enumerate() {
        stored.push(offset as i64, record.timestamp, record.key, record.value, &record.headers.to_headers());
    }
    stored
}

#[test]
fn a_letter_that_the_topic_holds_twice_is_one_row() {
    let warehouse = Warehouse::new();
    let letters = [letter(1, "parse"), letter(2, "parse"), letter(1, "parse"), letter(1, "window")];
    let mut writer = reader(&warehouse);
    assert_eq!(writer.write(&topic(&letters), 4).unwrap().rows, 3);
    assert_eq!(warehouse.letters(), ["1 parse 1 late", "1 window 1 late", "2 parse 1 late"]);
    let bytes = "SELECT concat_ws(' ', hex(key), hex(value), timestamp, headers) FROM dead_letters WHERE offset = 2";
    assert_eq!(warehouse.texts(bytes), [r#"FF 7B7D 2025-11-29T20:04:32.125Z [["h","1"]]"#]);
    assert_eq!(writer.write(&topic(&letters), 4).unwrap().rows, 0, "the same batch again");
}

#[test]
fn a_letter_of_a_sink_is_published_once_it_was_read_back() {
    let warehouse = Warehouse::new();
    let mut sink = warehouse.writer();
    sink.claim().unwrap();
    let mut bad = Records::new();
    bad.push(0, TIMESTAMP, None, Some(b"bad"), &Headers::new());
    let refused = sink.write(&bad, 1).unwrap().refused;
    drop(sink);
    reader(&warehouse).write(&topic(&refused), 1).unwrap();
    assert_eq!(warehouse.letters().len(), 1);
    assert_eq!(warehouse.writer().claim().unwrap().unpublished, []);
}

#[test]
fn what_is_no_letter_is_kept_under_its_own_place() {
    let warehouse = Warehouse::new();
    let mut foreign = Records::new();
    foreign.push(7, TIMESTAMP, None, Some(b"hello"), &Headers::new());
    let mut writer = reader(&warehouse);
    assert_eq!(writer.write(&foreign, 8).unwrap().refused, []);
    let reason = "not a dead letter: header headwater.application.id is missing or unreadable";
    assert_eq!(warehouse.letters(), [format!("7 dead_letters 1 {reason}")]);
    assert_eq!(warehouse.texts("SELECT topic FROM dead_letters"), ["sales-dlq"]);
}
