//! A snapshot as it goes to the browser: [`Sales`] with their sums, a number and the time that they hold for.

use crate::Money;
use crate::sales::{CategorySales, Sales, WindowSales};
use crate::source::ToSnapshot;
use serde::Serialize;
use std::collections::BTreeSet;

/// How many windows the table goes back.
const TABLE_WINDOWS: usize = 10;

impl ToSnapshot for Sales {
    fn snapshot(&self, sequence: u64, as_of_ms: u64) -> String {
        Snapshot::of(self, sequence, as_of_ms).to_json()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Snapshot<'a> {
    /// Counts the snapshots of this process, from 1.
    pub(crate) sequence: u64,
    /// When the store was read, in milliseconds since the epoch.
    pub(crate) as_of_ms: u64,
    /// When the windows before the trend were last read.
    pub(crate) history_as_of_ms: u64,
    pub(crate) total_sales: Money,
    pub(crate) transaction_count: i128,
    pub(crate) row_count: u64,
    pub(crate) latest_window: Option<&'a WindowSales>,
    /// All categories of the trend: one that has no sale yet in the latest window keeps its place there.
    pub(crate) categories: BTreeSet<&'a str>,
    /// The largest sales of one category in one window of the trend: the end of the bars' scale.
    pub(crate) largest: Money,
    pub(crate) trend: Vec<Point<'a>>,
    /// The latest rows, latest window first.
    pub(crate) rows: Vec<TableRow<'a>>,
    pub(crate) absent: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Point<'a> {
    window_start: &'a str,
    window_end: &'a str,
    total_sales: Money,
    transaction_count: i128,
}

/// A row of the table `category_sales`.
#[derive(Debug, Serialize)]
pub(crate) struct TableRow<'a> {
    window_start: &'a str,
    window_end: &'a str,
    #[serde(flatten)]
    row: &'a CategorySales,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn of(sales: &'a Sales, sequence: u64, as_of_ms: u64) -> Snapshot<'a> {
        let (windows, history) = (&sales.windows, &sales.history);
        let rows = || windows.iter().flat_map(|window| &window.categories);
        let largest = rows().map(|row| row.total_sales).max();
        let recent: Money = windows.iter().map(WindowSales::total_sales).sum();
        Snapshot {
            sequence,
            as_of_ms,
            history_as_of_ms: as_of_ms - history.age_ms.min(as_of_ms),
            total_sales: [history.total_sales, recent].into_iter().sum(),
            transaction_count: history.transaction_count + windows.iter().map(WindowSales::transaction_count).sum::<i128>(),
            row_count: history.rows + rows().count() as u64,
            latest_window: windows.last(),
            categories: rows().map(|row| row.category.as_str()).collect(),
            largest: largest.unwrap_or_default(),
            trend: windows.iter().map(Point::of).collect(),
            rows: windows.iter().rev().take(TABLE_WINDOWS).flat_map(TableRow::of).collect(),
            absent: sales.absent.as_deref(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a snapshot has only names that are strings")
    }
}

impl<'a> Point<'a> {
    fn of(window: &'a WindowSales) -> Self {
        Point {
            window_start: &window.window_start,
            window_end: &window.window_end,
            total_sales: window.total_sales(),
            transaction_count: window.transaction_count(),
        }
    }
}

impl<'a> TableRow<'a> {
    fn of(window: &'a WindowSales) -> impl Iterator<Item = TableRow<'a>> {
        let (window_start, window_end) = (&window.window_start, &window.window_end);
        window.categories.iter().map(move |row| TableRow { window_start, window_end, row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sales::History;

    #[test]
    fn sums_and_rows_are_those_of_the_store() {
        let row = |category: &str, cents| CategorySales {
            category: category.into(),
            total_sales: Money::from_cents(cents),
            transaction_count: 2,
        };
        let window = |start: usize| WindowSales {
            window_start: format!("w{start:02}"),
            window_end: format!("w{:02}", start + 1),
            categories: vec![row("Beauty", 10), row("Home", 300 + start as i128)],
        };
        let history = History { rows: 3, total_sales: Money::from_cents(5), transaction_count: 7, age_ms: 400 };
        let sales = Sales { windows: (0..12).map(window).collect(), history, absent: None };
        let json: serde_json::Value = serde_json::from_str(&Snapshot::of(&sales, 9, 1000).to_json()).unwrap();
        let cents = 5 + 12 * 310 + 66;
        assert_eq!(json["total_sales"], Money::from_cents(cents).to_string());
        assert_eq!((&json["transaction_count"], &json["row_count"]), (&(7 + 48).into(), &(3 + 24).into()));
        assert_eq!((&json["sequence"], &json["as_of_ms"], &json["history_as_of_ms"]), (&9.into(), &1000.into(), &600.into()));
        assert_eq!((json["trend"].as_array().unwrap().len(), json["rows"].as_array().unwrap().len()), (12, 20));
        assert_eq!(json["categories"], serde_json::json!(["Beauty", "Home"]));
        assert_eq!((&json["trend"][11]["total_sales"], &json["largest"]), (&"3.21".into(), &"3.11".into()));
        let first = r#"{"window_start":"w11","window_end":"w12","category":"Beauty","total_sales":"0.10","transaction_count":2}"#;
        assert_eq!(json["rows"][0], serde_json::from_str::<serde_json::Value>(first).unwrap());
        assert_eq!(json["latest_window"]["categories"][1]["total_sales"], "3.11");
    }

    #[test]
    fn an_empty_store_is_a_snapshot_too() {
        let sales = Sales { absent: Some("no table".into()), ..Sales::default() };
        let json: serde_json::Value = serde_json::from_str(&Snapshot::of(&sales, 1, 5).to_json()).unwrap();
        assert_eq!((&json["total_sales"], &json["absent"]), (&"0.00".into(), &"no table".into()));
        assert!(json["latest_window"].is_null());
    }
}
