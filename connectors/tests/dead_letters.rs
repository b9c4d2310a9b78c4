//! The dead-letter topic ends in the table `dead_letters`, one row per identity.

mod support;

use headwater_streams::connector::{DeadLetter, SinkTask, Writer};
use headwater_streams::log::{Headers, Records};
use support::{TIMESTAMP, Warehouse, task, warehouses};

fn reader(warehouse: &dyn Warehouse) -> Box<dyn Writer> {
    let task = SinkTask { topic: "sales-dlq".into(), ..task() };
    let mut writer = warehouse.dead_letters().open(&task).expect("a new warehouse opens");
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
    for warehouse in warehouses() {
        let letters = [letter(1, "parse"), letter(2, "parse"), letter(1, "parse"), letter(1, "window")];
        let mut writer = reader(&*warehouse);
        assert_eq!(writer.write(&topic(&letters), 4).unwrap().rows, 3, "{warehouse:?}");
        assert_eq!(warehouse.letters(), ["1 parse 1 late", "1 window 1 late", "2 parse 1 late"], "{warehouse:?}");
        let stored = r#"SELECT concat_ws(' ', timestamp, headers) FROM dead_letters WHERE "offset" = 2"#;
        assert_eq!(warehouse.texts(stored), [r#"2025-11-29T20:04:32.125Z [["h","1"]]"#], "{warehouse:?}");
        let bytes = r#"SELECT CAST(count(*) AS text) FROM dead_letters WHERE length(key) = 1 AND length(value) = 2"#;
        assert_eq!(warehouse.texts(bytes), ["3"], "{warehouse:?}");
        assert_eq!(writer.write(&topic(&letters), 4).unwrap().rows, 0, "the same batch again");
    }
}

#[test]
fn a_letter_of_a_sink_is_published_once_it_was_read_back() {
    for warehouse in warehouses() {
        let mut sink = warehouse.writer();
        sink.claim().unwrap();
        let mut bad = Records::new();
        bad.push(0, TIMESTAMP, None, Some(b"bad"), &Headers::new());
        let refused = sink.write(&bad, 1).unwrap().refused;
        drop(sink);
        reader(&*warehouse).write(&topic(&refused), 1).unwrap();
        assert_eq!(warehouse.letters().len(), 1, "{warehouse:?}");
        assert_eq!(warehouse.writer().claim().unwrap().unpublished, [], "{warehouse:?}");
    }
}

#[test]
fn what_is_no_letter_is_kept_under_its_own_place() {
    for warehouse in warehouses() {
        let mut foreign = Records::new();
        foreign.push(7, TIMESTAMP, None, Some(b"hello"), &Headers::new());
        let mut writer = reader(&*warehouse);
        assert_eq!(writer.write(&foreign, 8).unwrap().refused, []);
        let reason = "not a dead letter: header headwater.application.id is missing or unreadable";
        assert_eq!(warehouse.letters(), [format!("7 dead_letters 1 {reason}")], "{warehouse:?}");
        assert_eq!(warehouse.texts("SELECT topic FROM dead_letters"), ["sales-dlq"]);
    }
}

/// A stranger's letter with a NUL would be refused by PostgreSQL, one with an endless stage by its index: neither may stop the sink.
#[test]
fn letters_with_names_that_no_database_takes_are_kept_all_the_same() {
    for warehouse in warehouses() {
        let strange = DeadLetter { reason: "a\0b".into(), ..letter(1, "st\0age") };
        let stage: String = (0..2000).map(|n: u32| char::from_u32(0x4e00 + n * n % 20_000).unwrap()).collect();
        let endless = letter(2, &stage);
        assert_eq!(reader(&*warehouse).write(&topic(&[strange, endless]), 2).unwrap().rows, 2, "{warehouse:?}");
        assert_eq!(warehouse.letters().len(), 2, "{warehouse:?}");
    }
}
