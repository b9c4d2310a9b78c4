//! Transactions of a shop: what one is, how it is read, and the application `category-sales` that adds them up per category and minute.
//!
//! The model knows its rules and nothing of logs or stores; the topology is the only place where both meet.

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
