//! Partitions that have nothing to say, under simulation: the others' time goes on, unless it is only that nobody hears them.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::graph::Topology;
use headwater_streams::prelude::{StreamsBuilder, Topic, Tumbling, WindowStore};
use headwater_streams::runtime::Config;
use headwater_tests::simulation::{Fleet, Mischief, START, World};

const LEFT: Topic<String, String> = Topic::new("left");
const RIGHT: Topic<String, String> = Topic::new("right");
const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
const MINUTE: i64 = 60_000;
const CALM: Mischief = Mischief { kill: 0, burn: 0, stop: 0, pause: 0, start: 0, outage: 0 };

fn topology() -> Topology {
    let app = StreamsBuilder::new();
    let both = app.stream(LEFT).merge(&app.stream(RIGHT));
    let _counts = both.group_by_key().windowed_by(Tumbling::of_ms(MINUTE)).count(COUNTS);
    app.build().unwrap()
}

/// A process that has read a record of each input to its end.
fn started(mut world: World) -> Fleet {
    for topic in ["left", "right"] {
        world.create(topic, 1, &[]);
        world.append(topic, 0, START, Some(b"key"), Some(b"value"));
    }
    let mut fleet = Fleet::new(world, 1, 1, Config::new("idle"), topology);
    fleet.start(0);
    pass(&mut fleet, 1_000);
    assert_eq!(fleet.progress(0).unwrap().records, 2);
    fleet
}

fn pass(fleet: &mut Fleet, ms: i64) {
    let until = fleet.world.now() + ms;
    while fleet.world.now() < until {
        fleet.run(1, CALM);
    }
}

/// The right input goes on for so long, a minute of event time with each second.
fn hurry(fleet: &mut Fleet, seconds: i64) {
    for _ in 0..seconds {
        let ahead = START + (fleet.world.now() - START) / 1_000 * MINUTE;
        fleet.world.append("right", 0, ahead, Some(b"key"), Some(b"value"));
        pass(fleet, 1_000);
    }
}

/// A record of the left input that belongs into the first window.
fn say_something(fleet: &mut Fleet) {
    fleet.world.append("left", 0, START + 1_000, Some(b"key"), Some(b"value"));
}

fn late(fleet: &Fleet) -> usize {
    fleet.world.read("idle-dlq").iter().map(|records| records.len()).sum()
}

#[test]
fn the_others_time_goes_on_without_a_partition_that_has_nothing_to_say() {
    let mut fleet = started(World::at(START));
    hurry(&mut fleet, 12);
    say_something(&mut fleet);
    fleet.settle();
    assert_eq!(late(&fleet), 1, "it came twelve minutes after the others");
}

#[test]
fn it_waits_for_a_partition_that_has_had_something_within_the_timeout() {
    let mut fleet = started(World::at(START));
    hurry(&mut fleet, 3);
    say_something(&mut fleet);
    hurry(&mut fleet, 3);
    say_something(&mut fleet);
    fleet.settle();
    assert_eq!(late(&fleet), 0);
}

#[test]
fn a_fetch_that_hangs_while_data_waits_does_not_make_a_partition_idle() {
    let mut fleet = started(World::with_hanging_topic(START, "left", START + 1_000, START + 40_000));
    say_something(&mut fleet);
    hurry(&mut fleet, 30);
    fleet.settle();
    assert_eq!(late(&fleet), 0);
}

/// An answer counts for one timeout and a half. Behind that it is not known any more that there is nothing.
#[test]
fn a_partition_that_was_idle_is_so_no_longer_than_the_log_says() {
    let mut fleet = started(World::with_hanging_topic(START, "left", START + 6_500, START + 60_000));
    pass(&mut fleet, 11_000);
    let now = fleet.world.now();
    fleet.world.append("left", 0, now + 20 * MINUTE, Some(b"key"), Some(b"value"));
    pass(&mut fleet, 8_000);
    fleet.world.append("right", 0, now + 40 * MINUTE, Some(b"key"), Some(b"value"));
    pass(&mut fleet, 20_000);
    fleet.settle();
    assert_eq!(late(&fleet), 0);
}

#[test]
fn what_a_transaction_that_is_still_open_has_written_makes_a_partition_wait() {
    let mut fleet = started(World::at(START));
    let mut producer = fleet.world.begin("left", START + 1_000);
    hurry(&mut fleet, 12);
    producer.commit().unwrap();
    fleet.settle();
    assert_eq!(late(&fleet), 0);
}

#[test]
fn a_partition_that_ends_with_a_marker_can_be_idle() {
    for commits in [true, false] {
        let mut fleet = started(World::at(START));
        let mut producer = fleet.world.begin("left", START + 1_000);
        if commits { producer.commit() } else { producer.abort() }.unwrap();
        hurry(&mut fleet, 14);
        say_something(&mut fleet);
        fleet.settle();
        assert_eq!(late(&fleet), 1, "commits: {commits}");
    }
}
