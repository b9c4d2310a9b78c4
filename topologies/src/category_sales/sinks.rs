//! The table that the results are kept in. Where it lies, and that dead letters have one too, is the command's business.

use headwater_connectors::table::{Column, Table};

/// One row per window and category.
pub const CATEGORY_SALES_TABLE: Table = Table {
    name: "category_sales",
    columns: &[
        Column::timestamp("window_start"),
        Column::timestamp("window_end"),
        Column::text("category"),
        // Eighteen digits: at a hundred thousand sales a second, ten would overflow within a window.
        Column::decimal("total_sales", 18, 2),
        Column::integer("transaction_count"),
    ],
    primary_key: &["window_start", "category"],
};
