//! What the application makes of transactions: sales, added up per category and window.

use super::{Category, Cents, Transaction};
use headwater_streams::record::{Timestamp, Windowed};
use uuid::Uuid;

/// What of a transaction the sum needs. The identity comes along so that the dead letter of a late one still says which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// Whose sale.
    pub transaction_id: Uuid,
    /// The price.
    pub amount: Cents,
    /// When.
    pub timestamp: Timestamp,
}

impl From<&Transaction<'_>> for Sale {
    fn from(transaction: &Transaction<'_>) -> Self {
        Sale { transaction_id: transaction.transaction_id, amount: transaction.amount, timestamp: transaction.timestamp }
    }
}

/// Sales added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sales {
    /// The exact sum.
    pub total: Cents,
    /// How many.
    pub count: u64,
}

impl Sales {
    /// One sale more. 128 bits of cents outlast every shop.
    pub fn add(&mut self, sale: &Sale) {
        self.total.0 += sale.amount.0;
        self.count += 1;
    }
}

/// Which row of the result: the primary key of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryWindow {
    /// First millisecond of the window.
    pub window_start: Timestamp,
    /// The category.
    pub category: Category,
}

/// One row of the result: a category's sales in one window, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategorySales {
    /// The category and its minute.
    pub window: Windowed<Category>,
    /// Its sales.
    pub sales: Sales,
}

impl CategorySales {
    /// Which row this is.
    pub fn key(&self) -> CategoryWindow {
        CategoryWindow { window_start: self.window.start, category: self.window.key }
    }
}
