//! A table of the target as an application describes it: plain data, so that it can be a `const`.
//!
//! ```
//! use headwater_connectors::table::{Column, Table};
//!
//! const VISITS: Table = Table {
//!     name: "visits",
//!     columns: &[Column::text("page"), Column::timestamp("hour"), Column::integer("visits").from_field("count"), Column::text("referrer").nullable()],
//!     primary_key: &["page", "hour"],
//! };
//! ```

/// A table that a sink keeps current: one row per primary key, the last record wins.
///
/// A record's value is a JSON object that brings the columns. A null value deletes the row whose key columns stand in the record's
/// key, a JSON object as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in the target.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Which columns tell rows apart.
    pub primary_key: &'static [&'static str],
}

/// What one record brings; a sink is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One row: its value is the row, or null to delete it.
    Row,
    /// Several rows that belong together: `{"upserts": [row, ..], "deletes": [key, ..]}`.
    Rows,
}

/// One column and the field of the record's value that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the target.
    pub name: &'static str,
    /// The field of the JSON object.
    pub field: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it may be null; a missing field is null.
    pub nullable: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A JSON string.
    Text,
    /// A JSON number that is a 64-bit integer.
    Integer,
    /// A JSON string that holds a decimal number, money for one. Exact: what has more digits is refused, never rounded.
    /// SQLite keeps it as text with all its places.
    Decimal {
        /// How many digits there are in all.
        precision: u8,
        /// How many of them stand behind the point.
        scale: u8,
    },
    /// A JSON string that holds a time, ISO 8601 (`2025-11-29T20:04:32.125Z`), down to microseconds; without an offset it is UTC.
    /// SQLite keeps it as text in UTC.
    Timestamp,
    /// A JSON boolean; SQLite keeps 0 or 1.
    Boolean,
    /// A JSON number, as exact as 64-bit floating point is; nothing for money.
    Double,
    /// Any JSON value; SQLite keeps its text.
    Json,
}

impl Column {
    /// A column of text that comes from the field of its name.
    pub const fn text(name: &'static str) -> Column {
        Column::of(name, ColumnType::Text)
    }

    /// A column of integers that comes from the field of its name.
    pub const fn integer(name: &'static str) -> Column {
        Column::of(name, ColumnType::Integer)
    }

    /// A column of decimal numbers with `precision` digits, `scale` of them behind the point, that comes from the field of its name.
    pub const fn decimal(name: &'static str, precision: u8, scale: u8) -> Column {
        Column::of(name, ColumnType::Decimal { precision, scale })
    }

    /// A column of times that comes from the field of its name.
    pub const fn timestamp(name: &'static str) -> Column {
        Column::of(name, ColumnType::Timestamp)
    }

    /// A column of this type that comes from the field of its name.
    pub const fn of(name: &'static str, kind: ColumnType) -> Column {
        Column { name, field: name, kind, nullable: false }
    }

    /// The column comes from another field.
    pub const fn from_field(self, field: &'static str) -> Column {
        Column { field, ..self }
    }

    /// The column may be null.
    pub const fn nullable(self) -> Column {
        Column { nullable: true, ..self }
    }
}

impl Table {
    /// What is wrong with the description, if anything.
    pub(crate) fn mistake(&self) -> Option<String> {
        let known = |name: &str| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        if self.primary_key.is_empty() {
            return Some(format!("table {} has no primary key", self.name));
        }
        for (place, column) in self.columns.iter().enumerate() {
            if self.columns[..place].iter().any(|before| before.name.eq_ignore_ascii_case(column.name)) {
                return Some(format!("table {} has column {} twice", self.name, column.name));
            }
            if let Some(reason) = column.kind.mistake() {
                return Some(format!("table {}: column {}: {reason}", self.name, column.name));
            }
        }
        self.primary_key.iter().find_map(|name| match known(name) {
            None => Some(format!("table {} has no column {name}, which its primary key names", self.name)),
            Some(column) if column.nullable => Some(format!("table {}: key column {name} must not be nullable", self.name)),
            Some(Column { kind: ColumnType::Double | ColumnType::Json, .. }) => {
                Some(format!("table {}: key column {name} must be of a type whose equal values look the same", self.name))
            }
            Some(_) => None,
        })
    }

    /// The columns of the primary key, in its order.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.primary_key.iter().map(|name| {
            let found = self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            found.expect("a table is checked before it is used")
        })
    }

    /// The columns that an upsert sets where the row is there already: all but the key. A table of keys alone sets its first one: that
    /// says nothing new, but counts as a row that was written, which `DO NOTHING` would not.
    pub(crate) fn updated_columns(&self) -> impl Iterator<Item = &Column> {
        let is_key = |column: &&Column| self.primary_key.iter().any(|name| name.eq_ignore_ascii_case(column.name));
        let keys = self.columns.iter().all(|column| is_key(&column)).then(|| self.key_columns().take(1));
        self.columns.iter().filter(move |column| !is_key(column)).chain(keys.into_iter().flatten())
    }
}

impl ColumnType {
    /// PostgreSQL takes 1000 digits; more than a byte counts is nobody's money.
    fn mistake(self) -> Option<String> {
        match self {
            ColumnType::Decimal { precision, scale } if precision == 0 || scale > precision => {
                Some(format!("a decimal number of {precision} digits cannot have {scale} behind the point"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        const PAGE: Column = Column::text("page");
        const CASES: [(&[Column], &[&str], Option<&str>); 7] = [
            (&[PAGE], &["page"], None),
            (&[PAGE], &[], Some("table t has no primary key")),
            (&[PAGE, Column::integer("Page")], &["page"], Some("table t has column Page twice")),
            (&[PAGE], &["id"], Some("table t has no column id, which its primary key names")),
            (
                &[PAGE, Column::decimal("n", 2, 3)],
                &["page"],
                Some("table t: column n: a decimal number of 2 digits cannot have 3 behind the point"),
            ),
            (
                &[Column::of("n", ColumnType::Double)],
                &["n"],
                Some("table t: key column n must be of a type whose equal values look the same"),
            ),
            (&[PAGE.nullable()], &["page"], Some("table t: key column page must not be nullable")),
        ];
        for (columns, primary_key, expected) in CASES {
            assert_eq!(Table { name: "t", columns, primary_key }.mistake().as_deref(), expected);
        }
    }
}
