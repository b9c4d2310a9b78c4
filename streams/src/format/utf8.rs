//! Text as UTF-8, as Kafka's `StringSerializer` has it.

use super::{Data, Format, FormatError};
use std::borrow::Cow;

/// The text's bytes and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8;

impl Format<String> for Utf8 {
    #[inline]
    fn encode(&self, value: &String, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<String, FormatError> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "utf8".into()
    }
}

impl Data for String {
    type Format = Utf8;
}
