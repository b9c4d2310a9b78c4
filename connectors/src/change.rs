//! What a record asks of a table: a row to write or to delete, or the reason why it is neither.

use crate::table::{Column, ColumnType, Table};
use crate::{decimal_text, time_text};
use headwater_streams::log::RecordRef;
use serde_json::{Map, Value};

/// One change to a table; cells stand in the order of the columns, or of the key columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Upsert(Vec<Cell>),
    Delete(Vec<Cell>),
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

impl Change {
    /// Reads a record; an error is the reason for its dead letter.
    pub(crate) fn of(table: &Table, record: RecordRef<'_>) -> Result<Change, String> {
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
