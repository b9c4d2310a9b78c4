//! The table that the results are kept in. Where it lies, and that dead letters have one too, is the command's business.

use headwater_connectors::table::{Column, ColumnType, Table};

/// One row per window.
pub const ANALYTICS_RESULTS_TABLE: Table = Table {
    name: "analytics_results",
    columns: &[
        Column::timestamp("window_start"),
        Column::timestamp("window_end"),
        Column::decimal("revenue", 18, 2),
        Column::integer("orders"),
        Column::decimal("average_order_value", 18, 2),
        Column::of("top_products", ColumnType::Json),
        Column::of("countries", ColumnType::Json),
    ],
    primary_key: &["window_start"],
};
