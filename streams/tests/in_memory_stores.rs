//! Stores in memory: an engine per store. What is seen of them is what is seen of stores on the disk, until a task is opened again.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::prelude::*;
use headwater_streams::testing::TestDriver;
use std::time::Duration;
use tempfile::TempDir;

const WORDS: Topic<u64, String> = Topic::new("words");
const ASKED: Topic<u64, String> = Topic::new("asked");
const IN_MEMORY: Store<u64, u64> = Store::new("in-memory");
const ON_DISK: Store<u64, u64> = Store::new("on-disk");
const MINUTES: WindowStore<u64, u64> = WindowStore::new("minutes");
const VISITS: SessionStore<u64, u64> = SessionStore::new("visits");
const TOLD: Topic<u64, u64> = Topic::new("told");

/// Counts in two stores.
fn counted(app: &StreamsBuilder, in_memory: Materialized<u64, u64>, on_disk: Materialized<u64, u64>) -> Topology {
    let words = app.stream(WORDS).group_by_key();
    let _ = words.count(in_memory);
    let _ = words.count(on_disk);
    app.build().unwrap()
}

/// A driver whose state is on RocksDB.
fn on_rocks(topology: Topology) -> (TestDriver, TempDir) {
    let root = TempDir::new().unwrap();
    let directory = StateDirectory::open(root.path(), "app", MemoryBudget::of_bytes(64 << 20)).unwrap();
    (TestDriver::new(topology).with_state_on(Disk::Directory(directory)).unwrap(), root)
}

fn counts(driver: &TestDriver) -> [Option<u64>; 2] {
    [driver.row(IN_MEMORY, 1), driver.row(ON_DISK, 1)]
}

#[test]
fn a_store_in_memory_comes_back_from_its_changelog_and_its_sibling_from_the_disk() {
    let (mut driver, _root) = on_rocks(counted(&StreamsBuilder::new(), IN_MEMORY.in_memory(), ON_DISK.on_disk()));
    for times in 1..=3 {
        driver.send(WORDS, 1, "tea").send(WORDS, 2, "milk");
        assert_eq!(counts(&driver), [Some(times), Some(times)]);
        driver.restart().unwrap();
        assert_eq!(counts(&driver), [Some(times), Some(times)]);
    }
}

/// Without changelogs it shows where each of them was.
#[test]
fn without_a_changelog_a_store_in_memory_is_empty_after_a_restart() {
    let in_memory = IN_MEMORY.in_memory().unlogged().may_lose_one_interval();
    let (mut driver, _root) = on_rocks(counted(&StreamsBuilder::new(), in_memory, ON_DISK.unlogged().may_lose_one_interval()));
    driver.send(WORDS, 1, "tea").send(WORDS, 1, "tea");
    driver.restart().unwrap();
    assert_eq!(counts(&driver), [None, Some(2)]);
    driver.send(WORDS, 1, "tea");
    assert_eq!(counts(&driver), [Some(1), Some(3)]);
}

#[test]
fn windows_and_sessions_are_restored_with_their_times() {
    let app = StreamsBuilder::new();
    app.cache(0); // what a cache holds is shown beyond the retention
    let words = app.stream(WORDS).group_by_key();
    let minutes = Tumbling::of(Duration::from_secs(60));
    let _ = words.windowed_by(minutes).count(MINUTES.in_memory().retention(Duration::from_secs(120)));
    let _ = words.windowed_by(Session::of(Duration::from_secs(30))).count(VISITS.in_memory());
    let (mut driver, _root) = on_rocks(app.build().unwrap());
    for at in [0, 1_000, 70_000, 130_000, 140_000] {
        driver.at(at).send(WORDS, 1, "tea");
    }
    let seen = |driver: &TestDriver| (driver.store(MINUTES).all().unwrap(), driver.store(VISITS).fetch(&1).unwrap());
    let before = seen(&driver);
    assert_eq!(before.0.iter().map(|found| (found.key.start, found.value)).collect::<Vec<_>>(), [(60_000, 1), (120_000, 2)]);
    driver.restart().unwrap();
    assert_eq!(seen(&driver), before);
    driver.restart_elsewhere().unwrap();
    assert_eq!(seen(&driver), before);
}

#[test]
fn a_store_of_processors_is_in_memory_where_one_of_them_says_so() {
    let app = StreamsBuilder::new();
    app.stream(WORDS).absorb(IN_MEMORY.in_memory(), |word, seen| Ok(seen.update(&word.key, |count| Some(count.unwrap_or(0) + 1))?));
    app.stream(ASKED)
        .process_values(IN_MEMORY, |asked, seen, out| {
            out.send(seen.get(asked.key)?.unwrap_or(0));
            Ok(())
        })
        .to(TOLD);
    let topology = app.build().unwrap();
    assert!(topology.describe().to_string().contains("in memory, changelog"), "{}", topology.describe());
    let (mut driver, _root) = on_rocks(topology);
    driver.send(WORDS, 7, "").send(WORDS, 7, "");
    driver.restart().unwrap();
    driver.send(ASKED, 7, "");
    assert_eq!(driver.latest(TOLD, 7), Some(2));
}

/// A record that waits for its partner is found again, whatever it waits in.
#[test]
fn a_join_of_streams_keeps_its_three_stores_in_memory() {
    let app = StreamsBuilder::new();
    let asked = app.stream(ASKED).within(JoinWindows::of_ms(10)).stored("both").in_memory();
    app.stream(WORDS).outer_join(&asked, |_, word, asked| u64::from(word.is_some()) + 2 * u64::from(asked.is_some())).to(TOLD);
    let topology = app.build().unwrap();
    assert_eq!(topology.describe().to_string().matches("in memory").count(), 3);
    let (mut driver, _root) = on_rocks(topology);
    driver.at(0).send(WORDS, 1, "").send(WORDS, 2, "");
    driver.restart().unwrap();
    driver.at(5).send(ASKED, 1, "").at(100).send(ASKED, 3, "").send(WORDS, 3, "").send(WORDS, 4, "");
    assert_eq!([1, 2, 3].map(|key| driver.latest(TOLD, key)), [Some(3), Some(1), Some(3)]);
}

#[test]
fn two_places_for_one_store_are_a_mistake() {
    let app = StreamsBuilder::new();
    app.stream(WORDS).absorb(IN_MEMORY.in_memory(), |_, _| Ok(()));
    app.stream(ASKED).absorb(IN_MEMORY.on_disk(), |_, _| Ok(()));
    assert_eq!(app.build().unwrap_err(), [TopologyError::StoreOptionsDiffer { store: "in-memory", option: "in_memory" }]);
}

/// Kafka has no versioned store in memory either.
#[test]
fn what_holds_unless_stated_leaves_versions_on_the_disk() {
    let app = StreamsBuilder::new();
    app.in_memory();
    let _ = app.table(WORDS, VersionedStore::<u64, String>::new("versions", Duration::from_secs(60)));
    let _ = app.stream(ASKED).group_by_key().count(IN_MEMORY);
    let told = app.build().unwrap().describe().to_string();
    let lines: Vec<_> = told.lines().filter(|line| line.contains("in memory")).collect();
    assert!(lines.len() == 1 && lines[0].contains("keeps in-memory"), "{told}");
}
