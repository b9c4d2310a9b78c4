//! Records that bring several rows: all of them in one transaction, or none, on every target alike.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod support;

use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::Writer;
use headwater_streams::log::{Headers, Records};
use support::{Warehouse, offsets, task, warehouses};

const VERSIONS: Table = Table {
    name: "versions",
    columns: &[Column::text("id"), Column::integer("since"), Column::integer("until").nullable(), Column::text("name")],
    primary_key: &["id", "since"],
};

fn writer(warehouse: &dyn Warehouse) -> Box<dyn Writer> {
    let mut writer = warehouse.several_rows_into(VERSIONS).open(&task()).unwrap();
    writer.claim().unwrap();
    writer
}

fn records(offset: i64, values: &[&str]) -> Records {
    let mut records = Records::new();
    for (place, value) in values.iter().enumerate() {
        records.push(offset + place as i64, 0, Some(b"any"), Some(value.as_bytes()), &Headers::new());
    }
    records
}

fn versions(warehouse: &dyn Warehouse) -> Vec<String> {
    warehouse.texts("SELECT concat_ws(' ', id, since, until, name) FROM versions ORDER BY id, since")
}

#[test]
fn upserts_and_deletes_of_one_batch_take_effect_in_order() {
    for warehouse in warehouses() {
        let mut writer = writer(&*warehouse);
        let batch = records(
            0,
            &[
                r#"{"upserts": [{"id": "a", "since": 1, "name": "x"}]}"#,
                r#"{"upserts": [{"id": "a", "since": 1, "until": 5, "name": "x"}, {"id": "a", "since": 5, "name": "y"}]}"#,
                r#"{"upserts": [{"id": "b", "since": 1, "name": "z"}, {"id": "b", "since": 2, "name": "z"}]}"#,
                r#"{"upserts": [{"id": "a", "since": 1, "name": "x"}], "deletes": [{"id": "a", "since": 5}]}"#,
                r#"{"upserts": [{"id": "b", "since": 2, "name": "again"}], "deletes": [{"id": "b", "since": 2}, {"id": "b", "since": 9}]}"#,
                r#"{"upserts": []}"#,
            ],
        );
        let written = writer.write(&batch, 6).unwrap();
        assert_eq!((written.rows, written.refused), (10, vec![]), "{warehouse:?}");
        assert_eq!(versions(&*warehouse), ["a 1 x", "b 1 z", "b 2 again"], "{warehouse:?}");
        writer.write(&batch, 6).unwrap();
        assert_eq!(versions(&*warehouse), ["a 1 x", "b 1 z", "b 2 again"], "a batch that comes again: {warehouse:?}");
    }
}

#[test]
fn a_refused_row_takes_all_rows_of_its_record_with_it_and_no_others() {
    for warehouse in warehouses() {
        warehouse
            .run("CREATE TABLE versions (id text, since bigint, until bigint, name text CHECK (name <> 'bad'), PRIMARY KEY (id, since))");
        let mut writer = writer(&*warehouse);
        let batch = records(
            7,
            &[
                r#"{"upserts": [{"id": "a", "since": 1, "name": "x"}, {"id": "a", "since": 2, "name": "x"}]}"#,
                r#"{"upserts": [{"id": "a", "since": 1, "name": "y"}, {"id": "a", "since": 3, "name": "bad"}], "deletes": [{"id": "a", "since": 2}]}"#,
                r#"{"upserts": [{"id": "a", "since": 4, "name": "z"}]}"#,
                r#"{"upserts": [{"id": "a", "since": 4, "name": "bad"}, {"id": "b", "since": 1, "name": "x"}]}"#,
                r#"{"upserts": [{"id": "c", "since": "soon", "name": "x"}, {"id": "c", "since": 1, "name": "x"}]}"#,
                r#"{"upserts": [{"id": "c", "since": 2, "name": "x"}]}"#,
            ],
        );
        let written = writer.write(&batch, 13).unwrap();
        assert_eq!((written.rows, offsets(&written.refused)), (4, vec![8, 10, 11]), "{warehouse:?}");
        assert_eq!(versions(&*warehouse), ["a 1 x", "a 2 x", "a 4 z", "c 2 x"], "{warehouse:?}");
        assert_eq!(warehouse.letters().len(), 3, "{warehouse:?}");
        assert_eq!(written.refused[2].reason, r#"field since: "soon" is not a 64-bit integer"#);
        assert_eq!(warehouse.progress()[0].next_offset, Some(13), "{warehouse:?}");
    }
}

/// A trigger that ends SQLite's whole transaction leaves no batch to go on in: then each record gets a transaction of its own.
#[test]
fn a_record_stays_whole_where_a_refusal_ends_the_transaction() {
    let warehouse = support::sqlite::File::new();
    let mut writer = writer(&warehouse);
    warehouse.run("CREATE TRIGGER no_bad BEFORE INSERT ON versions WHEN NEW.name = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    let batch = records(
        0,
        &[
            r#"{"upserts": [{"id": "a", "since": 1, "name": "x"}]}"#,
            r#"{"upserts": [{"id": "a", "since": 1, "name": "y"}, {"id": "a", "since": 3, "name": "bad"}]}"#,
            r#"{"upserts": [{"id": "b", "since": 1, "name": "x"}, {"id": "b", "since": 2, "name": "x"}]}"#,
        ],
    );
    let written = writer.write(&batch, 3).unwrap();
    assert_eq!((written.rows, offsets(&written.refused)), (3, vec![1]));
    assert_eq!(versions(&warehouse), ["a 1 x", "b 1 x", "b 2 x"]);
}

/// 20,000 rows of a kilobyte are more than a server takes in one message, and still one transaction: the last one is refused.
#[test]
fn a_record_of_very_many_rows_is_one_transaction() {
    for warehouse in warehouses() {
        let mut writer = writer(&*warehouse);
        let rows = |last: &str| {
            let row = |since: u32, name: &str| format!(r#"{{"id": "a", "since": {since}, "name": {name}}}"#);
            let long = format!("\"{}\"", "x".repeat(1_000));
            let rows: Vec<String> = (0..20_000).map(|since| row(since, &long)).chain([row(20_000, last)]).collect();
            format!(r#"{{"upserts": [{}]}}"#, rows.join(","))
        };
        let refused = writer.write(&records(0, &[&rows("null")]), 1).unwrap();
        assert_eq!((refused.rows, offsets(&refused.refused), versions(&*warehouse).len()), (0, vec![0], 0), "{warehouse:?}");
        let written = writer.write(&records(1, &[&rows(r#""ends""#)]), 2).unwrap();
        assert_eq!((written.rows, versions(&*warehouse).len()), (20_001, 20_001), "{warehouse:?}");
    }
}
