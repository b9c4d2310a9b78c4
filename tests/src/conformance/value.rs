//! Dynamic values: null, string, long, list, windowed key; their bytes and their JSON.

use headwater_streams::format::{Format, FormatError, Nullable};
use headwater_streams::record::Windowed;
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

/// A key or a value of a case. It has a null of its own, so it is its own `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// No bytes.
    #[default]
    Null,
    /// `s` and UTF-8.
    String(String),
    /// `l` and 8 bytes, big-endian.
    Long(i64),
    /// `a` and compact JSON.
    List(Vec<Value>),
    /// `w`, the bytes of the key, start and end.
    Windowed(Box<Windowed<Value>>),
}

impl Value {
    /// A string.
    pub fn text(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// `str(v)`: how it reads as text.
    pub fn show(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::String(text) => text.clone(),
            Value::Long(n) => n.to_string(),
            Value::List(items) => format!("[{}]", items.iter().map(Value::show).collect::<Vec<_>>().join(",")),
            Value::Windowed(of) => format!("[{}@{}/{}]", of.key.show(), of.start, of.end),
        }
    }

    /// `num(v)`: how it counts as a number.
    pub fn number(&self) -> i64 {
        match self {
            Value::Null => 0,
            Value::String(text) => decimal(text).unwrap_or(0),
            Value::Long(n) => *n,
            Value::List(items) => i64::try_from(items.len()).unwrap_or(i64::MAX),
            Value::Windowed(of) => of.start,
        }
    }

    /// `list(v)`: its elements, or itself alone; nothing for null.
    pub fn into_items(self) -> Vec<Value> {
        match self {
            Value::Null => Vec::new(),
            Value::List(items) => items,
            Value::String(_) | Value::Long(_) | Value::Windowed(_) => vec![self],
        }
    }

    /// As the cases write it.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::String(text) => json!(text),
            Value::Long(n) => json!(n),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Windowed(of) => json!({"key": of.key.to_json(), "start": of.start, "end": of.end}),
        }
    }

    /// Out of a case.
    pub fn of_json(json: &Json) -> Result<Value, String> {
        match json {
            Json::Null => Ok(Value::Null),
            Json::String(text) => Ok(Value::text(text)),
            Json::Array(items) => items.iter().map(Value::of_json).collect::<Result<_, _>>().map(Value::List),
            Json::Number(n) => n.as_i64().map(Value::Long).ok_or_else(|| format!("{n} is no long")),
            Json::Object(of) => {
                let time = |name: &str| of.get(name).and_then(Json::as_i64).ok_or_else(|| format!("a windowed key without {name}"));
                let key = Value::of_json(of.get("key").unwrap_or(&Json::Null))?;
                Ok(Value::Windowed(Box::new(Windowed { key, start: time("start")?, end: time("end")? })))
            }
            Json::Bool(_) => Err("a boolean is no value".to_owned()),
        }
    }

    /// The bytes; none for null.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).then_some(bytes)
    }

    /// Out of the bytes.
    pub fn of_bytes(bytes: Option<&[u8]>) -> Result<Value, FormatError> {
        bytes.map_or(Ok(Value::Null), |bytes| ValueFormat.decode(bytes))
    }

    fn write(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Value::Null => return false,
            Value::String(text) => {
                out.push(b's');
                out.extend_from_slice(text.as_bytes());
            }
            Value::Long(n) => {
                out.push(b'l');
                out.extend_from_slice(&n.to_be_bytes());
            }
            Value::List(_) => {
                out.push(b'a');
                out.extend_from_slice(self.to_json().to_string().as_bytes());
            }
            Value::Windowed(of) => write_windowed(of, out),
        }
        true
    }
}

fn write_windowed(of: &Windowed<Value>, out: &mut Vec<u8>) {
    out.push(b'w');
    of.key.write(out);
    out.extend_from_slice(&of.start.to_be_bytes());
    out.extend_from_slice(&of.end.to_be_bytes());
}

/// A text of at most 18 digits, with or without a minus, as a number.
pub fn decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=18).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        Value::of_json(&Json::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// The one format of all keys and values.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueFormat;

impl Format<Value> for ValueFormat {
    fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if value.write(out) { Ok(()) } else { Err(FormatError::unwritable("null where a value is needed")) }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, FormatError> {
        let malformed = || FormatError::malformed("malformed value");
        let (kind, rest) = bytes.split_first().ok_or_else(malformed)?;
        match kind {
            b's' => String::from_utf8(rest.to_vec()).map(Value::String).map_err(|_| malformed()),
            b'l' => rest.try_into().map(|n| Value::Long(i64::from_be_bytes(n))).map_err(|_| malformed()),
            b'a' => {
                let json: Json = serde_json::from_slice(rest).map_err(|_| malformed())?;
                Value::of_json(&json).map_err(|_| malformed())
            }
            b'w' => WindowForm.decode(bytes).map(|of| Value::Windowed(Box::new(of))),
            _ => Err(malformed()),
        }
    }
}

/// Typed windowed keys in the form in which topics hold them: that of a [`Value::Windowed`].
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowForm;

impl Format<Windowed<Value>> for WindowForm {
    fn encode(&self, of: &Windowed<Value>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        write_windowed(of, out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Windowed<Value>, FormatError> {
        let malformed = || FormatError::malformed("malformed windowed key");
        let rest = bytes.strip_prefix(b"w").ok_or_else(malformed)?;
        let (rest, end) = rest.split_last_chunk::<8>().ok_or_else(malformed)?;
        let (key, start) = rest.split_last_chunk::<8>().ok_or_else(malformed)?;
        Ok(Windowed { key: ValueFormat.decode(key)?, start: i64::from_be_bytes(*start), end: i64::from_be_bytes(*end) })
    }
}

impl Nullable for Value {
    type Present = Value;
    type OrNull = Value;
    type Format = ValueFormat;

    fn present(&self) -> Option<&Value> {
        (!self.is_null()).then_some(self)
    }

    fn into_present(self) -> Option<Value> {
        (!self.is_null()).then_some(self)
    }

    fn from_present(value: Value) -> Value {
        value
    }

    fn null() -> Option<Value> {
        Some(Value::Null)
    }

    fn or_null(value: Option<Value>) -> Value {
        value.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: Json) -> Value {
        Value::of_json(&json).unwrap()
    }

    #[test]
    fn bytes_are_those_of_the_cases() {
        let table: &[(Json, &[u8])] = &[
            (json!("x"), b"sx"),
            (json!(""), b"s"),
            (json!(-2), b"l\xff\xff\xff\xff\xff\xff\xff\xfe"),
            (json!(["x", 5, null]), b"a[\"x\",5,null]"),
            (json!({"key": "a", "start": 0, "end": 10}), b"wsa\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a"),
        ];
        for (json, bytes) in table {
            let value = value(json.clone());
            assert_eq!(value.to_bytes().as_deref(), Some(*bytes), "{json}");
            assert_eq!(Value::of_bytes(Some(bytes)).unwrap(), value, "{json}");
            assert_eq!(value.to_json(), *json);
        }
        assert_eq!(Value::Null.to_bytes(), None);
        assert!(Value::of_bytes(Some(b"\xff")).is_err());
        assert!(Value::of_bytes(Some(b"l\0")).is_err());
    }

    #[test]
    fn any_value_reads_as_text_and_as_number() {
        let table = [
            (json!(null), "null", 0),
            (json!("-7"), "-7", -7),
            (json!("+7"), "+7", 0),
            (json!("1234567890123456789"), "1234567890123456789", 0),
            (json!(5), "5", 5),
            (json!(["a", [1, null]]), "[a,[1,null]]", 2),
            (json!({"key": "a", "start": 3, "end": 9}), "[a@3/9]", 3),
        ];
        for (json, text, number) in table {
            assert_eq!((value(json.clone()).show().as_str(), value(json).number()), (text, number));
        }
    }
}
