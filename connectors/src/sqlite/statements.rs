//! The SQL of a table: made from its description, with every name quoted.

use crate::sql_text::{list, quote};
use crate::table::{ColumnType, Table};

pub(crate) fn create(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| {
        let kind = match column.kind {
            ColumnType::Text | ColumnType::Decimal { .. } | ColumnType::Timestamp | ColumnType::Json => "TEXT",
            ColumnType::Integer | ColumnType::Boolean => "INTEGER",
            ColumnType::Double => "REAL",
        };
        format!("{} {kind}{}, ", quote(column.name), if column.nullable { "" } else { " NOT NULL" })
    });
    let columns: String = columns.collect();
    format!("CREATE TABLE IF NOT EXISTS {} ({columns}PRIMARY KEY ({})) WITHOUT ROWID", quote(table.name), key(table))
}

pub(crate) fn upsert(table: &Table) -> String {
    let columns = list(table.columns.iter(), |column| quote(column.name));
    let places = list(1..=table.columns.len(), |place| format!("?{place}"));
    let set = list(table.updated_columns(), |column| format!("{0} = excluded.{0}", quote(column.name)));
    let table_name = quote(table.name);
    format!("INSERT INTO {table_name} ({columns}) VALUES ({places}) ON CONFLICT ({}) DO UPDATE SET {set}", key(table))
}

pub(crate) fn delete(table: &Table) -> String {
    let mut place = 0;
    let conditions: Vec<String> = table
        .key_columns()
        .map(|column| {
            place += 1;
            format!("{} = ?{place}", quote(column.name))
        })
        .collect();
    format!("DELETE FROM {} WHERE {}", quote(table.name), conditions.join(" AND "))
}

fn key(table: &Table) -> String {
    list(table.key_columns(), |column| quote(column.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;

    #[test]
    fn statements_quote_names_and_bind_columns_in_order() {
        const TABLE: Table = Table {
            name: "a\"b",
            columns: &[Column::text("order"), Column::integer("n"), Column::text("note").nullable()],
            primary_key: &["order"],
        };
        assert_eq!(
            create(&TABLE),
            r#"CREATE TABLE IF NOT EXISTS "a""b" ("order" TEXT NOT NULL, "n" INTEGER NOT NULL, "note" TEXT, PRIMARY KEY ("order")) WITHOUT ROWID"#
        );
        assert_eq!(
            upsert(&TABLE),
            r#"INSERT INTO "a""b" ("order", "n", "note") VALUES (?1, ?2, ?3) ON CONFLICT ("order") DO UPDATE SET "n" = excluded."n", "note" = excluded."note""#
        );
        assert_eq!(delete(&TABLE), r#"DELETE FROM "a""b" WHERE "order" = ?1"#);
        const KEYS_ONLY: Table = Table { columns: &[Column::text("order")], ..TABLE };
        assert!(upsert(&KEYS_ONLY).ends_with(r#"DO UPDATE SET "order" = excluded."order""#));
    }
}
