//! Category sales out of the SQLite file of the warehouse, beside whoever writes it.
//!
//! The latest windows are read each time, over the primary key; the sum of what lies before them is read each time or kept, see [`Kept`].

use crate::history::Kept;
use crate::sales::{CategorySales, History, Sales, TREND_WINDOWS, WindowSales};
use crate::source::Source;
use crate::sqlite_file::{SqliteFile, table_exists};
use crate::{Money, SourceError};
use rusqlite::{Row, Transaction};
use std::path::PathBuf;
use std::time::Instant;

/// The table `category_sales` of a SQLite file. File and table may come later.
#[derive(Debug)]
pub struct SqliteSales {
    file: SqliteFile,
    kept: Option<Kept>,
}

impl SqliteSales {
    /// Reads the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> SqliteSales {
        SqliteSales { file: SqliteFile::new(path.into()), kept: None }
    }

    fn try_read(&mut self) -> Result<Sales, Trouble> {
        let reading = self.file.begin()?;
        if reading.is_another_file {
            self.kept = None;
        }
        let transaction = reading.transaction;
        if !table_exists(&transaction, "category_sales")? {
            return Ok(Sales { absent: Some("the file has no table category_sales yet".into()), ..Sales::default() });
        }
        let Some(first) = first_of_trend(&transaction)? else {
            return Ok(Sales { absent: Some("the table category_sales is empty".into()), ..Sales::default() });
        };
        let history = read_history(&transaction, &mut self.kept, &first)?;
        Ok(Sales { windows: read_windows(&transaction, &first)?, history, absent: None })
    }
}

impl Source<Sales> for SqliteSales {
    fn may_have_changed(&mut self) -> Result<bool, SourceError> {
        let is_old = self.kept.as_ref().is_some_and(Kept::is_old);
        Ok(self.file.may_have_changed()? || is_old)
    }

    fn read(&mut self) -> Result<Sales, SourceError> {
        match self.try_read() {
            Ok(sales) => Ok(sales),
            Err(Trouble::Row(error)) => {
                // Nothing changes until somebody repairs the row, and until then this is to be said again.
                self.file.forget_version();
                Err(error)
            }
            Err(Trouble::Database(error)) => {
                let absent = self.file.failed(&error)?;
                Ok(Sales { absent: Some(absent), ..Sales::default() })
            }
        }
    }
}

enum Trouble {
    Database(rusqlite::Error),
    Row(SourceError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Database(error)
    }
}

/// The oldest window of the trend.
fn first_of_trend(transaction: &Transaction<'_>) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT min(window_start) FROM (SELECT DISTINCT window_start FROM category_sales ORDER BY window_start DESC LIMIT ?1)";
    transaction.prepare_cached(sql)?.query_row([TREND_WINDOWS as i64], |row| row.get(0))
}

/// The sum of what lies before `first`: read, or kept and continued with the windows that have left the trend since.
fn read_history(transaction: &Transaction<'_>, kept: &mut Option<Kept>, first: &str) -> Result<History, Trouble> {
    let usable = kept.as_mut().filter(|kept| !kept.is_due() && kept.before() <= first);
    if let Some(kept) = usable {
        let since = "SELECT window_start, category, total_sales, transaction_count FROM category_sales
            WHERE window_start >= ?1 AND window_start < ?2";
        let sum = add_rows(transaction, since, &[kept.before(), first], kept.sum())?;
        return Ok(kept.aged(sum));
    }
    let start = Instant::now();
    let all = "SELECT window_start, category, total_sales, transaction_count FROM category_sales WHERE window_start < ?1";
    let sum = add_rows(transaction, all, &[first], History::default())?;
    *kept = Some(Kept::new(first.to_string(), sum, start));
    Ok(sum)
}

fn add_rows(transaction: &Transaction<'_>, sql: &str, parameters: &[&str], mut sum: History) -> Result<History, Trouble> {
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        sum.rows += 1;
        sum.total_sales += total_sales(row)?;
        sum.transaction_count += i128::from(row.get::<_, i64>(3)?);
    }
    Ok(sum)
}

fn read_windows(transaction: &Transaction<'_>, first: &str) -> Result<Vec<WindowSales>, Trouble> {
    let sql = "SELECT window_start, category, total_sales, transaction_count, window_end FROM category_sales
        WHERE window_start >= ?1 ORDER BY window_start, category";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query([first])?;
    let mut windows: Vec<WindowSales> = Vec::with_capacity(TREND_WINDOWS);
    while let Some(row) = rows.next()? {
        let found = CategorySales { category: row.get(1)?, total_sales: total_sales(row)?, transaction_count: row.get(3)? };
        let window_start: String = row.get(0)?;
        match windows.last_mut().filter(|window| window.window_start == window_start) {
            Some(window) => window.categories.push(found),
            None => windows.push(WindowSales { window_start, window_end: row.get(4)?, categories: vec![found] }),
        }
    }
    Ok(windows)
}

fn total_sales(row: &Row<'_>) -> Result<Money, Trouble> {
    let text = row
        .get_ref(2)?
        .as_str()
        .map_err(|_| rusqlite::Error::InvalidColumnType(2, "total_sales".into(), row.get_ref_unwrap(2).data_type()))?;
    text.parse().map_err(|reason: crate::NotMoney| {
        let (window, category) = (row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default());
        Trouble::Row(SourceError::Unreadable { window, category, column: "total_sales", value: text.into(), reason: reason.to_string() })
    })
}
