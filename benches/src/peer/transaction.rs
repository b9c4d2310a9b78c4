//! The input: transactions as JSON.

use headwater_streams::prelude::{Data, Json};
use serde::{Deserialize, Serialize};

/// A transaction, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Which one.
    pub transaction_id: String,
    /// Whose; also the key.
    pub user_id: String,
    /// One of six.
    pub product_category: String,
    /// One of a hundred in each category.
    pub product_name: String,
    /// A number with two decimals in JSON; whole cents from here on.
    #[serde(rename = "amount", with = "cents")]
    pub amount_cents: i64,
    /// Event time, the same as the record's.
    pub timestamp: i64,
    /// How it was paid.
    pub payment_method: String,
}

impl Data for Transaction {
    type Format = Json;
}

/// Two decimals are within half a cent of a double up to ten thousand billion, so rounding gives the cents that were written.
mod cents {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(cents: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*cents as f64 / 100.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        f64::deserialize(deserializer).map(|amount| (amount * 100.0).round() as i64)
    }
}
