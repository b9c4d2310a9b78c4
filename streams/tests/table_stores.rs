//! Which tables get stores, what these are called, who is told what a row was before, and what `build()` refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::testing::TestDriver;

const ROWS: Topic<u8, Option<u64>> = Topic::new("rows");
const OTHERS: Topic<u8, Option<u64>> = Topic::new("others");
const OUT: Topic<u8, Option<u64>> = Topic::new("out");

fn even(_: &u8, value: &u64) -> bool {
    value.is_multiple_of(2)
}

/// The stores of a topology by name.
fn stores(app: &StreamsBuilder) -> Vec<&'static str> {
    let topology = app.build().unwrap();
    let mut names: Vec<_> = topology.sub_topologies().iter().flat_map(|sub| sub.stores.iter().map(|store| store.name)).collect();
    names.sort_unstable();
    names
}

/// What a filter sends on for a row that never passed, and for one that no longer does.
fn filtered(app: &StreamsBuilder) -> Vec<(u8, Option<u64>)> {
    app.cache(0);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(ROWS, 1, 1).send(ROWS, 2, 2).send(ROWS, 2, 3);
    driver.all(OUT).into_iter().map(|(key, value, _)| (key.unwrap(), value)).collect()
}

#[test]
fn a_filter_without_a_store_upstream_passes_every_deletion_on() {
    let app = StreamsBuilder::new();
    app.table_unstored(ROWS).filter(even).to(OUT);
    assert_eq!(filtered(&app), [(1, None), (2, Some(2)), (2, None)]);
    assert!(stores(&app).is_empty());
}

#[test]
fn a_filter_with_a_store_knows_better() {
    let told = [(2, Some(2)), (2, None)];
    let app = StreamsBuilder::new();
    app.table(ROWS, Store::new("kept")).filter(even).to(OUT);
    assert_eq!(filtered(&app), told, "the source has it");
    // Its own store is asked only where somebody wants to know, as here a second filter.
    let app = StreamsBuilder::new();
    app.table_unstored(ROWS).filter(even).stored(Store::new("kept")).filter(|_, _| true).to(OUT);
    assert_eq!(filtered(&app), told, "the filter has it");
}

/// Kafka decides when the filter is written: a store that comes later is too late, unless it is asked for old values.
#[test]
fn what_is_written_first_is_decided_first() {
    let app = StreamsBuilder::new();
    let rows = app.table_unstored(ROWS);
    rows.filter(even).to(OUT);
    let _ = rows.join(&app.table_unstored(OTHERS), |_, left, right| left + right);
    assert_eq!(filtered(&app), [(1, None), (2, Some(2)), (2, None)]);
    assert_eq!(stores(&app), ["others", "rows"]);

    let app = StreamsBuilder::new();
    let rows = app.table_unstored(ROWS);
    let _ = rows.join(&app.table_unstored(OTHERS), |_, left, right| left + right);
    rows.filter(even).to(OUT);
    assert_eq!(filtered(&app), [(2, Some(2)), (2, None)]);
}

#[test]
fn a_store_that_somebody_needs_is_made_where_rows_come_in() {
    let app = StreamsBuilder::new();
    let rows = app.table_unstored(ROWS.source()).named("mine");
    let _ = rows.filter(even).map_values(|_, value| value + 1).group_by(|_, value| (value, value)).count(Store::new("counts"));
    assert_eq!(stores(&app), ["counts", "mine"]);
}

#[test]
fn a_foreign_key_join_is_called_as_its_result() {
    let joined = |app: &StreamsBuilder| {
        app.table_unstored(ROWS).join_by(&app.table_unstored(OTHERS), |_, value| *value as u8, |_, left, right| left + right)
    };
    let app = StreamsBuilder::new();
    let _ = joined(&app).stored(Store::new("sums"));
    assert_eq!(stores(&app), ["others", "rows", "sums", "sums-subscriptions"]);
    let topology = app.build().unwrap();
    let topics: Vec<_> = topology.repartitions().iter().map(|plan| plan.topic.resolve("shop").to_string()).collect();
    assert_eq!(topics, ["shop-sums-subscriptions-repartition", "shop-sums-answers-repartition"]);
    assert_eq!(topology.copartition_groups().len(), 2, "each topic has the partitions of the table that it leads to");

    let app = StreamsBuilder::new();
    let _ = joined(&app);
    let expected = TopologyError::UnnamedRepartition {
        before: "join_by".to_owned(),
        after: "join_by".to_owned(),
        hint: "add .stored(STORE) or .named(\"...\") behind the join",
    };
    assert_eq!(app.build().unwrap_err(), [expected], "said once, not for each topic");
}

#[test]
fn build_says_which_table_needs_a_store_or_has_two() {
    let app = StreamsBuilder::new();
    let table = app.stream(Topic::<u8, u64>::new("events")).map_values(|_, value| value).to_table_unstored();
    let _ = table.group_by(|key, value| (*key, value)).count(Store::new("counts"));
    assert_eq!(app.build().unwrap_err(), [TopologyError::UnnamedStore { operation: "to_table" }]);

    let app = StreamsBuilder::new();
    let _ = app.table(ROWS, Store::new("first")).stored(Store::new("second"));
    assert_eq!(app.build().unwrap_err(), [TopologyError::StoredTwice { first: "first", second: "second" }]);
}

/// Seen with Kafka Streams: the sides of a join know what a result was before, and its store does not.
#[test]
fn a_stored_join_of_a_table_with_itself_tells_what_its_sides_know() {
    let app = StreamsBuilder::new();
    app.cache(0);
    let rows = app.table_unstored(ROWS);
    let twice = rows.join(&rows, |_, left, right| left * 10 + right).stored(Store::new("twice"));
    twice.group_by(|_, value| (0_u8, value)).reduce(Store::new("sum"), |_, sum, value| sum + value, |_, sum, value| sum - value).to(OUT);
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(ROWS, 1, 1).send(ROWS, 1, 2);
    let sums: Vec<_> = driver.all(OUT).into_iter().map(|(_, sum, _)| sum.unwrap()).collect();
    // 11 twice; then 22 for 12, because the other side is 2 already, and 22 for 22.
    assert_eq!(sums, [11, 22, 22 + 22 - 12, 22 + 22 - 12 + 22 - 21]);
}
