//! `scd2` against a model that sorts all changes and scans them once: whatever the order of arrival, however often a change comes, wherever
//! commits lie and processes are killed.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_state::{Disk, MemoryDisk};
use headwater_streams::log::{Log, TopicSpec};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{Boundary, Config, SimulatedProcess};
use headwater_streams::testing::TestDriver;
use headwater_tests::simulation::World;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A change as a producer tells it; the columns are a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    key: u8,
    at: i64,
    offset: i64,
    partition: i32,
    columns: Option<u8>,
}

/// What one change made different: versions as start, end and columns, and the starts of those that are gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rows {
    upserts: Vec<(i64, Option<i64>, u8)>,
    removals: Vec<i64>,
}

impl Data for Told {
    type Format = Json;
}

impl Data for Rows {
    type Format = Json;
}

const TOLD: Topic<(), Told> = Topic::new("told");
const ROWS: Topic<u8, Rows> = Topic::new("rows");
const HISTORY: Scd2Store<u8, u8> = Scd2Store::new("history");

fn topology() -> Topology {
    let app = StreamsBuilder::new();
    app.declare(TOLD.declaration().partitions(1));
    app.declare(ROWS.declaration().partitions(1));
    let change = |told: Told| {
        let order = Scd2Order { offset: told.offset, partition: told.partition };
        (told.key, Scd2Change { valid_from: told.at, order, columns: told.columns })
    };
    let versions = app.stream(TOLD).map(move |_, told| change(told)).scd2(HISTORY);
    let row = |version: Scd2Version<u8>| (version.effective_date, version.end_date, version.columns);
    versions.map_values(move |_, rows| Rows { upserts: rows.upserts.into_iter().map(row).collect(), removals: rows.removals }).to(ROWS);
    app.build().unwrap()
}

/// Versions by key and start, with their end.
type Table = BTreeMap<(u8, i64), (Option<i64>, u8)>;

/// By the words of the documents.
fn model(history: &[Told]) -> Table {
    let mut counts: BTreeMap<(u8, i64), &Told> = BTreeMap::new();
    for told in history {
        let known = counts.entry((told.key, told.at)).or_insert(told);
        if (told.offset, told.partition) > (known.offset, known.partition) {
            *known = told;
        }
    }
    let (mut table, mut open): (Table, Option<((u8, i64), u8)>) = (Table::new(), None);
    for ((key, at), told) in counts {
        open = open.filter(|((open_key, _), _)| *open_key == key);
        if open.map(|(_, columns)| columns) == told.columns {
            continue;
        }
        if let Some((place, columns)) = open.take() {
            table.insert(place, (Some(at), columns));
        }
        if let Some(columns) = told.columns {
            table.insert((key, at), (None, columns));
            open = Some(((key, at), columns));
        }
    }
    table
}

/// What a sink makes of the records. Every one of them changes something, and only versions that are there are removed.
fn applied(records: impl IntoIterator<Item = (u8, Rows)>) -> Table {
    let mut table = Table::new();
    for (key, rows) in records {
        assert!(!(rows.upserts.is_empty() && rows.removals.is_empty()), "a record that says nothing");
        for at in &rows.removals {
            assert!(table.remove(&(key, *at)).is_some(), "{key}: no version at {at} to remove");
        }
        for (at, end, columns) in rows.upserts {
            let before = table.insert((key, at), (end, columns));
            assert_ne!(before, Some((end, columns)), "{key}: the version at {at} is told again");
        }
    }
    table
}

/// Few keys, moments, orders and columns: everything meets everything, equal neighbours and overrides above all.
fn histories(longest: usize) -> impl Strategy<Value = Vec<Told>> {
    let at = prop_oneof![8 => -3_i64..12, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let told = (0_u8..2, at, 0_i64..4, 0_i32..2, prop_oneof![1 => Just(None), 3 => (0_u8..3).prop_map(Some)]);
    prop::collection::vec(told, 0..longest).prop_map(|history| {
        let mut known: BTreeMap<(u8, i64, i64, i32), Option<u8>> = BTreeMap::new();
        let told = |(key, at, offset, partition, columns)| {
            // One place in one topic holds one change, however often it is told.
            let columns = *known.entry((key, at, offset, partition)).or_insert(columns);
            Told { key, at, offset, partition, columns }
        };
        history.into_iter().map(told).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_versions_depend_on_the_set_of_changes_alone(history in histories(60), commit_every in 1_usize..20) {
        let mut driver = TestDriver::new(topology()).commit_on_demand();
        for (place, told) in history.iter().enumerate() {
            driver.send(TOLD, (), told.clone());
            if place % commit_every == 0 {
                driver.commit();
            }
        }
        driver.commit();
        let expected = model(&history);
        let records = driver.all(ROWS).into_iter().map(|(key, rows, _)| (key.unwrap(), rows.unwrap()));
        prop_assert_eq!(&applied(records), &expected);
        for ((key, at), (end_date, columns)) in expected {
            prop_assert_eq!(driver.row(HISTORY.versions(), (key, Moment(at))), Some(Scd2Span { end_date, columns }));
        }
    }
}

const START: i64 = 1_767_225_600_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// The disk is kept or lost: then the stores come from their changelogs.
    #[test]
    fn kills_change_nothing(history in histories(40), lives in prop::collection::vec((0_usize..120, any::<bool>()), 0..4)) {
        let mut world = World::at(START);
        let spec = TopicSpec { name: "told".into(), partitions: 1, configs: Default::default() };
        world.log.admin().create_topic(&spec).unwrap();
        for told in &history {
            world.append("told", 0, START, None, Some(&serde_json::to_vec(told).unwrap()));
        }
        let mut disk = MemoryDisk::new();
        for (boundaries, keeps_disk) in lives {
            live(&world, &disk, boundaries);
            disk = if keeps_disk { disk } else { MemoryDisk::new() };
        }
        live(&world, &disk, usize::MAX);
        let records: Vec<(u8, Rows)> = world.read("rows").iter().flat_map(|records| {
            records.iter().map(|record| (record.key.unwrap()[0], serde_json::from_slice(record.value.unwrap()).unwrap())).collect::<Vec<_>>()
        }).collect();
        prop_assert_eq!(applied(records), model(&history));
    }
}

/// Lets one process live for so many boundaries, or until nothing happens any more.
fn live(world: &World, disk: &MemoryDisk, boundaries: usize) {
    let config = Config { buffered_records: 7, ..Config::new("history") };
    let log: Arc<dyn Log> = Arc::new(world.log.clone());
    let mut process = SimulatedProcess::start(log, Disk::Memory(disk.clone()), "one", topology(), config).unwrap();
    let patience = world.now() + 60_000;
    for _ in 0..boundaries {
        let now = world.now();
        match process.advance(now).unwrap() {
            Boundary::Effect | Boundary::Step => {}
            Boundary::Idle(_) if now > patience => return,
            Boundary::Idle(deadline) => world.pass((deadline - now).clamp(1, 500) as u64),
            Boundary::Stopped => panic!("nobody stopped it"),
        }
    }
}
