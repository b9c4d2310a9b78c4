//! What a page shows of a table: which rows with which columns, as plain data, so that it can be a `const`; and the statements for it.

use std::fmt::Write;

/// Some rows of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    /// Its name in the snapshot.
    pub(crate) name: &'static str,
    /// The table that must be there.
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [Shown],
    /// What follows `FROM table`: SQL that SQLite and PostgreSQL both know.
    pub(crate) rest: &'static str,
}

/// A column of a listing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    /// What it is in SQL; mostly a column.
    expression: &'static str,
    pub(crate) kind: Kind,
}

/// How a column goes to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As text, amounts too: no digit passes through a floating point.
    Text,
    /// As text, ISO 8601 in UTC, down to seconds.
    Seconds,
    /// As text, ISO 8601 in UTC, down to milliseconds.
    Millis,
    /// As the JSON that it is: numbers and documents.
    Json,
    /// As true or false.
    Boolean,
}

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Shown {
    /// A column that is shown under its name.
    pub(crate) const fn of(name: &'static str, kind: Kind) -> Shown {
        Shown { name, expression: name, kind }
    }

    /// Anything else.
    pub(crate) const fn expression(name: &'static str, expression: &'static str, kind: Kind) -> Shown {
        Shown { name, expression, kind }
    }

    fn sql(&self, dialect: Dialect) -> String {
        let Shown { expression, kind, .. } = self;
        let time = |format: &str| format!(r#"to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:{format}"Z"')"#);
        match (dialect, kind) {
            (Dialect::Sqlite, _) => format!("CAST({expression} AS TEXT)"),
            (Dialect::Postgres, Kind::Seconds) => time("SS"),
            (Dialect::Postgres, Kind::Millis) => time("SS.MS"),
            (Dialect::Postgres, Kind::Text | Kind::Json | Kind::Boolean) => format!("({expression})::text"),
        }
    }
}

impl Listing {
    /// Reads how many rows the table has, and beside it the columns of each row as text. One statement, so as of one moment.
    pub(crate) fn select(&self, dialect: Dialect) -> String {
        let mut sql = format!("SELECT CAST((SELECT count(*) FROM {table}) AS TEXT)", table = self.table);
        for column in self.columns {
            write!(sql, ", {}", column.sql(dialect)).expect("memory takes every text");
        }
        write!(sql, " FROM {} {}", self.table, self.rest).expect("memory takes every text");
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_documents_are_read_as_text() {
        const COLUMNS: &[Shown] =
            &[Shown::of("at", Kind::Millis), Shown::of("hits", Kind::Json), Shown::expression("n", "count(*)", Kind::Json)];
        let listing = Listing { name: "alerts", table: "fraud_alerts", columns: COLUMNS, rest: "ORDER BY at" };
        assert_eq!(
            listing.select(Dialect::Sqlite),
            "SELECT CAST((SELECT count(*) FROM fraud_alerts) AS TEXT), CAST(at AS TEXT), CAST(hits AS TEXT), CAST(count(*) AS TEXT) FROM fraud_alerts ORDER BY at"
        );
        assert_eq!(
            listing.select(Dialect::Postgres),
            r#"SELECT CAST((SELECT count(*) FROM fraud_alerts) AS TEXT), to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), (hits)::text, (count(*))::text FROM fraud_alerts ORDER BY at"#
        );
    }
}
