//! Category-sales on the simulated log, killed at every boundary: between any two effects and any two steps.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_state::{Disk, MemoryDisk};
use headwater_streams::graph::Topology;
use headwater_streams::log::{Log, Records};
use headwater_streams::runtime::{Boundary, Config, SimulatedProcess};
use headwater_tests::simulation::{Check, Input, START, World};
use headwater_topologies::category_sales;
use std::sync::Arc;
use std::time::Duration;

const RECORDS: i64 = 240;

#[test]
fn a_kill_at_any_boundary_changes_nothing() {
    killed_at_boundaries(on_disk, 1);
}

/// Whatever has been committed comes back from the changelog, and nothing else. At every third boundary, for it takes a minute.
#[test]
fn a_kill_at_any_boundary_changes_nothing_of_stores_in_memory() {
    killed_at_boundaries(in_memory, 3);
}

fn on_disk() -> Topology {
    category_sales::topology().build().unwrap()
}

fn in_memory() -> Topology {
    let app = category_sales::topology();
    app.in_memory();
    app.build().unwrap()
}

fn killed_at_boundaries(topology: fn() -> Topology, distance: usize) {
    let input = Input::generate(RECORDS);
    let mut life = Life::with(&input, topology);
    let undisturbed = life.run_to_the_end(usize::MAX);
    life.check(&input, "undisturbed");
    assert!(undisturbed > 20, "only {undisturbed} boundaries: nothing would be tested");
    for boundary in (0..undisturbed).step_by(distance) {
        let mut life = Life::with(&input, topology);
        life.run_to_the_end(boundary);
        life.run_to_the_end(usize::MAX);
        life.check(&input, &format!("killed at boundary {boundary}"));
    }
}

#[test]
fn many_kills_in_a_row_change_nothing() {
    let input = Input::generate(RECORDS);
    for distance in [3, 7, 19] {
        let mut life = Life::with(&input, on_disk);
        for _ in 0..40 {
            life.run_to_the_end(distance);
        }
        life.run_to_the_end(usize::MAX);
        life.check(&input, &format!("killed every {distance} boundaries"));
    }
}

/// No hop waits for the commit.
#[test]
fn at_least_once_results_come_long_before_the_commit() {
    let took = waits(Config::new("category-sales").at_least_once());
    assert!(took.iter().all(|took| *took < 60), "{took:?} ms from input to output");
}

/// The first hop shows with a commit; the second does not wait a whole interval for another one.
#[test]
fn two_hops_of_exactly_once_do_not_take_an_interval_each() {
    let config = Config { commit_interval: Duration::from_millis(200), ..Config::new("category-sales") };
    let mut took = waits(config);
    took.sort_unstable();
    assert!(took[took.len() / 2] < 100, "{took:?} ms from input to output");
}

/// How long single records take through a repartition topic, a store that coalesces and the output, in milliseconds.
fn waits(config: Config) -> Vec<i64> {
    let input = Input::generate(12);
    let mut world = World::at(START + 20_000_000);
    world.log.admin().create_topic(&category_sales::transactions_topic()).unwrap();
    let topology = category_sales::topology().build().unwrap();
    let log: Arc<dyn Log> = Arc::new(world.log.clone());
    let mut process = SimulatedProcess::start(log, Disk::Memory(MemoryDisk::new()), "one", topology, config).unwrap();
    let results = |world: &World| world.read("category-sales").iter().map(Records::len).sum::<usize>();
    let mut run = |world: &World, ms: i64, results_before: Option<usize>| {
        let began = world.now();
        while world.now() - began < ms && results_before.is_none_or(|before| results(world) == before) {
            while !matches!(process.advance(world.now()).unwrap(), Boundary::Idle(_)) {}
            world.pass(1);
        }
        world.now() - began
    };
    run(&world, 8_000, None);
    let one = |line: &Vec<u8>| {
        let before = results(&world);
        world.append("transactions", 0, world.now(), None, Some(line));
        let took = run(&world, 1_500, Some(before));
        run(&world, 537, None);
        took
    };
    input.lines().iter().map(one).collect()
}

/// One process on one disk, in one life after the other.
struct Life {
    world: World,
    disk: MemoryDisk,
    topology: fn() -> Topology,
}

impl Life {
    fn with(input: &Input, topology: fn() -> Topology) -> Life {
        let mut world = World::at(START + 20_000_000);
        world.log.admin().create_topic(&category_sales::transactions_topic()).unwrap();
        input.lines().iter().for_each(|line| world.append("transactions", 0, world.now(), None, Some(line)));
        Life { world, disk: MemoryDisk::new(), topology }
    }

    /// Lets one process live for so many boundaries, or until nothing happens any more; returns how many there were.
    fn run_to_the_end(&mut self, boundaries: usize) -> usize {
        let mut config = Config::new("category-sales");
        config.buffered_records = 50;
        let log: Arc<dyn Log> = Arc::new(self.world.log.clone());
        let mut process = SimulatedProcess::start(log, Disk::Memory(self.disk.clone()), "one", (self.topology)(), config).unwrap();
        let patience = self.world.now() + 60_000;
        for boundary in 0..boundaries {
            let now = self.world.now();
            match process.advance(now).unwrap() {
                Boundary::Effect | Boundary::Step => {}
                Boundary::Idle(_) if now > patience => return boundary,
                Boundary::Idle(deadline) => self.world.pass((deadline - now).clamp(1, 500) as u64),
                Boundary::Stopped => panic!("nobody stopped it"),
            }
        }
        boundaries
    }

    fn check(&self, input: &Input, case: &str) {
        Check::ExactlyOnce.sales(&self.world, input, case);
    }
}
