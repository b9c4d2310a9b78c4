//! UUIDs: as text, which is how Kafka's `UUIDSerializer` writes them, or as 16 bytes.

use super::{Data, Format, FormatError};
use std::borrow::Cow;
use uuid::Uuid;

/// The 36 characters of the hyphenated form in lower case. The format of `Uuid` unless another one is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct UuidText;

impl Format<Uuid> for UuidText {
    fn encode(&self, value: &Uuid, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(value.hyphenated().encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH]).as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Uuid, FormatError> {
        Uuid::try_parse_ascii(bytes).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "uuid-text".into()
    }
}

/// The 16 bytes, most significant first.
#[derive(Clone, Copy, Debug, Default)]
pub struct UuidBytes;

impl Format<Uuid> for UuidBytes {
    fn encode(&self, value: &Uuid, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Uuid, FormatError> {
        Uuid::from_slice(bytes).map_err(|_| FormatError::WrongLength { expected: 16, found: bytes.len() })
    }

    fn name(&self) -> Cow<'static, str> {
        "uuid-bytes".into()
    }
}

impl Data for Uuid {
    type Format = UuidText;
}
