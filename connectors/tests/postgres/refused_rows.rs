//! A row that the server refuses is a dead letter in the transaction of the others, and the only one.

use super::tables::{values, writer_of};
use crate::support::postgres::Schema;
use crate::support::{CATEGORY_SALES, Warehouse, offsets, rows};
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::ConnectorError;

const COLUMNS: &str = "window_start text, window_end text, category text, total_sales text, transaction_count bigint";
const KEY: &str = "PRIMARY KEY (window_start, category)";

fn trigger(body: &str) -> String {
    format!(
        "CREATE TABLE category_sales ({COLUMNS}, {KEY}); CREATE TABLE audit (category text);
         CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO audit VALUES (NEW.category); IF NEW.category <> 'Home' THEN {body}; END IF; RETURN NEW; END $$;
         CREATE TRIGGER look BEFORE INSERT ON category_sales FOR EACH ROW EXECUTE FUNCTION look()"
    )
}

fn foreign_key(deferred: &str) -> String {
    format!(
        "CREATE TABLE categories (name text PRIMARY KEY); INSERT INTO categories VALUES ('Home');
         CREATE TABLE category_sales ({COLUMNS}, {KEY}, FOREIGN KEY (category) REFERENCES categories (name) {deferred})"
    )
}

#[test]
fn every_kind_of_refusal_takes_only_its_own_row() {
    let endless: String = (0..3000).map(|n: u32| char::from_u32(0x4e00 + n * n % 20_000).unwrap()).collect();
    let plain = format!("CREATE TABLE category_sales ({COLUMNS}, {KEY})");
    let cases = [
        (format!("CREATE TABLE category_sales ({COLUMNS}, {KEY}, CHECK (category <> 'Toys'))"), "Toys", "violates check constraint"),
        (foreign_key(""), "Toys", "violates foreign key constraint"),
        (foreign_key("DEFERRABLE INITIALLY DEFERRED"), "Toys", "violates foreign key constraint"),
        (plain.replace("category text", "category varchar(4)"), "Games", "value too long for type character varying(4) (SQLSTATE 22001)"),
        (plain.clone(), r"To\u0000ys", "invalid byte sequence for encoding \"UTF8\": 0x00 (SQLSTATE 22021)"),
        (plain, endless.as_str(), "(SQLSTATE 54000)"),
        (trigger("RAISE 'no toys here'"), "Toys", "no toys here (SQLSTATE P0001)"),
        (trigger("PERFORM NEW.category::integer"), "Toys", "invalid input syntax for type integer: \"Toys\" (SQLSTATE 22P02)"),
        (trigger("PERFORM 1 / (NEW.transaction_count - 1)"), "Toys", "division by zero (SQLSTATE 22012)"),
        (trigger("RETURN NULL"), "Toys", "the database ignored the row (a trigger returned null)"),
    ];
    for (sql, bad, reason) in cases {
        let Some(schema) = Schema::new() else { return };
        schema.run(&sql);
        let mut writer = schema.writer();
        writer.claim().unwrap();
        let batch =
            rows(5, &[("10:00", "Home", "1.00", 1), ("10:00", bad, "2.00", 1), ("10:01", "Home", "3.00", 1), ("10:01", bad, "4.00", 1)]);
        let written = writer.write(&batch, 9).unwrap();
        assert_eq!((written.rows, offsets(&written.refused)), (2, vec![6, 8]), "{sql}");
        assert!(written.refused.iter().all(|letter| letter.reason.contains(reason)), "{sql}: {:?}", written.refused[0].reason);
        assert_eq!(schema.rows(), ["10:00 Home 1.00 1", "10:01 Home 3.00 1"], "{sql}");
        assert_eq!(schema.letters().len(), 2, "{sql}");
        assert_eq!(schema.writer().claim().unwrap().next_offset, Some(9));
        if sql.contains("audit") {
            assert_eq!(
                schema.texts("SELECT category FROM audit"),
                ["Home", "Home"],
                "what the trigger did for a refused row is taken back"
            );
        }
    }
}

#[test]
fn numbers_that_a_narrower_column_cannot_hold_are_refused() {
    const TABLE: Table =
        Table { name: "t", columns: &[Column::integer("id"), Column::decimal("money", 18, 2), Column::integer("n")], primary_key: &["id"] };
    let Some(schema) = Schema::new() else { return };
    schema.run("CREATE TABLE t (id bigint PRIMARY KEY, money numeric(3, 2), n integer)");
    let batch = values(&[
        r#"{"id":1,"money":"9.99","n":1}"#,
        r#"{"id":2,"money":"10.00","n":1}"#,
        r#"{"id":3,"money":"1.00","n":3000000000}"#,
        r#"{"id":4,"money":"1.234","n":1}"#,
    ]);
    let refused = writer_of(&schema, TABLE).write(&batch, 4).unwrap().refused;
    let reasons: Vec<&str> = refused.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons[..2], ["numeric field overflow (SQLSTATE 22003)", "integer out of range (SQLSTATE 22003)"]);
    assert!(reasons[2].contains("1.234") && reasons[2].contains("2 behind it"), "{}", reasons[2]);
    assert_eq!(schema.texts("SELECT money::text FROM t"), ["9.99"]);
}

#[test]
fn a_row_whose_last_change_is_refused_keeps_the_change_before_it() {
    let Some(schema) = Schema::new() else { return };
    schema.run(&format!("CREATE TABLE category_sales ({COLUMNS}, {KEY}, CHECK (transaction_count < 10))"));
    let mut writer = schema.writer();
    writer.claim().unwrap();
    let batch = rows(
        0,
        &[
            ("10:00", "Home", "1.00", 1),
            ("10:00", "Home", "2.00", 2),
            ("10:00", "Home", "3.00", 30),
            ("10:00", "Home", "4.00", 40),
            ("10:01", "Home", "5.00", 50),
            ("10:02", "Home", "6.00", 60),
            ("10:02", "Home", "7.00", 7),
        ],
    );
    let written = writer.write(&batch, 7).unwrap();
    assert_eq!((written.rows, offsets(&written.refused)), (4, vec![2, 3, 4]));
    assert_eq!(schema.rows(), ["10:00 Home 2.00 2", "10:02 Home 7.00 7"]);
}

#[test]
fn any_number_of_refused_rows_among_many_is_found() {
    let Some(schema) = Schema::new() else { return };
    schema.run(&format!("CREATE TABLE category_sales ({COLUMNS}, {KEY}, CHECK (transaction_count <> 0))"));
    let mut writer = schema.writer();
    writer.claim().unwrap();
    let mut from = 0;
    for (size, every) in [(1, 1), (300, 1), (2000, 97), (2000, 1999)] {
        let windows: Vec<String> = (from..from + size).map(|n| format!("{n:05}")).collect();
        let all: Vec<_> = windows.iter().enumerate().map(|(n, window)| (window.as_str(), "Home", "1.00", n as i64 % every)).collect();
        let bad: Vec<i64> = (0..size).filter(|n| n % every == 0).map(|n| from + n).collect();
        let written = writer.write(&rows(from, &all), from + size).unwrap();
        assert_eq!((written.rows as i64, offsets(&written.refused)), (size - bad.len() as i64, bad), "{size} / {every}");
        from += size;
    }
}

#[test]
fn a_table_that_is_gone_stops_the_sink_instead_of_burying_its_rows() {
    let Some(schema) = Schema::new() else { return };
    let mut writer = writer_of(&schema, CATEGORY_SALES);
    writer.write(&rows(0, &[("10:00", "Home", "1.00", 1)]), 1).unwrap();
    schema.run("ALTER TABLE category_sales RENAME TO away");
    let batch = rows(1, &[("10:01", "Home", "1.00", 1), ("10:02", "Home", "1.00", 1)]);
    let error = writer.write(&batch, 3).unwrap_err();
    let said = "relation \"category_sales\" does not exist (SQLSTATE 42P01): restore it";
    assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains(said)), "{error}");
    schema.run("ALTER TABLE away RENAME TO category_sales");
    assert_eq!((writer.write(&batch, 3).unwrap().rows, schema.rows().len(), schema.letters().len()), (2, 3, 0));
}
