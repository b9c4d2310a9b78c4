//! What pages of plain tables show, and what a store must be able to say for them.

use crate::SourceError;
use crate::listing::{Kind, Listing};
use crate::source::ToSnapshot;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// By name of the listing. A table that is not there yet has none.
    pub listings: BTreeMap<&'static str, Rows>,
    /// Why something is missing, where that is known.
    pub absent: Option<String>,
}

/// Rows of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// How many the whole table has.
    pub count: u64,
    /// Those that are shown, each an object with a member per column.
    pub rows: Vec<Value>,
}

impl Rows {
    /// Takes a row as the statement of its listing gives it: the count, then the columns, all of them text.
    pub(crate) fn add(&mut self, listing: &Listing, count: &str, columns: Vec<Option<String>>) -> Result<(), SourceError> {
        self.count = count.parse().map_err(|_| SourceError::Unavailable(format!("{count:?} is no number of rows")))?;
        let mut row = Map::new();
        for (shown, text) in listing.columns.iter().zip(columns) {
            let value = text.map_or(Ok(Value::Null), |text| value_of(shown.kind, text));
            let unreadable = |(value, reason)| SourceError::UnreadableColumn { table: listing.table, column: shown.name, value, reason };
            row.insert(shown.name.into(), value.map_err(unreadable)?);
        }
        self.rows.push(Value::Object(row));
        Ok(())
    }
}

/// What a column's text stands for; otherwise the text and what is wrong with it.
fn value_of(kind: Kind, text: String) -> Result<Value, (String, String)> {
    match kind {
        Kind::Text | Kind::Seconds | Kind::Millis => Ok(Value::String(text)),
        Kind::Json => serde_json::from_str(&text).map_err(|error| (text, error.to_string())),
        Kind::Boolean => match text.as_str() {
            "1" | "true" => Ok(true.into()),
            "0" | "false" => Ok(false.into()),
            _ => Err((text, "neither true nor false".into())),
        },
    }
}

impl ToSnapshot for Tables {
    fn snapshot(&self, sequence: u64, as_of_ms: u64) -> String {
        let listings = self.listings.iter().map(|(name, rows)| ((*name).into(), json!({ "row_count": rows.count, "rows": rows.rows })));
        json!({ "sequence": sequence, "as_of_ms": as_of_ms, "absent": self.absent, "tables": listings.collect::<Map<_, _>>() }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_it_stands_for() {
        for (kind, text, expected) in [
            (Kind::Text, "10.50", json!("10.50")),
            (Kind::Seconds, "2025-11-29T20:04:00Z", json!("2025-11-29T20:04:00Z")),
            (Kind::Json, "12", json!(12)),
            (Kind::Json, r#"[{"a":"1.00"}]"#, json!([{"a": "1.00"}])),
            (Kind::Boolean, "1", json!(true)),
            (Kind::Boolean, "false", json!(false)),
        ] {
            assert_eq!(value_of(kind, text.into()), Ok(expected));
        }
        assert!(value_of(Kind::Json, "[".into()).is_err() && value_of(Kind::Boolean, "yes".into()).is_err());
    }
}
