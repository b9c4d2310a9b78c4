//! The tables that the versions are kept in. `end_date` is the first millisecond in which a version is valid no longer, null while it is current.

use headwater_connectors::table::{Column, Table};

const EFFECTIVE_DATE: Column = Column::timestamp("effective_date");
const END_DATE: Column = Column::timestamp("end_date").nullable();
const IS_CURRENT: Column = Column::of("is_current", headwater_connectors::table::ColumnType::Boolean);

/// One row per product and version.
pub const DIM_PRODUCT: Table = Table {
    name: "dim_product",
    columns: &[
        Column::text("product_id"),
        EFFECTIVE_DATE,
        END_DATE,
        IS_CURRENT,
        Column::text("name"),
        Column::text("category"),
        Column::decimal("unit_price", 10, 2),
        Column::integer("shelf_life_days").nullable(),
    ],
    primary_key: &["product_id", "effective_date"],
};

/// One row per customer and version.
pub const DIM_CUSTOMER: Table = Table {
    name: "dim_customer",
    columns: &[
        Column::text("customer_id"),
        EFFECTIVE_DATE,
        END_DATE,
        IS_CURRENT,
        Column::text("name"),
        Column::text("city"),
        Column::text("loyalty_tier"),
    ],
    primary_key: &["customer_id", "effective_date"],
};

/// One row per store and version.
pub const DIM_STORE: Table = Table {
    name: "dim_store",
    columns: &[
        Column::text("store_id"),
        EFFECTIVE_DATE,
        END_DATE,
        IS_CURRENT,
        Column::text("name"),
        Column::text("city"),
        Column::text("region"),
        Column::integer("floor_area_sqm").nullable(),
    ],
    primary_key: &["store_id", "effective_date"],
};

#[cfg(test)]
mod tests {
    use crate::dimensions::DIMENSIONS;

    #[test]
    fn a_table_has_the_columns_of_its_dimension() {
        for dimension in DIMENSIONS {
            let table: Vec<_> = dimension.table.columns.iter().map(|column| (column.field, column.nullable)).collect();
            let versions = [(dimension.key, false), ("effective_date", false), ("end_date", true), ("is_current", false)];
            let columns = dimension.columns.iter().map(|rule| (rule.name, rule.optional));
            assert_eq!(table, versions.into_iter().chain(columns).collect::<Vec<_>>(), "{}", dimension.name);
            assert_eq!(dimension.table.primary_key, [dimension.key, "effective_date"]);
        }
    }
}
