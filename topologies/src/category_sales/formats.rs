//! How the types of this application look on the wire and in the store. Everything here is durable: a change is a new version.
//!
//! | type | where | bytes |
//! |---|---|---|
//! | [`Transaction`] | topic `transactions` | JSON, as producers write it |
//! | [`Category`] | keys of repartition topic, store and changelog | its name, UTF-8 |
//! | [`Sale`] | repartition topic | JSON: `transaction_id`, `amount` (number, two decimals), `timestamp` (ISO 8601 UTC, milliseconds) |
//! | [`Sales`] | store and changelog | version 1, one byte; count, 8 bytes; cents, 16 bytes; big-endian, 25 in all |
//! | [`CategoryWindow`] | keys of topic `category-sales` | JSON: the table's primary key, `window_start` and `category` |
//! | [`CategorySales`] | topic `category-sales` | JSON: the table's columns; times ISO 8601 UTC, `total_sales` decimal text with two places |

use super::parse::{self, Fields};
use super::{Category, CategorySales, CategoryWindow, Cents, Field, Sale, Sales, Transaction};
use crate::fields::{event_time, uuid};
use crate::iso8601;
use headwater_streams::format::{Data, Format, FormatError};
use headwater_streams::record::{Timestamp, Windowed};
use serde::Deserialize;
use std::borrow::Cow;

/// Version of the bytes of [`Sales`].
const SALES_VERSION: u8 = 1;
const SALES_LENGTH: usize = 1 + 8 + 16;

impl Data for Transaction<'static> {
    type Format = TransactionJson;
}

impl Data for Category {
    type Format = CategoryName;
}

impl Data for Sale {
    type Format = SaleJson;
}

impl Data for Sales {
    type Format = SalesLayout;
}

impl Data for CategoryWindow {
    type Format = CategoryWindowJson;
}

impl Data for CategorySales {
    type Format = CategorySalesJson;
}

/// Transactions as producers write them; what breaks a rule is not decoded.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransactionJson;

impl Format<Transaction<'static>> for TransactionJson {
    fn encode(&self, transaction: &Transaction<'static>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let text = |text: &str| serde_json::to_string(text).map_err(FormatError::unwritable);
        out.extend_from_slice(
            format!(
                r#"{{"transaction_id":"{}","user_id":{},"product_category":"{}","product_name":{},"amount":{},"timestamp":"#,
                transaction.transaction_id,
                text(&transaction.user_id)?,
                transaction.product_category,
                text(&transaction.product_name)?,
                transaction.amount,
            )
            .as_bytes(),
        );
        quoted(out, |out| iso8601::write_millis(transaction.timestamp, out));
        out.extend_from_slice(format!(r#","payment_method":"{}"}}"#, transaction.payment_method).as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Transaction<'static>, FormatError> {
        Transaction::parse(bytes).map(Transaction::into_owned).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "transaction-json".into()
    }
}

/// A category by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct CategoryName;

impl Format<Category> for CategoryName {
    fn encode(&self, category: &Category, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(category.name().as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Category, FormatError> {
        let name = std::str::from_utf8(bytes).map_err(FormatError::malformed)?;
        parse::category(name).map_err(FormatError::malformed)
    }

    fn name(&self) -> Cow<'static, str> {
        "category-name".into()
    }
}

/// A sale on its way to its category.
#[derive(Debug, Clone, Copy, Default)]
pub struct SaleJson;

impl Format<Sale> for SaleJson {
    fn encode(&self, sale: &Sale, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        out.extend_from_slice(b"{\"transaction_id\":\"");
        out.extend_from_slice(sale.transaction_id.hyphenated().encode_lower(&mut id).as_bytes());
        out.extend_from_slice(b"\",\"amount\":");
        sale.amount.write(out);
        out.extend_from_slice(b",\"timestamp\":");
        quoted(out, |out| iso8601::write_millis(sale.timestamp, out));
        out.push(b'}');
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sale, FormatError> {
        let read = || {
            let mut fields = Fields::read(bytes)?;
            Ok(Sale {
                transaction_id: uuid(&fields.text(Field::TransactionId)?)?,
                amount: parse::amount(&fields.text_or_number(Field::Amount)?)?,
                timestamp: event_time(&fields.text(Field::Timestamp)?)?,
            })
        };
        read().map_err(|invalid: super::Invalid| FormatError::malformed(invalid))
    }

    fn name(&self) -> Cow<'static, str> {
        "sale-json".into()
    }
}

/// Sums as the store keeps them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SalesLayout;

impl Format<Sales> for SalesLayout {
    fn encode(&self, sales: &Sales, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(SALES_VERSION);
        out.extend_from_slice(&sales.count.to_be_bytes());
        out.extend_from_slice(&sales.total.0.to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sales, FormatError> {
        let wrong_length = || FormatError::WrongLength { expected: SALES_LENGTH, found: bytes.len() };
        let (&version, rest) = bytes.split_first().ok_or_else(wrong_length)?;
        if version != SALES_VERSION {
            return Err(FormatError::WrongVersion { expected: SALES_VERSION, found: version });
        }
        let (count, cents) = rest.split_first_chunk().ok_or_else(wrong_length)?;
        let cents = cents.try_into().map_err(|_| wrong_length())?;
        Ok(Sales { total: Cents(i128::from_be_bytes(cents)), count: u64::from_be_bytes(*count) })
    }

    fn name(&self) -> Cow<'static, str> {
        "sales-1".into()
    }
}

/// Window and category as the primary key of the table: the same key, the same bytes, so that the topic can be compacted.
#[derive(Debug, Clone, Copy, Default)]
pub struct CategoryWindowJson;

impl Format<CategoryWindow> for CategoryWindowJson {
    fn encode(&self, key: &CategoryWindow, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(b"{\"window_start\":");
        quoted(out, |out| iso8601::write_seconds(key.window_start, out));
        out.extend_from_slice(b",\"category\":\"");
        out.extend_from_slice(key.category.name().as_bytes());
        out.extend_from_slice(b"\"}");
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<CategoryWindow, FormatError> {
        #[derive(Deserialize)]
        struct Key<'a> {
            window_start: &'a str,
            category: &'a str,
        }
        let key: Key<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        let category = parse::category(key.category).map_err(FormatError::malformed)?;
        Ok(CategoryWindow { window_start: time(key.window_start)?, category })
    }

    fn name(&self) -> Cow<'static, str> {
        "category-window-json".into()
    }
}

/// A row of the result with the table's columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct CategorySalesJson;

impl Format<CategorySales> for CategorySalesJson {
    fn encode(&self, row: &CategorySales, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(b"{\"window_start\":");
        quoted(out, |out| iso8601::write_seconds(row.window.start, out));
        out.extend_from_slice(b",\"window_end\":");
        quoted(out, |out| iso8601::write_seconds(row.window.end, out));
        out.extend_from_slice(b",\"category\":\"");
        out.extend_from_slice(row.window.key.name().as_bytes());
        out.extend_from_slice(b"\",\"total_sales\":");
        quoted(out, |out| row.sales.total.write(out));
        out.extend_from_slice(b",\"transaction_count\":");
        out.extend_from_slice(row.sales.count.to_string().as_bytes());
        out.push(b'}');
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<CategorySales, FormatError> {
        #[derive(Deserialize)]
        struct Row<'a> {
            window_start: &'a str,
            window_end: &'a str,
            category: &'a str,
            total_sales: &'a str,
            transaction_count: u64,
        }
        let row: Row<'_> = serde_json::from_slice(bytes).map_err(FormatError::malformed)?;
        let category = parse::category(row.category).map_err(FormatError::malformed)?;
        let total = Cents::parse(row.total_sales).map_err(|_| FormatError::malformed("total_sales is not a decimal"))?;
        Ok(CategorySales {
            window: Windowed { key: category, start: time(row.window_start)?, end: time(row.window_end)? },
            sales: Sales { total, count: row.transaction_count },
        })
    }

    fn name(&self) -> Cow<'static, str> {
        "category-sales-json".into()
    }
}

fn time(text: &str) -> Result<Timestamp, FormatError> {
    iso8601::parse(text).ok_or_else(|| FormatError::malformed(format!("not a time: {text}")))
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category_sales::PaymentMethod;
    use uuid::Uuid;

    const START: Timestamp = 1_764_446_640_000;
    const WINDOW: Windowed<Category> = Windowed { key: Category::Home, start: START, end: START + 60_000 };
    const SALES: Sales = Sales { total: Cents(425_075), count: 12 };

    /// The bytes are what documents and other programs rely on; they come back as the same value.
    fn check<T: PartialEq + std::fmt::Debug>(format: impl Format<T>, value: T, expected: &[u8]) {
        let mut bytes = Vec::new();
        format.encode(&value, &mut bytes).unwrap();
        assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
        assert_eq!(format.decode(&bytes).unwrap(), value);
    }

    #[test]
    fn bytes_are_as_documented_and_come_back() {
        let id = Uuid::from_u128(0x550e8400_e29b_41d4_a716_446655440000);
        let transaction = Transaction {
            transaction_id: id,
            user_id: "user \"1\"".into(),
            product_category: Category::Home,
            product_name: "Lamp".into(),
            amount: Cents(1_050),
            timestamp: START + 1,
            payment_method: PaymentMethod::Paypal,
        };
        check(TransactionJson, transaction.clone(), br#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","user_id":"user \"1\"","product_category":"Home","product_name":"Lamp","amount":10.50,"timestamp":"2025-11-29T20:04:00.001Z","payment_method":"paypal"}"#);
        check(
            SaleJson,
            Sale::from(&transaction),
            br#"{"transaction_id":"550e8400-e29b-41d4-a716-446655440000","amount":10.50,"timestamp":"2025-11-29T20:04:00.001Z"}"#,
        );
        check(CategoryName, Category::Home, b"Home");
        check(SalesLayout, SALES, &[1, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0x7c, 0x73]);
        check(
            CategoryWindowJson,
            CategorySales { window: WINDOW, sales: SALES }.key(),
            br#"{"window_start":"2025-11-29T20:04:00Z","category":"Home"}"#,
        );
        check(CategorySalesJson, CategorySales { window: WINDOW, sales: SALES }, br#"{"window_start":"2025-11-29T20:04:00Z","window_end":"2025-11-29T20:05:00Z","category":"Home","total_sales":"4250.75","transaction_count":12}"#);
    }

    #[test]
    fn state_of_another_version_or_length_is_refused() {
        assert_eq!(SalesLayout.decode(&[2, 0]), Err(FormatError::WrongVersion { expected: 1, found: 2 }));
        for length in [0, 1, 9, 24, 26] {
            let mut bytes = vec![0; length];
            bytes.iter_mut().take(1).for_each(|version| *version = 1);
            assert_eq!(SalesLayout.decode(&bytes), Err(FormatError::WrongLength { expected: 25, found: length }));
        }
    }
}
