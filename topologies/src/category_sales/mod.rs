//! The application `category-sales`: transactions of a shop, added up per category and minute.
//!
//! The model ([`Transaction`], [`Invalid`]) knows its rules and nothing of logs or stores; [`topology`] is the only place where both
//! meet. Nothing here does I/O.

mod formats;
mod generator;
mod invalid;
mod model;
mod parse;
mod sales;
mod sinks;
mod topology;

pub use crate::money::Cents;
pub use formats::{CategoryName, CategorySalesJson, CategoryWindowJson, SaleJson, SalesLayout, TransactionJson};
pub use generator::Transactions;
pub use invalid::{Field, Invalid};
pub use model::{Category, PaymentMethod, Transaction};
pub use sales::{CategorySales, CategoryWindow, Sale, Sales};
pub use sinks::CATEGORY_SALES_TABLE;
pub use topology::{CATEGORY_SALES, NAME, SALES_BY_MINUTE, TRANSACTIONS, topology, transactions_topic};
