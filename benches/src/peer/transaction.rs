//! The input: transactions as JSON.

use headwater_streams::format::{Format, FormatError};
use headwater_streams::prelude::{Data, Json};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A transaction, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Which one.
    pub transaction_id: String,
    /// Whose; also the key.
    pub user_id: String,
    /// One of six.
    pub product_category: Category,
    /// One of a hundred in each category.
    pub product_name: String,
    /// A number with two decimals in JSON; whole cents from here on.
    #[serde(rename = "amount", with = "cents")]
    pub amount_cents: i64,
    /// Event time, the same as the record's.
    pub timestamp: i64,
    /// How it was paid.
    pub payment_method: PaymentMethod,
}

impl Data for Transaction {
    type Format = Json;
}

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are their names")]
pub enum Category {
    Electronics,
    Fashion,
    Beauty,
    Home,
    Sports,
    Grocery,
}

/// How it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are their names")]
pub enum PaymentMethod {
    CreditCard,
    DebitCard,
    Paypal,
    ApplePay,
    BankTransfer,
}

impl Category {
    const ALL: [Category; 6] =
        [Category::Electronics, Category::Fashion, Category::Beauty, Category::Home, Category::Sports, Category::Grocery];

    fn name(self) -> &'static str {
        match self {
            Category::Electronics => "Electronics",
            Category::Fashion => "Fashion",
            Category::Beauty => "Beauty",
            Category::Home => "Home",
            Category::Sports => "Sports",
            Category::Grocery => "Grocery",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A category as a key: its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoryName;

impl Format<Category> for CategoryName {
    fn encode(&self, category: &Category, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(category.name().as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Category, FormatError> {
        let found = Category::ALL.into_iter().find(|category| category.name().as_bytes() == bytes);
        found.ok_or_else(|| FormatError::malformed("no category"))
    }
}

impl Data for Category {
    type Format = CategoryName;
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
