//! The application `category-sales`: transactions of a shop, added up per category and minute.
//!
//! The model ([`Transaction`], [`Invalid`]) knows its rules and nothing of logs or stores.
//! Nothing here does I/O.

mod amount;
mod formats;
mod generator;
mod invalid;
mod json;
mod model;
mod parse;
mod sales;

pub use amount::Cents;
pub use formats::{CategoryName, CategorySalesJson, CategoryWindowJson, SaleJson, SalesLayout, TransactionJson};
pub use generator::Transactions;
pub use invalid::{Field, Invalid};
pub use model::{Category, PaymentMethod, Transaction};
pub use sales::{CategorySales, Sale, Sales};
