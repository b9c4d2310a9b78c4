//! What a record asks of a table: rows to write or to delete, or the reason why it asks for neither.

use crate::table::{Column, ColumnType, Shape, Table};
use crate::{decimal_text, time_text};
use headwater_streams::log::RecordRef;
use serde_json::{Map, Value};

/// One change to a table; cells stand in the order of the columns, or of the key columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Upsert(Vec<Cell>),
    Delete(Vec<Cell>),
}

/// All that one record asks for: everything of it takes effect, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Changes {
    One(Change),
    Several(Vec<Change>),
}

/// A value in the one form that all equal values have, so that keys can be told apart by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    /// Text; decimal numbers, floating point numbers and JSON as their text.
    Text(String),
}

impl Changes {
    /// Reads a record; an error is the reason for its dead letter.
    pub(crate) fn of(table: &Table, shape: Shape, record: RecordRef<'_>) -> Result<Changes, String> {
        match (shape, record.value) {
            (Shape::Row, _) => Change::of(table, record).map(Changes::One),
            (Shape::Rows, Some(value)) => several(table, object("value", value)?).map(Changes::Several),
            (Shape::Rows, None) => Err("no value: nothing says which rows are meant".into()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Change] {
        match self {
            Changes::One(change) => std::slice::from_ref(change),
            Changes::Several(changes) => changes,
        }
    }
}

/// Deletes go first, so that a row that stands on both sides is there in the end.
fn several(table: &Table, mut fields: Map<String, Value>) -> Result<Vec<Change>, String> {
    if !["deletes", "upserts"].iter().any(|name| fields.contains_key(*name)) {
        return Err("neither upserts nor deletes: nothing says which rows are meant".into());
    }
    let mut changes = Vec::new();
    for row in rows("deletes", &mut fields)? {
        changes.push(Change::Delete(cells(table.key_columns(), row)?));
    }
    for row in rows("upserts", &mut fields)? {
        changes.push(Change::Upsert(cells(table.columns.iter(), row)?));
    }
    Ok(changes)
}

fn rows(name: &str, fields: &mut Map<String, Value>) -> Result<Vec<Map<String, Value>>, String> {
    let rows = match fields.remove(name) {
        None => Some(Vec::new()),
        Some(Value::Array(rows)) => rows.into_iter().map(|row| if let Value::Object(row) = row { Some(row) } else { None }).collect(),
        Some(_) => None,
    };
    rows.ok_or_else(|| format!("{name} is no array of JSON objects"))
}

impl Change {
    fn of(table: &Table, record: RecordRef<'_>) -> Result<Change, String> {
        match (record.value, record.key) {
            (Some(value), _) => Ok(Change::Upsert(cells(table.columns.iter(), object("value", value)?)?)),
            (None, Some(key)) => Ok(Change::Delete(cells(table.key_columns(), object("key", key)?)?)),
            (None, None) => Err("no value and no key: nothing says which row to delete".into()),
        }
    }
}

impl Cell {
    /// About how many bytes it takes to send it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Cell::Null | Cell::Boolean(_) | Cell::Integer(_) | Cell::Timestamp(_) => 16,
            Cell::Text(text) => 16 + text.len(),
        }
    }
}

fn object(part: &str, bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(format!("the {part} is no JSON object")),
        Err(error) => Err(format!("the {part} is no JSON: {error}")),
    }
}

fn cells<'a>(columns: impl Iterator<Item = &'a Column>, fields: Map<String, Value>) -> Result<Vec<Cell>, String> {
    columns.map(|column| cell(column, &fields)).collect()
}

/// A missing field is null; whether null may stand there is the target's to say.
fn cell(column: &Column, fields: &Map<String, Value>) -> Result<Cell, String> {
    let found = fields.get(column.field).unwrap_or(&Value::Null);
    let cell = match (column.kind, found) {
        (_, Value::Null) => Some(Cell::Null),
        (ColumnType::Text, Value::String(text)) => Some(Cell::Text(text.clone())),
        (ColumnType::Integer, Value::Number(number)) => number.as_i64().map(Cell::Integer),
        (ColumnType::Decimal { precision, scale }, Value::String(text)) => decimal_text::exact(text, precision, scale).map(Cell::Text),
        (ColumnType::Timestamp, Value::String(text)) => time_text::read_micros(text).map(Cell::Timestamp),
        (ColumnType::Boolean, Value::Bool(value)) => Some(Cell::Boolean(*value)),
        (ColumnType::Double, Value::Number(number)) => Some(Cell::Text(number.to_string())),
        (ColumnType::Json, value) => Some(Cell::Text(value.to_string())),
        (
            ColumnType::Text
            | ColumnType::Integer
            | ColumnType::Decimal { .. }
            | ColumnType::Timestamp
            | ColumnType::Boolean
            | ColumnType::Double,
            _,
        ) => None,
    };
    cell.ok_or_else(|| format!("field {}: {found} is not {}", column.field, wanted(column.kind)))
}

fn wanted(kind: ColumnType) -> String {
    match kind {
        ColumnType::Text => "text".into(),
        ColumnType::Integer => "a 64-bit integer".into(),
        ColumnType::Decimal { precision, scale } => {
            format!("text with a decimal number of at most {} digits before the point and {scale} behind it", precision - scale)
        }
        ColumnType::Timestamp => "text with a time like 2025-11-29T20:04:32.125Z".into(),
        ColumnType::Boolean => "a boolean".into(),
        ColumnType::Double => "a number".into(),
        ColumnType::Json => "JSON".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_streams::log::{Headers, Records};

    const TABLE: Table = Table {
        name: "t",
        columns: &[Column::text("id"), Column::integer("n").from_field("count"), Column::text("note").nullable()],
        primary_key: &["id"],
    };

    fn change(key: Option<&str>, value: Option<&str>) -> Result<Change, String> {
        let mut records = Records::new();
        records.push(0, 0, key.map(str::as_bytes), value.map(str::as_bytes), &Headers::new());
        Change::of(&TABLE, records.get(0).unwrap())
    }

    fn several_of(value: Option<&str>) -> Result<Changes, String> {
        let mut records = Records::new();
        records.push(0, 0, None, value.map(str::as_bytes), &Headers::new());
        Changes::of(&TABLE, Shape::Rows, records.get(0).unwrap())
    }

    #[test]
    fn a_record_of_several_rows_deletes_first() {
        let text = |text: &str| Cell::Text(text.into());
        let upsert = |id: &str, n| Change::Upsert(vec![text(id), Cell::Integer(n), Cell::Null]);
        let found =
            several_of(Some(r#"{"upserts": [{"id": "a", "count": 1}, {"id": "b", "count": 2}], "deletes": [{"id": "c", "count": "x"}]}"#));
        assert_eq!(found, Ok(Changes::Several(vec![Change::Delete(vec![text("c")]), upsert("a", 1), upsert("b", 2)])));
        assert_eq!(several_of(Some(r#"{"deletes": []}"#)), Ok(Changes::Several(vec![])));
        for (value, reason) in [
            (None, "no value: nothing says which rows are meant"),
            (Some("[]"), "the value is no JSON object"),
            (Some(r#"{"id": "a", "count": 1}"#), "neither upserts nor deletes: nothing says which rows are meant"),
            (Some(r#"{"upserts": {"id": "a", "count": 1}}"#), "upserts is no array of JSON objects"),
            (Some(r#"{"upserts": [], "deletes": ["a"]}"#), "deletes is no array of JSON objects"),
            (Some(r#"{"upserts": [{"id": "a", "count": 1}, {"id": "b", "count": "2"}]}"#), r#"field count: "2" is not a 64-bit integer"#),
        ] {
            assert_eq!(several_of(value), Err(reason.to_string()), "{value:?}");
        }
    }

    #[test]
    fn values_become_rows_and_keys_of_nulls_become_deletes() {
        let text = |text: &str| Cell::Text(text.into());
        let row = change(None, Some(r#"{"count": 3, "id": "a", "more": 1}"#));
        assert_eq!(row, Ok(Change::Upsert(vec![text("a"), Cell::Integer(3), Cell::Null])));
        assert_eq!(change(Some(r#"{"id":"a"}"#), None), Ok(Change::Delete(vec![text("a")])));
    }

    #[test]
    fn every_type_reads_its_values_into_one_form_and_refuses_the_others() {
        const MONEY: ColumnType = ColumnType::Decimal { precision: 4, scale: 2 };
        let text = |text: &str| Ok(Cell::Text(text.into()));
        let cases = [
            (MONEY, r#""07.5""#, text("7.50")),
            (MONEY, r#""7.505""#, Err(r#""7.505" is not text with a decimal number of at most 2 digits before the point and 2 behind it"#)),
            (MONEY, "7.5", Err("7.5 is not text with a decimal number of at most 2 digits before the point and 2 behind it")),
            (ColumnType::Timestamp, r#""1970-01-01T01:00:01.5+01:00""#, Ok(Cell::Timestamp(1_500_000))),
            (ColumnType::Timestamp, r#""now""#, Err(r#""now" is not text with a time like 2025-11-29T20:04:32.125Z"#)),
            (ColumnType::Boolean, "true", Ok(Cell::Boolean(true))),
            (ColumnType::Boolean, "1", Err("1 is not a boolean")),
            (ColumnType::Double, "0.1", text("0.1")),
            (ColumnType::Double, r#""0.1""#, Err(r#""0.1" is not a number"#)),
            (ColumnType::Json, r#"{"a": [1, null]}"#, text(r#"{"a":[1,null]}"#)),
            (ColumnType::Json, "null", Ok(Cell::Null)),
        ];
        for (kind, value, expected) in cases {
            let fields = serde_json::from_str(&format!(r#"{{"c": {value}}}"#)).unwrap();
            assert_eq!(cell(&Column::of("c", kind), &fields), expected.map_err(|why| format!("field c: {why}")), "{kind:?} {value}");
        }
    }

    #[test]
    fn what_is_not_a_row_says_why() {
        let cases = [
            (None, None, "no value and no key: nothing says which row to delete"),
            (Some("7"), None, "the key is no JSON object"),
            (None, Some("[1]"), "the value is no JSON object"),
            (None, Some("{"), "the value is no JSON: EOF while parsing an object at line 1 column 1"),
            (None, Some(r#"{"id": 5, "count": 1}"#), "field id: 5 is not text"),
            (None, Some(r#"{"id": "a", "count": 1.5}"#), "field count: 1.5 is not a 64-bit integer"),
            (None, Some(r#"{"id": "a", "count": 9223372036854775808}"#), "field count: 9223372036854775808 is not a 64-bit integer"),
            (None, Some(r#"{"id": "a", "count": "1"}"#), r#"field count: "1" is not a 64-bit integer"#),
        ];
        for (key, value, reason) in cases {
            assert_eq!(change(key, value), Err(reason.to_string()), "{key:?} {value:?}");
        }
    }
}
