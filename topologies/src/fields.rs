//! What records of all applications have in common: a flat JSON object with known fields, ids and times among them.

use crate::flat_json::{NotAnObject, Value, read_object};
use crate::iso8601;
use headwater_streams::record::Timestamp;
use std::borrow::Cow;
use std::fmt::Display;
use std::marker::PhantomData;
use uuid::Uuid;

/// A UUID as text: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
const UUID_LENGTH: usize = 36;

/// Why bytes are not an object with the fields `F`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument<F: Display> {
    /// Not text at all.
    #[error("not UTF-8: byte {at} begins no character")]
    NotUtf8 {
        /// Where the text ends being text.
        at: usize,
    },
    /// Not a JSON document.
    #[error("broken JSON: {reason}")]
    BrokenJson {
        /// What the parser expected, and where.
        reason: String,
    },
    /// JSON, but no object.
    #[error("not a JSON object but {found}")]
    NotAnObject {
        /// What stands there instead.
        found: &'static str,
    },
    /// A field that is there twice: which one is meant, nobody knows.
    #[error("repeated field {field}")]
    Repeated {
        /// The field.
        field: F,
    },
    /// A field that is not there.
    #[error("missing field {field}")]
    Missing {
        /// The field.
        field: F,
    },
    /// A field of another JSON type.
    #[error("wrong type: {field} is {found}")]
    WrongType {
        /// The field.
        field: F,
        /// What stands there.
        found: &'static str,
    },
}

/// Why text is no id or no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Not a UUID of 36 characters.
    #[error("bad UUID: {text}")]
    Uuid {
        /// What stands there.
        text: String,
    },
    /// Not a time in ISO 8601.
    #[error("bad timestamp: {text}")]
    Timestamp {
        /// What stands there.
        text: String,
    },
    /// Before 1970.
    #[error("negative event time: {text}")]
    NegativeTime {
        /// What stands there.
        text: String,
    },
}

/// A set of fields, made by [`names`](crate::closed_set::names).
pub(crate) trait Field: Copy + Display {
    fn from_name(name: &str) -> Option<Self>;
    fn place(self) -> usize;
}

/// What was found of each of the `N` fields `F`.
pub(crate) struct Fields<'a, F, const N: usize>([Option<Value<'a>>; N], PhantomData<F>);

impl<'a, F: Field, const N: usize> Fields<'a, F, N> {
    /// Unknown fields are for somebody else and are passed over.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, BadDocument<F>> {
        let text = std::str::from_utf8(bytes).map_err(|error| BadDocument::NotUtf8 { at: error.valid_up_to() })?;
        let mut fields = [const { None }; N];
        let mut repeated = None;
        read_object(text, |name, value| {
            let Some(field) = F::from_name(&name) else { return };
            if fields[field.place()].replace(value).is_some() {
                repeated.get_or_insert(field);
            }
        })
        .map_err(|error| match error {
            NotAnObject::But(found) => BadDocument::NotAnObject { found },
            NotAnObject::Broken(reason) => BadDocument::BrokenJson { reason },
        })?;
        repeated.map_or(Ok(Fields(fields, PhantomData)), |field| Err(BadDocument::Repeated { field }))
    }

    pub(crate) fn text(&mut self, field: F) -> Result<Cow<'a, str>, BadDocument<F>> {
        match self.take(field)? {
            Value::Text(text) => Ok(text),
            other => Err(BadDocument::WrongType { field, found: other.kind() }),
        }
    }

    pub(crate) fn number(&mut self, field: F) -> Result<&'a str, BadDocument<F>> {
        match self.take(field)? {
            Value::Number(text) => Ok(text),
            other => Err(BadDocument::WrongType { field, found: other.kind() }),
        }
    }

    /// Producers that fear floats send decimals as strings.
    pub(crate) fn text_or_number(&mut self, field: F) -> Result<Cow<'a, str>, BadDocument<F>> {
        match self.take(field)? {
            Value::Text(text) => Ok(text),
            Value::Number(text) => Ok(Cow::Borrowed(text)),
            other => Err(BadDocument::WrongType { field, found: other.kind() }),
        }
    }

    fn take(&mut self, field: F) -> Result<Value<'a>, BadDocument<F>> {
        self.0[field.place()].take().ok_or(BadDocument::Missing { field })
    }
}

pub(crate) fn uuid(text: &str) -> Result<Uuid, BadText> {
    let parsed = if text.len() == UUID_LENGTH { Uuid::try_parse(text).ok() } else { None };
    parsed.ok_or_else(|| BadText::Uuid { text: text.into() })
}

pub(crate) fn event_time(text: &str) -> Result<Timestamp, BadText> {
    match iso8601::parse(text) {
        Some(time) if time >= 0 => Ok(time),
        Some(_) => Err(BadText::NegativeTime { text: text.into() }),
        None => Err(BadText::Timestamp { text: text.into() }),
    }
}
