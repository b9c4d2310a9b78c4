//! The SQL of a table: made from its description, with every name quoted. Rows come as one array per column, so that a batch of any
//! size is one statement, planned once.

use crate::sql_text::{list, quote};
use crate::table::{Column, ColumnType, Table};

/// What is done to a table, as text.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Parameters: the columns.
    pub(crate) upsert: String,
    /// Parameters: the key columns.
    pub(crate) delete: String,
}

impl Statements {
    pub(crate) fn of(table: &Table) -> Statements {
        Statements { upsert: upsert(table), delete: delete(table) }
    }
}

pub(crate) fn create(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}, ", quote(column.name), stored_type(column.kind))
    });
    format!("CREATE TABLE IF NOT EXISTS {} ({}PRIMARY KEY ({}))", quote(table.name), columns.collect::<String>(), key(table))
}

fn upsert(table: &Table) -> String {
    let (name, columns) = (quote(table.name), list(table.columns.iter(), |column| quote(column.name)));
    let (values, rows) = (list(numbered(table.columns.iter()), cast), unnest(table.columns.iter()));
    let set = list(table.updated_columns(), |column| format!("{0} = excluded.{0}", quote(column.name)));
    format!("INSERT INTO {name} ({columns}) SELECT {values} FROM {rows} ON CONFLICT ({}) DO UPDATE SET {set}", key(table))
}

fn delete(table: &Table) -> String {
    let (name, rows) = (quote(table.name), unnest(table.key_columns()));
    format!("DELETE FROM {name} AS known USING {rows} WHERE {}", same_key(table))
}

fn key(table: &Table) -> String {
    list(table.key_columns(), |column| quote(column.name))
}

fn same_key(table: &Table) -> String {
    let same = |(place, column): (usize, &Column)| format!("known.{} = {}", quote(column.name), cast((place, column)));
    numbered(table.key_columns()).map(same).collect::<Vec<_>>().join(" AND ")
}

/// One array per column as rows named `one`, with columns `c1` and on.
fn unnest<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let array = |(place, column): (usize, &Column)| (format!("${place}::{}[]", sent_type(column.kind)), format!("c{place}"));
    let (arrays, names): (Vec<String>, Vec<String>) = numbered(columns).map(array).unzip();
    format!("UNNEST({}) AS one ({})", arrays.join(", "), names.join(", "))
}

fn cast((place, column): (usize, &Column)) -> String {
    let (sent, stored) = (sent_type(column.kind), compared_type(column.kind));
    if sent == stored { format!("one.c{place}") } else { format!("one.c{place}::{stored}") }
}

fn numbered<'a>(columns: impl Iterator<Item = &'a Column>) -> impl Iterator<Item = (usize, &'a Column)> {
    columns.enumerate().map(|(before, column)| (before + 1, column))
}

fn stored_type(kind: ColumnType) -> String {
    match kind {
        ColumnType::Decimal { precision, scale } => format!("numeric({precision}, {scale})"),
        other => compared_type(other).into(),
    }
}

/// The type of a value by itself; its column may allow less.
fn compared_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Integer => "bigint",
        ColumnType::Decimal { .. } => "numeric",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Boolean => "boolean",
        ColumnType::Double => "double precision",
        ColumnType::Json => "jsonb",
    }
}

/// The type in which a value travels.
fn sent_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text | ColumnType::Decimal { .. } | ColumnType::Double | ColumnType::Json => "text",
        ColumnType::Integer | ColumnType::Timestamp | ColumnType::Boolean => compared_type(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_quote_names_and_take_one_array_per_column() {
        const TABLE: Table = Table {
            name: "a\"b",
            columns: &[Column::decimal("order", 18, 2), Column::integer("n"), Column::timestamp("at"), Column::text("note").nullable()],
            primary_key: &["order", "at"],
        };
        assert_eq!(
            create(&TABLE),
            r#"CREATE TABLE IF NOT EXISTS "a""b" ("order" numeric(18, 2) NOT NULL, "n" bigint NOT NULL, "at" timestamptz NOT NULL, "note" text, PRIMARY KEY ("order", "at"))"#
        );
        let Statements { upsert, delete } = Statements::of(&TABLE);
        assert_eq!(
            upsert,
            r#"INSERT INTO "a""b" ("order", "n", "at", "note") SELECT one.c1::numeric, one.c2, one.c3, one.c4 FROM UNNEST($1::text[], $2::bigint[], $3::timestamptz[], $4::text[]) AS one (c1, c2, c3, c4) ON CONFLICT ("order", "at") DO UPDATE SET "n" = excluded."n", "note" = excluded."note""#
        );
        assert_eq!(
            delete,
            r#"DELETE FROM "a""b" AS known USING UNNEST($1::text[], $2::timestamptz[]) AS one (c1, c2) WHERE known."order" = one.c1::numeric AND known."at" = one.c2"#
        );
    }
}
