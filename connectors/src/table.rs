//! A table of the target as an application describes it: plain data, so that it can be a `const`.
//!
//! ```
//! use headwater_connectors::table::{Column, Table};
//!
//! const VISITS: Table = Table {
//!     name: "visits",
//!     columns: &[Column::text("page"), Column::integer("visits").from_field("count"), Column::text("referrer").nullable()],
//!     primary_key: &["page"],
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
    /// A JSON string. Also money (decimal, two places) and time (ISO 8601) where the target has no type for them.
    Text,
    /// A JSON number that is a 64-bit integer.
    Integer,
}

impl Column {
    /// A column of text that comes from the field of its name.
    pub const fn text(name: &'static str) -> Column {
        Column { name, field: name, kind: ColumnType::Text, nullable: false }
    }

    /// A column of integers that comes from the field of its name.
    pub const fn integer(name: &'static str) -> Column {
        Column { name, field: name, kind: ColumnType::Integer, nullable: false }
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
        }
        self.primary_key.iter().find_map(|name| match known(name) {
            None => Some(format!("table {} has no column {name}, which its primary key names", self.name)),
            Some(column) if column.nullable => Some(format!("table {}: key column {name} must not be nullable", self.name)),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        const PAGE: Column = Column::text("page");
        const CASES: [(&[Column], &[&str], Option<&str>); 5] = [
            (&[PAGE], &["page"], None),
            (&[PAGE], &[], Some("table t has no primary key")),
            (&[PAGE, Column::integer("Page")], &["page"], Some("table t has column Page twice")),
            (&[PAGE], &["id"], Some("table t has no column id, which its primary key names")),
            (&[PAGE.nullable()], &["page"], Some("table t: key column page must not be nullable")),
        ];
        for (columns, primary_key, expected) in CASES {
            assert_eq!(Table { name: "t", columns, primary_key }.mistake().as_deref(), expected);
        }
    }
}
