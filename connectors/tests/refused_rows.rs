//! A row that the database refuses is a dead letter in the transaction of the others, once, with its bytes as they were read.

mod support;

use headwater_streams::connector::{DeadLetter, Writer};
use headwater_streams::log::{Headers, Records};
use support::sqlite::File;
use support::{TIMESTAMP, Warehouse, offsets, rows, warehouses};

/// A file with this SQL run on it, and a writer that has claimed.
fn with(sql: &str) -> (File, Box<dyn Writer>) {
    let warehouse = File::new();
    let mut writer = warehouse.writer();
    warehouse.run(sql);
    writer.claim().expect("nobody else is there");
    (warehouse, writer)
}

fn trigger(raise: &str) -> String {
    format!(
        "CREATE TABLE audit (category TEXT);
         CREATE TRIGGER no_toys BEFORE INSERT ON category_sales BEGIN
             INSERT INTO audit VALUES (NEW.category);
             SELECT {raise} WHERE NEW.category = 'Toys';
         END"
    )
}

#[test]
fn every_kind_of_refusal_takes_only_its_own_row() {
    let check = "DROP TABLE category_sales; CREATE TABLE category_sales (window_start TEXT, window_end TEXT,
        category TEXT CHECK (category <> 'Toys'), total_sales TEXT, transaction_count INTEGER, PRIMARY KEY (window_start, category))";
    let foreign_key = |deferred: &str| {
        format!(
            "DROP TABLE category_sales; CREATE TABLE categories (name TEXT PRIMARY KEY); INSERT INTO categories VALUES ('Home');
             CREATE TABLE category_sales (window_start TEXT, window_end TEXT, category TEXT REFERENCES categories (name) {deferred},
             total_sales TEXT, transaction_count INTEGER, PRIMARY KEY (window_start, category))"
        )
    };
    let overflow = "CREATE TRIGGER no_toys BEFORE INSERT ON category_sales WHEN NEW.category = 'Toys' BEGIN
        SELECT abs(-9223372036854775807 - NEW.transaction_count); END";
    let cases = [
        (check.to_string(), "CHECK constraint failed: category <> 'Toys'"),
        (trigger("RAISE(ABORT, 'no toys here')"), "no toys here"),
        (trigger("RAISE(FAIL, 'no toys here')"), "no toys here"),
        (trigger("RAISE(ROLLBACK, 'no toys here')"), "no toys here"),
        (trigger("RAISE(IGNORE)"), "the database ignored the row (RAISE(IGNORE) in a trigger)"),
        (foreign_key(""), "FOREIGN KEY constraint failed"),
        (foreign_key("DEFERRABLE INITIALLY DEFERRED"), "FOREIGN KEY constraint failed"),
        (overflow.to_string(), "integer overflow"),
    ];
    for (sql, reason) in cases {
        let (warehouse, mut writer) = with(&sql);
        let batch = rows(
            5,
            &[("10:00", "Home", "1.00", 1), ("10:00", "Toys", "2.00", 1), ("10:01", "Home", "3.00", 1), ("10:01", "Toys", "4.00", 1)],
        );
        let written = writer.write(&batch, 9).unwrap();
        assert_eq!((written.rows, offsets(&written.refused)), (2, vec![6, 8]), "{sql}");
        assert_eq!(warehouse.rows(), ["10:00 Home 1.00 1", "10:01 Home 3.00 1"], "{sql}");
        assert_eq!(warehouse.letters(), [6, 8].map(|at| format!("{at} category_sales 0 {reason}")), "{sql}");
        assert_eq!(warehouse.writer().claim().unwrap().next_offset, Some(9));
    }
}

#[test]
fn what_a_refused_row_did_through_triggers_is_taken_back() {
    for raise in ["RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')", "RAISE(ROLLBACK, 'no')", "RAISE(IGNORE)"] {
        let (warehouse, mut writer) = with(&trigger(raise));
        writer.write(&rows(0, &[("10:00", "Toys", "1.00", 1), ("10:00", "Home", "1.00", 1)]), 2).unwrap();
        assert_eq!(warehouse.texts("SELECT category FROM audit"), ["Home"], "{raise}");
    }
}

#[test]
fn unreadable_values_and_missing_columns_say_why() {
    let (warehouse, mut writer) = with("");
    let mut batch = rows(0, &[("10:00", "Home", "1.00", 1)]);
    let cases: [(Option<&[u8]>, Option<&[u8]>, &str); 4] = [
        (None, Some(b"\xff{"), "the value is no JSON: expected value at line 1 column 1"),
        (None, Some(br#"{"window_start":"10:01"}"#), "NOT NULL constraint failed: category_sales.window_end"),
        (None, None, "no value and no key: nothing says which row to delete"),
        (Some(b"Home"), None, "the key is no JSON: expected value at line 1 column 1"),
    ];
    for (place, (key, value, _)) in cases.iter().enumerate() {
        batch.push(place as i64 + 1, TIMESTAMP, *key, *value, &Headers::new());
    }
    let written = writer.write(&batch, 5).unwrap();
    assert_eq!((written.rows, offsets(&written.refused)), (1, vec![1, 2, 3, 4]));
    let reasons: Vec<&str> = written.refused.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, cases.map(|(_, _, reason)| reason));
    assert_eq!(warehouse.letters().len(), 4);
}

#[test]
fn a_letter_keeps_the_bytes_the_time_and_the_headers() {
    let headers = Headers::new().with("trace", Some(b"ab")).with("raw", Some(b"\xfe")).with("none", None);
    let mut batch = Records::new();
    batch.push(0, TIMESTAMP, Some(b"\x00key"), Some(b"\xc3\x28"), &headers);
    batch.push(1, -1, None, None, &Headers::new());
    for warehouse in warehouses() {
        let mut writer = warehouse.writer();
        writer.claim().unwrap();
        let refused = writer.write(&batch, 2).unwrap().refused;
        assert_eq!(refused[0].headers, headers);
        let row =
            r#"SELECT concat_ws(' ', application_id, topic, partition, "offset", timestamp, headers) FROM dead_letters ORDER BY "offset""#;
        assert_eq!(
            warehouse.texts(row),
            [
                r#"sales category-sales 0 0 2025-11-29T20:04:32.125Z [["trace","ab"],["raw",{"base64":"/g=="}],["none",null]]"#,
                "sales category-sales 0 1 []"
            ],
            "{warehouse:?}"
        );
        let nulls = r#"SELECT topic FROM dead_letters WHERE "offset" = 1 AND key IS NULL AND value IS NULL AND timestamp IS NULL"#;
        assert_eq!(warehouse.texts(nulls).len(), 1, "{warehouse:?}");
        assert_eq!(warehouse.writer().claim().unwrap().unpublished, refused, "a letter comes back from {warehouse:?} as it was");
    }
}

#[test]
fn letters_that_died_on_the_way_to_the_topic_come_with_the_next_claim() {
    let bad = |offset: i64| {
        let mut records = Records::new();
        records.push(offset, 0, None, Some(b"bad"), &Headers::new());
        records
    };
    for warehouse in warehouses() {
        let mut writer = warehouse.writer();
        writer.claim().unwrap();
        let first = writer.write(&bad(0), 1).unwrap().refused;
        writer.published(&first).unwrap();
        let second = writer.write(&bad(1), 2).unwrap().refused;
        drop(writer);

        let mut heir = warehouse.writer();
        assert_eq!(heir.claim().unwrap().unpublished, second, "{warehouse:?}");
        heir.published(&second).unwrap();
        assert_eq!(heir.claim().unwrap().unpublished, [], "{warehouse:?}");

        // Read once more from the beginning, the letters are known.
        warehouse.reset("sales", "category_sales");
        heir.claim().unwrap();
        let again: Vec<DeadLetter> = heir.write(&bad(0), 1).unwrap().refused;
        assert_eq!((again, warehouse.letters().len()), (vec![], 2), "{warehouse:?}");
    }
}
