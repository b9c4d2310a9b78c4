//! Why bytes are no change to a dimension: one reason each. The document comes first, then its fields, then the columns in their order.

use super::json::NotJson;

/// The reason that a dead letter carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not a JSON document, or one with a name twice.
    #[error("{0}")]
    NotJson(#[from] NotJson),
    /// JSON, but no object.
    #[error("not a JSON object but {found}")]
    NotAnObject {
        /// What stands there instead.
        found: &'static str,
    },
    /// A field that is not there.
    #[error("missing field {field}")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field of another JSON type.
    #[error("wrong type: {field} is {found}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// Neither `upsert` nor `delete`.
    #[error("unknown operation: {name}")]
    UnknownOperation {
        /// What stands there.
        name: String,
    },
    /// A fraction, or more than 64 bits.
    #[error("{field} is no whole number of 64 bits: {text}")]
    NotAnInteger {
        /// The field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// An offset below zero.
    #[error("negative offset")]
    NegativeOffset,
    /// Text that says nothing, where a name or a key must stand.
    #[error("empty {field}")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A moment that no table can hold.
    #[error("valid_from out of range 0001-01-01 to 9999-12-31: {millis}")]
    MomentOutOfRange {
        /// What stands there.
        millis: i64,
    },
    /// Text that is no price.
    #[error("bad price: {field} is {text}")]
    BadPrice {
        /// The field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// A number that the column does not take.
    #[error("out of range {min} to {max}: {field} is {text}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What stands there.
        text: String,
        /// The smallest that is taken.
        min: i64,
        /// The largest that is taken.
        max: i64,
    },
    /// A name that the column does not know.
    #[error("unknown {field}: {name}")]
    UnknownName {
        /// The field.
        field: &'static str,
        /// What stands there.
        name: String,
    },
}
