//! JSON, by serde.

use super::{Data, Format, FormatError};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Compact JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Format<T> for Json {
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), FormatError> {
        serde_json::to_writer(out, value).map_err(FormatError::unwritable)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, FormatError> {
        // The whole text is checked once; otherwise every name and every string in it would be.
        let text = std::str::from_utf8(bytes).map_err(FormatError::malformed)?;
        serde_json::from_str(text).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "json".into()
    }
}

/// The JSON value `null` is a value, not Kafka's null.
impl Data for serde_json::Value {
    type Format = Json;
}
