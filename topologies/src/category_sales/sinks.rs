//! The table that the results are kept in. Where it lies, and that dead letters have one too, is the command's business.

use headwater_connectors::table::{Column, Table};

/// One row per window and category. Money and times are text here; a target with better types uses them.
pub const CATEGORY_SALES_TABLE: Table = Table {
    name: "category_sales",
    columns: &[
        Column::text("window_start"),
        Column::text("window_end"),
        Column::text("category"),
        Column::text("total_sales"),
        Column::integer("transaction_count"),
    ],
    primary_key: &["window_start", "category"],
};
