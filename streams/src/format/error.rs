//! Why bytes are no value, or a value no bytes.

/// A value that could not be read or written. The record is at fault: it may be skipped or become a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not what the format expects.
    #[error("{reason}")]
    Malformed {
        /// What is wrong with them.
        reason: String,
    },
    /// A type of fixed size met more or fewer bytes.
    #[error("{found} bytes where {expected} are expected")]
    WrongLength {
        /// The type's size.
        expected: usize,
        /// What there was.
        found: usize,
    },
    /// The bytes were written by another version of the type.
    #[error("version {found} where {expected} is expected")]
    WrongVersion {
        /// The version that the type names.
        expected: u8,
        /// The version that wrote the bytes.
        found: u8,
    },
    /// No bytes for a type without a null.
    #[error("null {part} where {type_name} cannot be null")]
    Null {
        /// Key or value.
        part: &'static str,
        /// The type that was to be read.
        type_name: &'static str,
    },
    /// The value has no place in the format.
    #[error("cannot be written: {reason}")]
    Unwritable {
        /// What the format said.
        reason: String,
    },
    /// The same, with the part of the record that it was.
    #[error("undecodable {part}: {source}")]
    Part {
        /// Key or value.
        part: &'static str,
        /// What was wrong with it.
        source: Box<FormatError>,
    },
}

impl FormatError {
    /// Bytes that are not what the format expects.
    pub fn malformed(reason: impl ToString) -> Self {
        FormatError::Malformed { reason: reason.to_string() }
    }

    /// A value that has no place in the format.
    pub fn unwritable(reason: impl ToString) -> Self {
        FormatError::Unwritable { reason: reason.to_string() }
    }

    /// Says which part of a record it was.
    pub(crate) fn in_part(self, part: &'static str) -> Self {
        match self {
            FormatError::Null { type_name, .. } => FormatError::Null { part, type_name },
            other => FormatError::Part { part, source: Box::new(other) },
        }
    }
}
