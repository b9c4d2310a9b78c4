//! Rows and progress are one: whatever dies when, every record has its effect exactly once, and one writer at a time writes.

mod support;

use headwater_connectors::table::{Column, Table};
use headwater_streams::connector::{ConnectorError, SinkTask, Written};
use headwater_streams::log::{Headers, Records};
use support::sqlite::File;
use support::{Warehouse, rows, task, warehouses};

fn is_fenced<T>(result: Result<T, ConnectorError>) -> bool {
    matches!(result, Err(ConnectorError::Fenced { partition: 0, .. }))
}

#[test]
fn last_record_wins_and_nulls_delete() {
    for warehouse in warehouses() {
        let mut writer = warehouse.writer();
        assert_eq!(writer.claim().unwrap().next_offset, None);
        let mut batch = rows(0, &[("10:00", "Home", "1.00", 1), ("10:00", "Home", "2.50", 2), ("10:01", "Home", "9.99", 1)]);
        batch.push(3, 0, Some(br#"{"category":"Home","window_start":"10:01"}"#), None, &Headers::new());
        batch.push(4, 0, Some(br#"{"category":"Home","window_start":"never"}"#), None, &Headers::new());
        let written = writer.write(&batch, 5).unwrap();
        assert_eq!((written.rows, written.refused), (5, vec![]), "{warehouse:?}");
        assert_eq!(warehouse.rows(), ["10:00 Home 2.50 2"], "{warehouse:?}");
        let mut batch = Records::new();
        batch.push(5, 0, Some(br#"{"category":"Home","window_start":"10:00"}"#), None, &Headers::new());
        writer.write(&batch, 6).unwrap();
        assert_eq!(warehouse.rows(), [""; 0], "{warehouse:?}");
    }
}

/// Whatever reads the file reads the same text as in the topic.
#[test]
fn sqlite_keeps_money_and_times_as_text() {
    const TABLE: Table = Table {
        name: "category_sales",
        columns: &[
            Column::timestamp("window_start"),
            Column::text("category"),
            Column::decimal("total_sales", 18, 2),
            Column::integer("transaction_count"),
        ],
        primary_key: &["window_start", "category"],
    };
    let file = File::new();
    let mut writer = file.sink_into(TABLE).unwrap().open(&task()).unwrap();
    writer.claim().unwrap();
    writer.write(&rows(0, &[("2025-11-29T20:04:00Z", "Home", "10.50", 1), ("2025-11-29T20:05:00Z", "Home", "0.00", 2)]), 2).unwrap();
    assert_eq!(file.rows(), ["2025-11-29T20:04:00Z Home 10.50 1", "2025-11-29T20:05:00Z Home 0.00 2"]);
    assert_eq!(file.texts("SELECT DISTINCT typeof(window_start) || typeof(total_sales) FROM category_sales"), ["texttext"]);
}

/// A kill before the commit is a writer that is dropped with its transaction open; a second connection sees no half of it.
#[test]
fn resumes_from_the_rows_whenever_the_writer_dies() {
    let all: Vec<(String, i64)> = (0..60).map(|n| (format!("10:{:02}", n % 20), n)).collect();
    let batch = |from: usize, to: usize| {
        let part: Vec<_> = all[from..to].iter().map(|(window, n)| (window.as_str(), "Home", "1.00", *n)).collect();
        rows(from as i64, &part)
    };
    let expected: Vec<String> = (40..60).map(|n| format!("10:{:02} Home 1.00 {n}", n % 20)).collect();
    for size in [1, 7, 59] {
        for warehouse in warehouses() {
            let mut next = 0;
            while next < 60 {
                let mut writer = warehouse.writer();
                assert_eq!(writer.claim().unwrap().next_offset.unwrap_or(0), next as i64);
                let end = (next + size).min(60);
                writer.write(&batch(next, end), end as i64).unwrap();
                // The batch was committed, its acknowledgement lost: it comes again, and a later one has overtaken it.
                let later = (end + 3).min(60);
                writer.write(&batch(end, later), later as i64).unwrap();
                assert_eq!(writer.write(&batch(next, end), end as i64).unwrap().rows, 0);
                next = later;
            }
            assert_eq!(warehouse.rows(), expected, "{warehouse:?}, batches of {size}");
        }
    }
}

#[test]
fn a_second_claim_fences_the_first_writer() {
    for warehouse in warehouses() {
        let (mut old, mut new) = (warehouse.writer(), warehouse.writer());
        assert!(is_fenced(old.write(&rows(0, &[("10:00", "Home", "1.00", 1)]), 1)), "nothing was claimed yet");
        old.claim().unwrap();
        old.write(&rows(0, &[("10:00", "Home", "1.00", 1)]), 1).unwrap();
        assert_eq!(new.claim().unwrap().next_offset, Some(1));
        assert!(is_fenced(old.write(&rows(1, &[("10:00", "Home", "6.66", 6)]), 2)));
        new.write(&rows(1, &[("10:00", "Home", "2.00", 2)]), 2).unwrap();
        assert_eq!(warehouse.rows(), ["10:00 Home 2.00 2"], "{warehouse:?}");

        let mut other = warehouse.sink().open(&SinkTask { partition: 1, ..task() }).unwrap();
        assert_eq!(other.claim().unwrap().next_offset, None);
        new.write(&rows(2, &[("10:00", "Home", "3.00", 3)]), 3).expect("another partition is another claim");
    }
}

#[test]
fn progress_that_does_not_fit_the_log_is_refused_until_a_person_resets_it() {
    for warehouse in warehouses() {
        let mut writer = warehouse.writer();
        writer.claim().unwrap();
        writer.write(&rows(40, &[("10:00", "Home", "1.00", 1), ("10:01", "Home", "1.00", 1)]), 42).unwrap();
        let command = "headwater sink reset sales category_sales";
        let cases = [
            (SinkTask { topic_id: [8; 16], ..task() }, "another topic of this name"),
            (SinkTask { log_start: 50, ..task() }, "offset 42, the log begins at 50: 8 offsets are gone"),
            (SinkTask { log_end: 40, ..task() }, "offset 42, the log ends at 40: 2 offsets are missing"),
        ];
        for (task, reason) in cases {
            let error = warehouse.sink().open(&task).unwrap().claim().unwrap_err();
            let ConnectorError::Refused { reason: said, .. } = error else { panic!("{error}") };
            assert!(said.contains(reason) && said.contains(command), "{said}");
        }
        writer.write(&rows(42, &[("10:02", "Home", "1.00", 1)]), 43).expect("a refused claim fences nobody");
        let edges = SinkTask { log_start: 43, log_end: 43, ..task() };
        assert_eq!(warehouse.sink().open(&edges).unwrap().claim().unwrap().next_offset, Some(43));

        let known = warehouse.progress();
        assert_eq!((known.len(), known[0].next_offset, known[0].topic_id.as_str()), (1, Some(43), "07070707070707070707070707070707"));
        assert_eq!(warehouse.reset("sales", "category_sales"), known);
        assert_eq!(warehouse.reset("sales", "category_sales"), []);
        assert!(is_fenced(writer.write(&rows(43, &[("10:03", "Home", "1.00", 1)]), 44)));
        let mut fresh = warehouse.sink().open(&SinkTask { topic_id: [8; 16], ..task() }).unwrap();
        assert_eq!(fresh.claim().unwrap().next_offset, None);
        assert_eq!(warehouse.rows().len(), 3, "{warehouse:?}");
    }
}

#[test]
fn readers_see_whole_batches_and_writers_of_many_partitions_wait_for_each_other() {
    for warehouse in warehouses() {
        warehouse.writer();
        std::thread::scope(|scope| {
            for partition in 0..4 {
                let sink = warehouse.sink();
                scope.spawn(move || {
                    let mut writer = sink.open(&SinkTask { partition, ..task() }).unwrap();
                    writer.claim().unwrap();
                    let windows: Vec<String> = (0..50).map(|n| format!("{partition}-{n:02}")).collect();
                    for batch in 0..20 {
                        let same: Vec<_> = windows.iter().map(|window| (window.as_str(), "Home", "1.00", batch)).collect();
                        writer.write(&rows(batch * 50, &same), batch * 50 + 50).unwrap();
                    }
                });
            }
            let sql = "SELECT CAST(count(DISTINCT transaction_count) AS text) FROM category_sales GROUP BY substr(window_start, 1, 1)";
            for _ in 0..20 {
                assert!(warehouse.texts(sql).iter().all(|values| values == "1"), "half a batch was visible in {warehouse:?}");
            }
        });
        assert_eq!(warehouse.rows().len(), 200);
    }
}

#[test]
fn gaps_and_empty_batches_move_the_progress() {
    for warehouse in warehouses() {
        let mut writer = warehouse.writer();
        writer.claim().unwrap();
        assert_eq!(writer.write(&Records::new(), 17).unwrap(), Written::default());
        assert_eq!(warehouse.writer().claim().unwrap().next_offset, Some(17), "{warehouse:?}");
    }
}
