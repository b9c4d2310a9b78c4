//! How changes and columns look on the wire and in the stores. Everything here is durable: a change is a new version.
//!
//! | type | where | bytes |
//! |---|---|---|
//! | [`Change`] | topics `product-changes`, `customer-changes`, `store-changes` | JSON, as producers write it |
//! | [`Columns`] | within the library's layouts of `scd2`: repartition topics, stores, changelogs | JSON object, members in the order of their names |
//! | [`Json`] | topics `dim-product`, `dim-customer`, `dim-store` | JSON object: `upserts` and `deletes`, arrays of rows |

use super::json::Json;
use super::{Change, Columns};
use headwater_streams::format::{Data, Format, FormatError};
use std::borrow::Cow;

impl Data for Change {
    type Format = ChangeJson;
}

impl Data for Columns {
    type Format = ColumnsJson;
}

/// Changes as producers write them; what breaks a rule is not decoded.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeJson;

impl Format<Change> for ChangeJson {
    fn encode(&self, change: &Change, out: &mut Vec<u8>) -> Result<(), FormatError> {
        change.to_json().write(out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Change, FormatError> {
        Change::parse(bytes).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "change-json".into()
    }
}

/// Columns as an object.
#[derive(Debug, Clone, Copy, Default)]
pub struct ColumnsJson;

impl Format<Columns> for ColumnsJson {
    fn encode(&self, columns: &Columns, out: &mut Vec<u8>) -> Result<(), FormatError> {
        columns.write(out);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Columns, FormatError> {
        match Json::parse(bytes).map_err(FormatError::malformed)? {
            Json::Object(members) => Ok(Columns(members)),
            other => Err(FormatError::malformed(format_args!("columns are {}", other.kind()))),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        "columns-json".into()
    }
}
