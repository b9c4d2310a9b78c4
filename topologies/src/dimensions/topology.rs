//! Changes in, versions out, for each dimension by itself.

use super::{DIMENSIONS, Dimension};
use headwater_streams::log::TopicSpec;
use headwater_streams::prelude::*;
use std::time::Duration;

/// The application's name, and its id unless a person chooses another.
pub const NAME: &str = "dimensions";

const PARTITIONS: i32 = 3;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The application without its sinks.
pub fn topology() -> StreamsBuilder {
    let app = StreamsBuilder::new();
    DIMENSIONS.into_iter().for_each(|dimension| dimension.add_to(&app));
    app
}

impl Dimension {
    /// The input topic for whoever fills it before the application has run, as the application itself would make it.
    pub fn changes_topic(&self) -> TopicSpec {
        let configs = [("retention.ms".into(), "-1".into())].into();
        TopicSpec { name: self.changes.name().into(), partitions: PARTITIONS, configs }
    }

    fn add_to(&'static self, app: &StreamsBuilder) {
        // The changes are all that a dimension can be made anew from.
        app.declare(self.changes.declaration().partitions(PARTITIONS).keep_forever());
        app.declare(self.versions.declaration().partitions(PARTITIONS).retention(WEEK));
        app.stream(self.changes.source().named(self.changes.name()))
            // Where a change stands in its topic decides between changes of one moment, so it is taken before the hop.
            .with_coordinates()
            .named(format!("{}-position", self.name))
            .try_map_values(move |_, (at, change)| self.check(change).map(|change| (Scd2Order::from(&at), change)))
            .named(format!("{}-rules", self.name))
            .map(|_, (order, change)| (change.key, Scd2Change { valid_from: change.valid_from, order, columns: change.columns }))
            .named(self.by_key)
            .scd2(self.history)
            .named(format!("{}-history", self.name))
            .map_values(move |key, rows| self.rows(key, &rows))
            .named(format!("{}-rows", self.name))
            .to(self.versions.sink().named(format!("{}-versions", self.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimensions::{Change, Columns, Json, PRODUCT, STORE};
    use headwater_streams::testing::TestDriver;
    use std::collections::BTreeMap;

    /// The table as a sink would keep it: the text of each row by its key and `effective_date`.
    fn table(driver: &TestDriver, dimension: &Dimension) -> Vec<String> {
        let mut table = BTreeMap::new();
        let text = |row: &Json, field: &str| match row {
            Json::Object(row) => row.get(field).cloned().unwrap_or(Json::Null),
            other => panic!("a row is an object, not {other:?}"),
        };
        let place = |row: &Json| [text(row, dimension.key), text(row, "effective_date")].map(|part| format!("{part:?}"));
        for (_, value, _) in driver.all(dimension.versions) {
            let Some(Json::Object(rows)) = value else { panic!("an object") };
            let [Json::Array(upserts), Json::Array(deletes)] = ["upserts", "deletes"].map(|name| rows[name].clone()) else {
                panic!("arrays")
            };
            deletes.iter().for_each(|row| drop(table.remove(&place(row)).expect("only versions that are there are removed")));
            table.extend(upserts.into_iter().map(|row| (place(&row), row)));
        }
        let lines = table.into_values().map(|row| {
            let mut out = Vec::new();
            row.write(&mut out);
            String::from_utf8(out).unwrap()
        });
        lines.collect()
    }

    fn store(key: &str, valid_from: Timestamp, city: Option<&str>) -> Change {
        let column = |name: &str, value: &str| (name.to_owned(), Json::from(value));
        let columns = city.map(|city| Columns([column("name", "Mill"), column("city", city), column("region", "north")].into()));
        Change { key: key.into(), valid_from, columns }
    }

    fn row(effective_date: &str, end_date: Option<&str>, city: &str) -> String {
        let (end, is_current) = (end_date.map_or("null".into(), |end| format!("\"1970-01-01T00:00:{end}Z\"")), end_date.is_none());
        format!(
            r#"{{"city":"{city}","effective_date":"1970-01-01T00:00:{effective_date}Z","end_date":{end},"is_current":{is_current},"name":"Mill","region":"north","store_id":"s"}}"#
        )
    }

    #[test]
    fn versions_follow_from_the_changes_whatever_their_order() {
        let changes = [
            store("s", 1_000, Some("Oslo")),
            store("s", 3_000, Some("Oslo")),
            store("s", 2_000, Some("Rome")),
            store("s", 5_000, None),
            store("s", 6_000, Some("Oslo")),
        ];
        let expected = [
            row("01.000", Some("02.000"), "Oslo"),
            row("02.000", Some("03.000"), "Rome"),
            row("03.000", Some("05.000"), "Oslo"),
            row("06.000", None, "Oslo"),
        ];
        for rotation in 0..changes.len() {
            let mut driver = TestDriver::new(topology().build().unwrap());
            let mut order = changes.clone();
            order.rotate_left(rotation);
            for change in order {
                driver.send(STORE.changes, (), change);
            }
            assert_eq!(table(&driver, &STORE), expected, "rotated by {rotation}");
            assert!(table(&driver, &PRODUCT).is_empty());
        }
    }

    #[test]
    fn one_change_is_one_record_and_no_difference_is_none() {
        let mut driver = TestDriver::new(topology().build().unwrap());
        let mut sent = |change: Change| {
            let before = driver.all(STORE.versions).len();
            driver.send(STORE.changes, (), change);
            let all = driver.all(STORE.versions);
            all[before..].iter().map(|(key, value, _)| (key.clone().unwrap(), value.clone().unwrap())).collect::<Vec<_>>()
        };
        let rows = |value: &Json, name: &str| match value {
            Json::Object(rows) => match &rows[name] {
                Json::Array(rows) => rows.len(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        for (change, expected) in [
            (store("s", 1_000, Some("Oslo")), vec![(1, 0)]),
            (store("s", 1_000, Some("Oslo")), vec![]),
            (store("s", 9_000, Some("Oslo")), vec![]),
            (store("s", 5_000, Some("Rome")), vec![(3, 0)]),
            (store("s", 5_000, Some("Oslo")), vec![(1, 2)]),
            (store("t", 5_000, None), vec![]),
        ] {
            let found: Vec<_> =
                sent(change.clone()).iter().map(|(key, value)| (rows(value, "upserts"), rows(value, "deletes"), key.clone())).collect();
            let expected: Vec<_> = expected.into_iter().map(|(upserts, deletes)| (upserts, deletes, "s".to_owned())).collect();
            assert_eq!(found, expected, "{change:?}");
        }
    }

    #[test]
    fn the_later_offset_counts_between_changes_of_one_moment() {
        let mut driver = TestDriver::new(topology().build().unwrap());
        driver.send(STORE.changes, (), store("s", 1_000, Some("Oslo"))).send(STORE.changes, (), store("s", 1_000, Some("Rome")));
        assert_eq!(table(&driver, &STORE), [row("01.000", None, "Rome")]);
    }

    #[test]
    fn what_breaks_a_rule_is_a_dead_letter_and_costs_nobody_else() {
        let mut driver = TestDriver::new(topology().build().unwrap());
        driver.send_bytes("store-changes", None, Some(br#"{"key": "s", "op": "#));
        driver.send_bytes(
            "store-changes",
            Some(b"k"),
            Some(br#"{"key":"s","op":"upsert","valid_from":0,"columns":{"name":"Mill","city":"Oslo"}}"#),
        );
        driver.send(STORE.changes, (), store("s", i64::MAX, None)).send(STORE.changes, (), store("s", 1_000, Some("Oslo")));
        driver.send_bytes("store-changes", None, None);
        let letters = driver.dead_letters();
        let found: Vec<_> = letters.iter().map(|letter| (&*letter.topic, letter.offset, &*letter.stage)).collect();
        let at = |offset, stage| ("store-changes", offset, stage);
        assert_eq!(found, [at(0, "store-changes"), at(1, "store-rules"), at(2, "store-rules"), at(4, "store-changes")]);
        for (letter, reason) in letters.iter().zip(["broken JSON", "missing field region", "valid_from out of range", "null value"]) {
            assert!(letter.reason.contains(reason), "{}", letter.reason);
        }
        assert_eq!(table(&driver, &STORE), [row("01.000", None, "Oslo")]);
    }

    #[test]
    fn the_generator_may_make_the_input_topics_first() {
        let topology = topology().build().unwrap();
        for dimension in DIMENSIONS {
            let declared = topology.declared_topics().iter().find(|topic| topic.name == dimension.changes.name()).unwrap();
            assert_eq!((declared.partitions, &*dimension.changes_topic().configs["retention.ms"]), (Some(PARTITIONS), "-1"));
        }
    }
}
