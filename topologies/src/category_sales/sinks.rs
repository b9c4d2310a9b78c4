//! The table that the results are kept in. Where it lies, and that dead letters have one too, is the command's business.

use headwater_connectors::table::{Column, Table};

/// One row per window and category.
pub const CATEGORY_SALES_TABLE: Table = Table {
    name: "category_sales",
    columns: &[
        Column::timestamp("window_start"),
        Column::timestamp("window_end"),
        Column::text("category"),
        // The seed's DECIMAL(10, 2) overflows within minutes at our rates.
        Column::decimal("total_sales", 18, 2),
        Column::integer("transaction_count"),
    ],
    primary_key: &["window_start", "category"],
};
