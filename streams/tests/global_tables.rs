//! Global tables in a running application: complete before anything is joined, up to date afterwards, there again after a restart.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::log::{EmbeddedLog, Headers, Log, ProducerConfig, Records, TopicPartition};
use headwater_streams::prelude::*;
use headwater_streams::runtime::{App, Config, Running};
use headwater_streams::state::{Disk, MemoryDisk};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHOPS: Topic<String, String> = Topic::new("shops");
const ORDERS: Topic<String, String> = Topic::new("orders");
const OUT: Topic<String, String> = Topic::new("out");
const TABLE: Store<String, String> = Store::new("shops");
const SEEN: Store<String, String> = Store::new("seen");

fn topology() -> Topology {
    let app = StreamsBuilder::new();
    app.declare(SHOPS.declaration().partitions(3));
    app.declare(ORDERS.declaration().partitions(2));
    app.declare(OUT.declaration());
    let shops = app.global_table(SHOPS, TABLE);
    let joined = app.stream(ORDERS).left_join(&shops.by(|_: &String, shop: &String| shop.clone()), |_, shop, city| {
        format!("{shop} {}", city.as_deref().unwrap_or("nowhere"))
    });
    let _seen = joined.to_table(SEEN);
    joined.to(OUT);
    app.build().unwrap()
}

fn send(log: &dyn Log, topic: &str, partition: i32, rows: &[(&str, Option<&str>)]) {
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let mut records = Records::new();
    for (key, value) in rows {
        records.push(0, 1, Some(key.as_bytes()), value.map(str::as_bytes), &Headers::EMPTY);
    }
    producer.send(&TopicPartition::new(topic, partition), &mut records).unwrap();
    producer.flush().unwrap();
}

fn start(log: &Arc<EmbeddedLog>) -> Running {
    App::new(topology(), Config::new("global")).start(log.clone(), Disk::Memory(MemoryDisk::new())).unwrap()
}

fn open(path: &Path) -> Arc<EmbeddedLog> {
    Arc::new(EmbeddedLog::open(path).unwrap())
}

#[test]
fn a_global_table_is_complete_before_the_first_join_and_after_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    start(&log).stop().unwrap(); // makes the topics
    send(&*log, "shops", 0, &[("1", Some("Rome")), ("2", Some("Bergen"))]);
    send(&*log, "shops", 2, &[("3", Some("Oslo")), ("4", Some("Turin")), ("4", None)]);
    send(&*log, "orders", 0, &[("a", Some("1")), ("b", Some("3"))]);
    send(&*log, "orders", 1, &[("c", Some("4")), ("d", Some("2"))]);

    let running = start(&log);
    assert!(running.drain(Duration::from_secs(30)));
    // All rows: these keys do not stand in the partitions that their hashes say.
    let seen = |running: &Running, key: &str| {
        running.queries().store(SEEN).unwrap().all().unwrap().into_iter().find(|row| row.key == key).map(|row| row.value)
    };
    for (key, expected) in [("a", "1 Rome"), ("b", "3 Oslo"), ("c", "4 nowhere"), ("d", "2 Bergen")] {
        assert_eq!(seen(&running, key).as_deref(), Some(expected));
    }

    // An update of the running table is seen by later records.
    send(&*log, "shops", 1, &[("5", Some("Graz"))]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let has_graz = |running: &Running| running.queries().store(TABLE).unwrap().get(&"5".to_owned()).unwrap().is_some();
    while !has_graz(&running) {
        assert!(Instant::now() < deadline, "the update does not arrive");
        std::thread::yield_now();
    }
    send(&*log, "orders", 0, &[("e", Some("5"))]);
    assert!(running.drain(Duration::from_secs(30)));
    assert_eq!(seen(&running, "e").as_deref(), Some("5 Graz"));
    running.stop().unwrap();

    // Nothing of it is durable: the next start reads the topics again.
    let running = start(&log);
    send(&*log, "orders", 1, &[("f", Some("5"))]);
    assert!(running.drain(Duration::from_secs(30)));
    assert_eq!(seen(&running, "f").as_deref(), Some("5 Graz"));
    running.stop().unwrap();
}

#[test]
fn mistakes_with_global_tables_are_found_by_build() {
    let app = StreamsBuilder::new();
    let _versioned = app.global_table(SHOPS, VersionedStore::new("versions", Duration::from_secs(1)));
    let _twice = app.table(SHOPS, Store::new("other"));
    app.stream(ORDERS).absorb(TABLE, |_, _| Ok(()));
    let _taken = app.global_table(OUT, TABLE);
    let found = app.build().unwrap_err();
    let expected = [
        TopologyError::VersionedGlobal { store: "versions" },
        TopologyError::StoreOfTwoOwners { store: "shops", first: "global_table", second: "absorb" },
        TopologyError::TopicReadTwice { topic: "shops" },
    ];
    assert_eq!(found, expected);
}
