//! What a store holds is what is shown: sums to the cent, through every change, and never a number that leaves a row out.

use headwater_serving::{Money, Sales, Source, SourceError, SqliteSales};
use rusqlite::Connection;
use std::path::PathBuf;

struct Store {
    directory: tempfile::TempDir,
}

impl Store {
    fn empty() -> Self {
        Store { directory: tempfile::tempdir().expect("a directory can be made") }
    }

    fn with_table() -> Self {
        let store = Store::empty();
        store.run(
            "PRAGMA journal_mode = wal;
             CREATE TABLE category_sales (window_start TEXT, window_end TEXT, category TEXT, total_sales TEXT, transaction_count INTEGER,
                 PRIMARY KEY (window_start, category)) WITHOUT ROWID",
        );
        store
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("headwater.sqlite")
    }

    fn run(&self, sql: &str) {
        Connection::open(self.path()).expect("the file opens").execute_batch(sql).expect("the statement is right");
    }

    /// Windows `from..to`, each with a row for Home (1.10, 2) and one for Beauty (0.01, 1).
    fn fill(&self, from: usize, to: usize) {
        self.run(&format!(
            "WITH RECURSIVE n (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n + 1 < {to})
             INSERT INTO category_sales SELECT printf('w%06d', n), printf('w%06d', n + 1), 'Home', '1.10', 2 FROM n
             UNION ALL SELECT printf('w%06d', n), printf('w%06d', n + 1), 'Beauty', '0.01', 1 FROM n"
        ));
    }
}

/// All rows' sum, count and number.
fn whole(sales: &Sales) -> (String, i128, u64) {
    let rows = || sales.windows.iter().flat_map(|window| &window.categories);
    let total: Money = rows().map(|row| row.total_sales).chain([sales.history.total_sales]).sum();
    let count = rows().map(|row| i128::from(row.transaction_count)).sum::<i128>() + sales.history.transaction_count;
    (total.to_string(), count, rows().count() as u64 + sales.history.rows)
}

#[test]
fn a_file_a_table_and_rows_may_come_later() {
    let store = Store::empty();
    let mut source = SqliteSales::new(store.path());
    let mut absent = |part: &str| {
        assert!(source.may_have_changed().unwrap());
        let said = source.read().unwrap().absent.unwrap();
        assert!(said.contains(part), "{said}");
    };
    absent("there is no file");
    store.run("CREATE TABLE other (n INTEGER)");
    absent("no table category_sales");
    store.run(
        "CREATE TABLE category_sales (window_start TEXT, window_end TEXT, category TEXT, total_sales TEXT, transaction_count INTEGER)",
    );
    absent("is empty");
    store.fill(0, 1);
    let sales = source.read().unwrap();
    assert_eq!((sales.windows.len(), sales.windows[0].window_end.as_str(), sales.absent), (1, "w000001", None));
}

#[test]
fn a_file_that_is_removed_or_replaced_is_noticed() {
    let (store, other) = (Store::with_table(), Store::with_table());
    let mut source = SqliteSales::new(store.path());
    store.fill(0, 2);
    other.fill(0, 1);
    assert_eq!(whole(&source.read().unwrap()).2, 4);
    std::fs::remove_file(store.path()).unwrap();
    assert!(source.may_have_changed().unwrap());
    assert!(source.read().unwrap().absent.unwrap().contains("there is no file"));
    std::fs::rename(other.path(), store.path()).unwrap();
    assert!(source.may_have_changed().unwrap());
    assert_eq!(whole(&source.read().unwrap()).2, 2);
    assert!(!source.may_have_changed().unwrap());
}

#[test]
fn sums_hold_over_inserts_updates_and_deletes_before_and_in_the_trend() {
    let store = Store::with_table();
    let mut source = SqliteSales::new(store.path());
    store.fill(0, 250);
    let sales = source.read().unwrap();
    assert_eq!(whole(&sales), ("277.50".into(), 750, 500));
    assert_eq!((sales.windows.len(), sales.windows[0].window_start.as_str(), sales.history.rows), (100, "w000150", 300));
    let categories: Vec<&str> = sales.windows[99].categories.iter().map(|row| row.category.as_str()).collect();
    assert_eq!(categories, ["Beauty", "Home"]);

    let changes = [
        ("UPDATE category_sales SET total_sales = '1000000000000000000.05' WHERE window_start = 'w000003'", "2000000000000000276.49"),
        ("DELETE FROM category_sales WHERE window_start = 'w000003'", "276.39"),
        ("UPDATE category_sales SET total_sales = '-5.00' WHERE window_start = 'w000249' AND category = 'Home'", "270.29"),
        ("DELETE FROM category_sales WHERE window_start >= 'w000100'", "109.89"),
    ];
    for (sql, total) in changes {
        assert!(!source.may_have_changed().unwrap());
        store.run(sql);
        assert!(source.may_have_changed().unwrap());
        assert_eq!(whole(&source.read().unwrap()).0, total, "{sql}");
    }
}

#[test]
fn a_large_table_keeps_its_old_sum_says_how_old_it_is_and_continues_it() {
    let store = Store::with_table();
    store.fill(0, 60_000);
    let mut source = SqliteSales::new(store.path());
    assert_eq!(whole(&source.read().unwrap()), ("66600.00".into(), 180_000, 120_000));
    // New windows push others out of the trend, into the kept sum.
    store.fill(60_000, 60_120);
    let sales = source.read().unwrap();
    assert_eq!(whole(&sales), ("66733.20".into(), 180_360, 120_240));
    store.run("UPDATE category_sales SET total_sales = '2.00' WHERE window_start = 'w000000' AND category = 'Home'");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut sales = source.read().unwrap();
    while whole(&sales).0 != "66734.10" {
        assert!(sales.history.age_ms > 0, "an old sum must say that it is old");
        assert!(source.may_have_changed().is_ok() && std::time::Instant::now() < deadline);
        std::thread::yield_now();
        sales = source.read().unwrap();
    }
}

#[test]
fn a_row_that_is_no_money_is_named_and_named_again_until_it_is_repaired() {
    let store = Store::with_table();
    store.fill(0, 3);
    let mut source = SqliteSales::new(store.path());
    source.read().unwrap();
    store.run("UPDATE category_sales SET total_sales = '1.234' WHERE window_start = 'w000001' AND category = 'Home'");
    for _ in 0..3 {
        assert!(source.may_have_changed().unwrap());
        let error = source.read().unwrap_err();
        let text = r#"row w000001 Home: total_sales is "1.234": not an amount of money with two decimals"#;
        assert!(matches!(error, SourceError::Unreadable { .. }) && error.to_string() == text, "{error}");
    }
    store.run("UPDATE category_sales SET total_sales = '1.10' WHERE window_start = 'w000001' AND category = 'Home'");
    assert_eq!(whole(&source.read().unwrap()), ("3.33".into(), 9, 6));
}

#[test]
fn a_file_that_is_no_database_is_unavailable() {
    let store = Store::empty();
    std::fs::write(store.path(), "this is text, and more of it than a header").unwrap();
    let mut source = SqliteSales::new(store.path());
    assert!(matches!(source.read(), Err(SourceError::Unavailable(_))));
    assert!(source.may_have_changed().unwrap());
}
