//! A change to a row of a dimension, as producers write it.

use super::Invalid;
use super::json::{Json, Members, write_members};
use headwater_streams::record::Timestamp;

/// One change: from `valid_from` on the row has these columns, or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which row.
    pub key: String,
    /// Since when, in milliseconds.
    pub valid_from: Timestamp,
    /// The columns; none: the row ends.
    pub columns: Option<Columns>,
}

/// The columns of a row: a JSON object, equal as such.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns(pub Members);

impl Columns {
    /// Writes them as an object, in the order of their names.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_members(&self.0, out);
    }
}

impl Change {
    /// Reads a change: `{"key": text, "op": "upsert" or "delete", "valid_from": ms, "columns": {..}}`. Unknown fields are for somebody else and
    /// are passed over, and so are the columns of a delete.
    ///
    /// ```
    /// use headwater_topologies::dimensions::Change;
    /// let change = Change::parse(br#"{"key": "p-1", "op": "upsert", "valid_from": 1764446672000, "columns": {"name": "Rye"}}"#)?;
    /// assert_eq!((&*change.key, change.valid_from), ("p-1", 1_764_446_672_000));
    /// # Ok::<_, headwater_topologies::dimensions::Invalid>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Change, Invalid> {
        Change::take(&mut object(bytes)?)
    }

    /// Reads a change with the `offset` by which changes of the same moment are ordered.
    pub fn parse_with_offset(bytes: &[u8]) -> Result<(Change, i64), Invalid> {
        let mut fields = object(bytes)?;
        let change = Change::take(&mut fields)?;
        match integer("offset", &mut fields)? {
            offset @ 0.. => Ok((change, offset)),
            _ => Err(Invalid::NegativeOffset),
        }
    }

    fn take(fields: &mut Members) -> Result<Change, Invalid> {
        let key = text("key", fields)?;
        let op = text("op", fields)?;
        let valid_from = integer("valid_from", fields)?;
        let columns = match &*op {
            "upsert" => match field("columns", fields)? {
                Json::Object(columns) => Some(Columns(columns)),
                other => return Err(Invalid::WrongType { field: "columns", found: other.kind() }),
            },
            "delete" => None,
            _ => return Err(Invalid::UnknownOperation { name: op }),
        };
        Ok(Change { key, valid_from, columns })
    }

    /// The same as an object, as producers write it.
    pub fn to_json(&self) -> Json {
        let op = if self.columns.is_some() { "upsert" } else { "delete" };
        let fields = [("key", Json::from(&*self.key)), ("op", op.into()), ("valid_from", self.valid_from.into())];
        let columns = self.columns.iter().map(|columns| ("columns", Json::Object(columns.0.clone())));
        Json::Object(fields.into_iter().chain(columns).map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

fn object(bytes: &[u8]) -> Result<Members, Invalid> {
    match Json::parse(bytes)? {
        Json::Object(members) => Ok(members),
        other => Err(Invalid::NotAnObject { found: other.kind() }),
    }
}

fn field(name: &'static str, fields: &mut Members) -> Result<Json, Invalid> {
    fields.remove(name).ok_or(Invalid::Missing { field: name })
}

fn text(name: &'static str, fields: &mut Members) -> Result<String, Invalid> {
    match field(name, fields)? {
        Json::Text(text) => Ok(text),
        other => Err(Invalid::WrongType { field: name, found: other.kind() }),
    }
}

fn integer(name: &'static str, fields: &mut Members) -> Result<i64, Invalid> {
    match field(name, fields)? {
        Json::Number(number) => number.integer().ok_or_else(|| Invalid::NotAnInteger { field: name, text: number.text().into() }),
        other => Err(Invalid::WrongType { field: name, found: other.kind() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"key":"p-1","op":"upsert","valid_from":5,"columns":{"name":"Rye"},"offset":7}"#;

    #[test]
    fn one_clear_reason_for_each_broken_rule() {
        for (from, to, reason) in [
            ("{", "", "broken JSON"),
            (GOOD, "[1]", "not a JSON object but an array"),
            ("\"op\"", "\"key\"", "repeated field key"),
            ("\"name\":\"Rye\"", "\"name\":1,\"name\":1", "repeated field name"),
            ("\"key\":\"p-1\",", "", "missing field key"),
            ("\"p-1\"", "1", "wrong type: key is a number"),
            ("\"op\":\"upsert\",", "", "missing field op"),
            ("upsert", "insert", "unknown operation: insert"),
            ("\"valid_from\":5,", "", "missing field valid_from"),
            ("5", "\"5\"", "wrong type: valid_from is a string"),
            ("5", "5.5", "valid_from is no whole number of 64 bits: 5.5"),
            ("5", "9223372036854775808", "valid_from is no whole number of 64 bits: 9223372036854775808"),
            ("\"columns\":{\"name\":\"Rye\"},", "", "missing field columns"),
            ("{\"name\":\"Rye\"}", "null", "wrong type: columns is null"),
            (",\"offset\":7", "", "missing field offset"),
            ("7", "-7", "negative offset"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let found = Change::parse_with_offset(text.as_bytes()).unwrap_err().to_string();
            assert!(found.starts_with(reason), "{text}: {found}");
        }
    }

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let (change, offset) = Change::parse_with_offset(GOOD.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        change.to_json().write(&mut bytes);
        assert_eq!((Change::parse(&bytes), offset), (Ok(change), 7));
        let delete = Change::parse(br#"{"valid_from":-1.0,"op":"delete","key":"","columns":7,"more":[]}"#).unwrap();
        assert_eq!(delete, Change { key: String::new(), valid_from: -1, columns: None });
    }
}
