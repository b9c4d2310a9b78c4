//! What the page of the category sales shows, and what a store must be able to say for it.

use crate::Money;
use serde::Serialize;

/// How many windows the trend goes back.
pub const TREND_WINDOWS: usize = 100;

/// All that the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sales {
    /// The latest windows, oldest first, at most [`TREND_WINDOWS`].
    pub windows: Vec<WindowSales>,
    /// What lies before them, in sum.
    pub history: History,
    /// Why there is nothing, where that is known.
    pub absent: Option<String>,
}

/// One window with the rows of its categories.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowSales {
    /// Start as the store has it: ISO 8601, UTC.
    pub window_start: String,
    /// End.
    pub window_end: String,
    /// By category name.
    pub categories: Vec<CategorySales>,
}

/// One row of the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategorySales {
    /// The category.
    pub category: String,
    /// Sales in this window.
    pub total_sales: Money,
    /// Their number.
    pub transaction_count: i64,
}

/// The sum of all rows before the latest windows. In a large store it may have been read some seconds before the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many rows.
    pub rows: u64,
    /// Their sales.
    pub total_sales: Money,
    /// Their transactions.
    pub transaction_count: i128,
    /// How long before the rest these were read, in milliseconds.
    pub age_ms: u64,
}

impl WindowSales {
    pub(crate) fn total_sales(&self) -> Money {
        self.categories.iter().map(|row| row.total_sales).sum()
    }

    pub(crate) fn transaction_count(&self) -> i128 {
        self.categories.iter().map(|row| i128::from(row.transaction_count)).sum()
    }
}
