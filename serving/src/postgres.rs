//! Category sales out of PostgreSQL, beside whoever writes them.
//!
//! One statement reads all that the page shows, so that it is as of one moment. Amounts and times come as text that the server makes: no
//! digit passes through a floating point. The sum of the windows before the trend is kept while reading it takes long, see [`History`].

use crate::history::Kept;
use crate::sales::{CategorySales, History, Sales, TREND_WINDOWS, WindowSales};
use crate::source::Source;
use crate::{Money, SourceError};
use headwater_connectors::postgres::{Postgres, Row};
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

/// Each batch of a sink moves its progress in the transaction that writes the rows, so a glance at a few rows tells whether there are
/// new ones. Those that a person writes by hand are seen with the next batch.
pub(crate) const VERSION: &str =
    "SELECT coalesce(sum(next_offset), 0)::text || ' ' || coalesce(sum(epoch), 0)::text FROM headwater_sink_progress";

const EXISTS: &str = "SELECT to_regclass('category_sales') IS NOT NULL";

/// The windows of the trend, each row beside the sum of the windows from $1 on that lie before the trend.
fn all() -> String {
    format!(
        "WITH trend AS (SELECT min(window_start) AS first FROM
            (SELECT DISTINCT window_start FROM category_sales ORDER BY window_start DESC LIMIT {TREND_WINDOWS}) AS latest),
        before AS (SELECT count(*) AS rows, coalesce(sum(total_sales), 0)::numeric(38, 2)::text AS total, coalesce(sum(transaction_count), 0)::text AS count
            FROM category_sales, trend WHERE window_start >= $1::text::timestamptz AND window_start < trend.first),
        version AS ({VERSION})
        SELECT {first}, before.rows, before.total, before.count, {start}, {end}, sales.category, sales.total_sales::text,
            sales.transaction_count, (TABLE version)
        FROM trend CROSS JOIN before LEFT JOIN category_sales AS sales ON sales.window_start >= trend.first
        ORDER BY sales.window_start, sales.category",
        first = utc("trend.first"),
        start = utc("sales.window_start"),
        end = utc("sales.window_end"),
    )
}

/// ISO 8601, as the topic has it.
fn utc(column: &str) -> String {
    format!(r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#)
}

/// The table `category_sales` of a PostgreSQL database. It may come later.
#[derive(Debug)]
pub struct PostgresSales {
    database: Postgres,
    all: String,
    /// The sinks' progress at the last read.
    version: Option<String>,
    kept: Option<Kept>,
}

impl PostgresSales {
    /// Reads this database.
    pub fn new(database: Postgres) -> PostgresSales {
        PostgresSales { database, all: all(), version: None, kept: None }
    }

    fn is_there(&self) -> Result<bool, SourceError> {
        let rows = self.database.query(EXISTS, &[]).map_err(unavailable)?;
        rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(unavailable)
    }

    fn try_read(&mut self) -> Result<Sales, SourceError> {
        if !self.is_there()? {
            return Ok(Sales { absent: Some("the database has no table category_sales yet".into()), ..Sales::default() });
        }
        self.kept = self.kept.take().filter(|kept| !kept.is_due());
        let since = self.kept.as_ref().map_or("-infinity", Kept::before).to_owned();
        let began = Instant::now();
        let rows = self.database.query(&self.all, &[&since]).map_err(unavailable)?;
        let Some(head) = rows.first() else { return Err(unavailable("a query without an answer")) };
        self.version = Some(head.try_get(9).map_err(unavailable)?);
        let Some(first) = head.try_get::<_, Option<String>>(0).map_err(unavailable)? else {
            return Ok(Sales { absent: Some("the table category_sales is empty".into()), ..Sales::default() });
        };
        if self.kept.as_ref().is_some_and(|kept| kept.before() > first.as_str()) {
            // Somebody has deleted windows: what was kept is the sum of others.
            self.kept = None;
            return self.try_read();
        }
        let history = self.history(head, first, began)?;
        Ok(Sales { windows: windows(&rows)?, history, absent: None })
    }

    fn history(&mut self, head: &Row, first: String, began: Instant) -> Result<History, SourceError> {
        let mut sum = self.kept.as_ref().map_or_else(History::default, Kept::sum);
        sum.rows += head.try_get::<_, i64>(1).map_err(unavailable)? as u64;
        sum.total_sales += parsed(head.try_get(2).map_err(unavailable)?)?;
        sum.transaction_count += parsed::<i128>(head.try_get(3).map_err(unavailable)?)?;
        Ok(match &mut self.kept {
            Some(kept) => kept.aged(sum),
            None => {
                self.kept = Some(Kept::new(first, sum, began));
                sum
            }
        })
    }
}

impl Source<Sales> for PostgresSales {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        let Some(version) = &self.version else { return Ok(true) };
        let rows = self.database.query(VERSION, &[]).map_err(unavailable)?;
        let found: String = rows.first().map_or(Ok(String::new()), |row| row.try_get(0)).map_err(unavailable)?;
        Ok(found != *version || self.kept.as_ref().is_some_and(Kept::is_old))
    }

    fn read(&mut self) -> Result<Sales, SourceError> {
        // What fails is read again, whether it has changed or not.
        self.version = None;
        self.try_read()
    }
}

fn windows(rows: &[Row]) -> Result<Vec<WindowSales>, SourceError> {
    let mut windows: Vec<WindowSales> = Vec::with_capacity(TREND_WINDOWS);
    for row in rows {
        let window_start: String = row.try_get(4).map_err(unavailable)?;
        let found = CategorySales {
            category: row.try_get(6).map_err(unavailable)?,
            total_sales: parsed::<Money>(row.try_get(7).map_err(unavailable)?)?,
            transaction_count: row.try_get(8).map_err(unavailable)?,
        };
        match windows.last_mut().filter(|window| window.window_start == window_start) {
            Some(window) => window.categories.push(found),
            None => {
                let window_end = row.try_get(5).map_err(unavailable)?;
                windows.push(WindowSales { window_start, window_end, categories: vec![found] });
            }
        }
    }
    Ok(windows)
}

/// The server's own text of a number.
fn parsed<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, SourceError> {
    text.parse().map_err(|error| unavailable(format_args!("{text:?}: {error}")))
}

pub(crate) fn unavailable(error: impl fmt::Display) -> SourceError {
    SourceError::Unavailable(error.to_string())
}
