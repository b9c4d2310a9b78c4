//! A schema moves forward once, whoever starts first, and never backwards.

mod support;

use headwater_connectors::sqlite::{Migration, SqliteSink};
use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{Connector, ConnectorError};
use std::sync::Barrier;
use support::sqlite::File;
use support::{Warehouse, warehouses};

const FIRST: Migration = Migration { name: "make", sql: "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)" };
const SECOND: Migration = Migration { name: "add", sql: "INSERT INTO t VALUES (2)" };

#[test]
fn steps_are_applied_once_and_in_order() {
    for warehouse in warehouses() {
        let cases = [(&[FIRST][..], 1), (&[FIRST], 0), (&[FIRST, SECOND], 1), (&[FIRST, SECOND], 0)];
        for (steps, applied) in cases {
            assert_eq!(warehouse.migrate("app", steps).unwrap(), applied, "{warehouse:?}");
        }
        assert_eq!(warehouse.texts("SELECT n || '' FROM t"), ["1", "2"]);
        let applied = "SELECT concat_ws(' ', schema, version, name) FROM headwater_migrations WHERE schema = 'app' ORDER BY version";
        assert_eq!(warehouse.texts(applied), ["app 1 make", "app 2 add"]);
    }
}

#[test]
fn a_newer_database_is_refused() {
    for warehouse in warehouses() {
        warehouse.migrate("app", &[FIRST, SECOND]).unwrap();
        let error = warehouse.migrate("app", &[FIRST]).unwrap_err();
        assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains("version 2, this program knows 1")), "{error}");
    }
}

#[test]
fn a_step_that_fails_leaves_nothing_of_itself() {
    for warehouse in warehouses() {
        let broken = Migration { name: "broken", sql: "INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (4)" };
        assert!(warehouse.migrate("app", &[FIRST, broken]).is_err());
        assert_eq!(warehouse.texts("SELECT n || '' FROM t"), ["1"], "{warehouse:?}");
        assert_eq!(warehouse.migrate("app", &[FIRST, SECOND]).unwrap(), 1);
    }
}

#[test]
fn several_that_start_at_once_apply_each_step_once() {
    for warehouse in (0..10).flat_map(|_| warehouses()) {
        let start = Barrier::new(4);
        let applied: usize = std::thread::scope(|scope| {
            let run = || {
                start.wait();
                warehouse.writer();
                warehouse.migrate("app", &[FIRST, SECOND]).unwrap()
            };
            let started: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((applied, warehouse.texts("SELECT n || '' FROM t").len()), (2, 2), "{warehouse:?}");
    }
}

#[test]
fn a_place_where_no_file_can_be_is_asked_again_later() {
    let warehouse = File::new();
    let nowhere = warehouse.path().join("nowhere.sqlite");
    let error = SqliteSink::new("s", nowhere, support::CATEGORY_SALES).unwrap().open(&support::task()).err().expect("no such directory");
    assert!(matches!(&error, ConnectorError::Unavailable { reason, .. } if reason.contains("unable to open")), "{error}");
}

#[test]
fn a_table_that_does_not_fit_its_description_is_refused_at_the_start() {
    let warehouse = File::new();
    warehouse.writer();
    const MORE: Table =
        Table { name: "category_sales", columns: &[Column::text("category"), Column::text("mood")], primary_key: &["category"] };
    const OTHER_KEY: Table = Table { columns: &[Column::text("category")], ..MORE };
    for (table, said) in [(MORE, "no column named mood"), (OTHER_KEY, "ON CONFLICT clause does not match")] {
        let sink = SqliteSink::new("s", warehouse.path(), table).unwrap();
        let error = sink.open(&support::task()).err().expect("it does not fit");
        assert!(matches!(&error, ConnectorError::Refused { reason, .. } if reason.contains(said)), "{error}");
    }
}
