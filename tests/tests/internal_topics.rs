//! Changelogs and repartition topics are those of Kafka Streams, byte for byte, in both directions: an application can change sides.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::prelude::*;
use headwater_streams::testing::TestDriver;
use headwater_tests::conformance::internal::Recorded;
use headwater_tests::conformance::{self, Difference};
use std::collections::BTreeMap;
use std::path::Path;

fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let files = conformance::files(&[folder.join("cases"), folder.join("internal")]).expect("the cases can be listed");
    files.iter().filter_map(|file| Recorded::read(file).expect("a case can be read")).collect()
}

fn all_hold(what: fn(&Recorded) -> Result<Vec<Difference>, String>) {
    let judge = |recorded: &Recorded| match what(recorded) {
        Ok(found) if found.is_empty() => None,
        Ok(found) => Some((recorded.case.name.clone(), found.iter().map(ToString::to_string).collect())),
        Err(why) => Some((recorded.case.name.clone(), vec![why])),
    };
    let wrong: BTreeMap<String, Vec<String>> = recorded().iter().filter_map(judge).collect();
    let text: Vec<_> = wrong.iter().map(|(name, found)| format!("{name}\n  {}", found.join("\n  "))).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), text.join("\n"));
}

#[test]
fn what_we_write_is_what_kafka_streams_has_written() {
    all_hold(Recorded::compare_written);
}

#[test]
fn stores_come_back_from_its_changelogs() {
    all_hold(Recorded::compare_restored);
}

#[test]
fn its_repartition_topics_are_read() {
    all_hold(Recorded::compare_read);
}

#[test]
fn there_are_cases_of_each_layout() {
    let topics: Vec<_> = recorded().into_iter().flat_map(|recorded| recorded.internal.into_keys()).collect();
    let count = |kind: &str| topics.iter().filter(|topic| topic.ends_with(kind)).count();
    assert!(count("-changelog") >= 40 && count("-repartition") >= 7, "{topics:?}");
}

/// An application whose stores were never named has topics all the same, and they are taken over by their names.
#[test]
fn a_name_that_kafka_streams_has_counted_up_can_be_given() {
    const LINES: Topic<u64, String> = Topic::new("lines");
    const USERS: Topic<u64, String> = Topic::new("users");
    const COUNTS: Store<String, u64> = Store::new("KSTREAM-AGGREGATE-STATE-STORE-0000000003");
    let app = StreamsBuilder::new();
    app.stream(LINES).group_by(|_, line| line.clone()).named("KSTREAM-AGGREGATE-STATE-STORE-0000000003").count(COUNTS);
    app.table(USERS, Store::new("users-STATE-STORE-0000000005"));
    let mut driver = TestDriver::new(app.build().unwrap());
    driver.send(LINES, 1, "to").send(USERS, 2, "be");
    let topics: Vec<_> = driver.topics().filter(|topic| topic.contains("STORE")).collect();
    let of = |topic: &str| format!("test-{topic}");
    assert_eq!(
        topics,
        [
            of("KSTREAM-AGGREGATE-STATE-STORE-0000000003-changelog"),
            of("KSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition"),
            of("users-STATE-STORE-0000000005-changelog"),
        ]
    );
}
