//! What arrives in a table: every type exactly, many rows at once, rows that are there already.

use crate::support::postgres::Schema;
use crate::support::{CATEGORY_SALES, Warehouse, task};
use headwater_connectors::postgres::{Postgres, PostgresSink};
use headwater_connectors::table::{Column, ColumnType, Table};
use headwater_streams::connector::{Connector, ConnectorError, Writer};
use headwater_streams::log::{Headers, Records};
use std::collections::BTreeMap;

const EVERY_TYPE: Table = Table {
    name: "every \"type\"",
    columns: &[
        Column::timestamp("at"),
        Column::decimal("money", 18, 2).nullable(),
        Column::integer("count").nullable(),
        Column::of("sure", ColumnType::Boolean).nullable(),
        Column::of("share", ColumnType::Double).nullable(),
        Column::of("detail", ColumnType::Json).nullable(),
        Column::text("Text").nullable(),
    ],
    primary_key: &["at"],
};

pub(crate) fn writer_of(schema: &Schema, table: Table) -> Box<dyn Writer> {
    let mut writer = PostgresSink::new("sink", schema.database.clone(), table).unwrap().open(&task()).unwrap();
    writer.claim().unwrap();
    writer
}

pub(crate) fn values(values: &[&str]) -> Records {
    let mut records = Records::new();
    for (offset, value) in values.iter().enumerate() {
        records.push(offset as i64, 0, None, Some(value.as_bytes()), &Headers::new());
    }
    records
}

#[test]
fn every_type_arrives_as_it_was_sent() {
    let Some(schema) = Schema::new() else { return };
    let mut writer = writer_of(&schema, EVERY_TYPE);
    let batch = values(&[
        r#"{"at":"2025-11-29T20:04:00Z","money":"9999999999999999.99","count":-9223372036854775808,"sure":true,"share":0.1,"detail":{"a":[1,"ä"]},"Text":"a'b\\\"\u00e4"}"#,
        r#"{"at":"0001-01-01T00:00:00.000001Z","money":"-0.01","count":0,"sure":false,"share":-1e300,"detail":"x","Text":""}"#,
        r#"{"at":"9999-12-31T23:59:59.999999Z"}"#,
        // The same moment as the first: the same row.
        r#"{"at":"2025-11-29T21:04:00.000+01:00","money":"1","count":1,"sure":true,"share":0.1,"detail":[],"Text":"again"}"#,
    ]);
    assert_eq!(writer.write(&batch, 4).unwrap().refused, []);
    let sql =
        r#"SELECT concat_ws('|', "at" AT TIME ZONE 'UTC', money, count, sure, share, detail, "Text") FROM "every ""type""" ORDER BY "at""#;
    assert_eq!(
        schema.texts(sql),
        ["0001-01-01 00:00:00.000001|-0.01|0|f|-1e+300|\"x\"|", "2025-11-29 20:04:00|1.00|1|t|0.1|[]|again", "9999-12-31 23:59:59.999999"]
    );
    let types = "SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = '\"every \"\"type\"\"\"'::regclass AND attnum > 0";
    assert_eq!(schema.texts(types), ["timestamp with time zone, numeric(18,2), bigint, boolean, double precision, jsonb, text"]);
}

#[test]
fn many_changes_of_many_rows_end_as_one_by_one() {
    const TABLE: Table = Table { name: "t", columns: &[Column::integer("id"), Column::integer("n")], primary_key: &["id"] };
    let Some(schema) = Schema::new() else { return };
    let mut writer = writer_of(&schema, TABLE);
    let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
    let mut random: u64 = 42;
    let mut offset = 0;
    for size in [1, 2, 100, 5_000, 3, 20_000] {
        let mut batch = Records::new();
        for _ in 0..size {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (id, n) = (random >> 33 & 1023, random >> 50);
            let (key, value) = (format!(r#"{{"id":{id}}}"#), format!(r#"{{"id":{id},"n":{n}}}"#));
            let is_delete = n % 3 == 0;
            batch.push(offset, 0, Some(key.as_bytes()), (!is_delete).then_some(value.as_bytes()), &Headers::new());
            if is_delete {
                expected.remove(&id)
            } else {
                expected.insert(id, n)
            };
            offset += 1;
        }
        assert_eq!(writer.write(&batch, offset).unwrap().rows, size);
    }
    let expected: Vec<String> = expected.iter().map(|(id, n)| format!("{id} {n}")).collect();
    assert_eq!(schema.texts("SELECT id || ' ' || n FROM t ORDER BY id"), expected);
}

#[test]
fn large_rows_are_sent_in_portions() {
    const TABLE: Table = Table { name: "t", columns: &[Column::integer("id"), Column::text("note")], primary_key: &["id"] };
    let Some(schema) = Schema::new() else { return };
    let mut writer = writer_of(&schema, TABLE);
    let note = "n".repeat(9 << 20);
    let large: Vec<String> = (0..5).map(|id| format!(r#"{{"id":{id},"note":"{note}"}}"#)).collect();
    let mut batch: Vec<&str> = large.iter().map(String::as_str).collect();
    batch.push("bad");
    let written = writer.write(&values(&batch), 6).unwrap();
    assert_eq!((written.rows, written.refused.len()), (5, 1));
    assert_eq!(schema.texts("SELECT count(*)::text FROM t WHERE length(note) = 9 << 20"), ["5"]);
}

#[test]
fn a_table_that_does_not_fit_its_description_is_refused_at_the_start() {
    let Some(schema) = Schema::new() else { return };
    let cases = [
        ("CREATE TABLE t (id bigint PRIMARY KEY, money numeric)", "column \"n\" of relation \"t\" does not exist"),
        (
            "CREATE TABLE t (id bigint, n bigint, money numeric(20, 3))",
            "the table needs a primary key or unique constraint over the sink's key columns",
        ),
        (
            "CREATE TABLE t (id bigint PRIMARY KEY, n bigint, money numeric(10, 1))",
            "is numeric with 1 places: make it numeric with at least 2",
        ),
        ("CREATE TABLE t (id bigint PRIMARY KEY, n bigint, money double precision)", "is double precision: make it numeric"),
        ("CREATE TABLE t (id bigint PRIMARY KEY, money numeric, n uuid)", "does not have the columns that the sink writes"),
        ("CREATE VIEW t AS SELECT 1 AS id, 2 AS n, 3::numeric AS money", "cannot insert into view"),
    ];
    const TABLE: Table =
        Table { name: "t", columns: &[Column::integer("id"), Column::integer("n"), Column::decimal("money", 18, 2)], primary_key: &["id"] };
    for (create, said) in cases {
        schema.run(create);
        let error = PostgresSink::new("s", schema.database.clone(), TABLE).unwrap().open(&task()).err().expect("it does not fit");
        assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains(said)), "{create}: {error}");
        schema.run(if create.contains("VIEW") { "DROP VIEW t" } else { "DROP TABLE t" });
    }
}

#[test]
fn a_role_without_rights_is_told_which() {
    let Some(schema) = Schema::new() else { return };
    schema.writer();
    let reader = Postgres::connect(schema.role("SELECT")).expect("there is nothing to migrate");
    let sink = PostgresSink::new("category_sales", reader, CATEGORY_SALES).unwrap();
    let error = sink.open(&task()).err().expect("it may only read");
    let said = "permission denied for table category_sales (SQLSTATE 42501): let the role select, insert, update and delete";
    assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains(said)), "{error}");
}
