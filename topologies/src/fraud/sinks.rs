//! The table that the alerts are kept in. Where it lies, and that dead letters have one too, is the command's business.

use headwater_connectors::table::{Column, ColumnType, Table};

/// One row per suspicious transaction.
pub const FRAUD_ALERTS_TABLE: Table = Table {
    name: "fraud_alerts",
    columns: &[
        Column::text("transaction_id"),
        Column::text("user_id"),
        Column::timestamp("event_time"),
        Column::decimal("total_amount", 18, 2),
        Column::text("country"),
        Column::text("city"),
        Column::of("latitude", ColumnType::Double),
        Column::of("longitude", ColumnType::Double),
        Column::decimal("score", 4, 3),
        Column::text("severity"),
        Column::of("hits", ColumnType::Json),
        Column::text("model"),
    ],
    primary_key: &["transaction_id"],
};
