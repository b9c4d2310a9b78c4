//! What a record asks of a table: a row to write or to delete, or the reason why it is neither.

use crate::table::{Column, ColumnType, Table};
use headwater_streams::log::RecordRef;
use serde_json::{Map, Value};

/// One change to a table; cells stand in the order of the columns, or of the key columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Upsert(Vec<Cell>),
    Delete(Vec<Cell>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
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
    match (column.kind, fields.get(column.field)) {
        (_, None | Some(Value::Null)) => Ok(Cell::Null),
        (ColumnType::Text, Some(Value::String(text))) => Ok(Cell::Text(text.clone())),
        (ColumnType::Integer, Some(Value::Number(number))) => {
            number.as_i64().map(Cell::Integer).ok_or_else(|| format!("field {}: {number} is not a 64-bit integer", column.field))
        }
        (ColumnType::Text, Some(other)) => Err(format!("field {}: {other} is not text", column.field)),
        (ColumnType::Integer, Some(other)) => Err(format!("field {}: {other} is not an integer", column.field)),
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
    fn what_is_not_a_row_says_why() {
        let cases = [
            (None, None, "no value and no key: nothing says which row to delete"),
            (Some("7"), None, "the key is no JSON object"),
            (None, Some("[1]"), "the value is no JSON object"),
            (None, Some("{"), "the value is no JSON: EOF while parsing an object at line 1 column 1"),
            (None, Some(r#"{"id": 5, "count": 1}"#), "field id: 5 is not text"),
            (None, Some(r#"{"id": "a", "count": 1.5}"#), "field count: 1.5 is not a 64-bit integer"),
            (None, Some(r#"{"id": "a", "count": 9223372036854775808}"#), "field count: 9223372036854775808 is not a 64-bit integer"),
            (None, Some(r#"{"id": "a", "count": "1"}"#), r#"field count: "1" is not an integer"#),
        ];
        for (key, value, reason) in cases {
            assert_eq!(change(key, value), Err(reason.to_string()), "{key:?} {value:?}");
        }
    }
}
