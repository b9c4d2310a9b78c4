//! Queries on two processes between which tasks move, either of which may die, stop, hang or come at any moment.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use headwater_streams::graph::Topology;
use headwater_streams::prelude::*;
use headwater_streams::runtime::{Config, Queries, Whereabouts};
use headwater_streams::task::partition_of_key;
use headwater_tests::simulation::{Fleet, Mischief, Random, Seed, World, address_of, seeds};
use std::collections::BTreeMap;
use std::time::Duration;

const WORDS: Topic<String, String> = Topic::new("words");
const COUNTS: Store<String, u64> = Store::new("counts");
const WINDOWS: WindowStore<String, u64> = WindowStore::new("counts-per-minute");
const TOLD: Topic<String, u64> = Topic::new("told");
const PARTITIONS: i32 = 3;
const START: i64 = 1_767_225_600_000;
const RECORDS: usize = 200;
/// Between two records.
const BOUNDARIES: usize = 16;

type Counts = BTreeMap<String, u64>;

fn topology() -> Topology {
    let app = StreamsBuilder::new();
    let words = app.stream(WORDS).group_by_key();
    words.count(COUNTS.uncached()).to(TOLD);
    let _ = words.windowed_by(Tumbling::of(Duration::from_secs(60)).grace(Duration::from_secs(600))).count(WINDOWS);
    app.build().unwrap()
}

/// What queries were told in one life.
#[derive(Debug, Default)]
struct Told {
    /// The largest count that was seen of each word.
    seen: Counts,
    answered: u32,
    whole: u32,
    moving: u32,
    elsewhere: u32,
    silent: u32,
}

impl Told {
    /// A count never falls, whichever process tells it, and never runs ahead of what the log has.
    fn count(&mut self, word: &str, count: u64, in_log: &Counts) {
        let least = self.seen.entry(word.to_owned()).or_default();
        assert!(count >= *least, "{word}: {count} after {least}");
        assert!(count <= in_log.get(word).copied().unwrap_or(0), "{word}: {count} is not committed, the log has {in_log:?}");
        *least = count;
    }

    fn error(&mut self, of: usize, error: &QueryError) {
        match error {
            QueryError::Moving { .. } => self.moving += 1,
            QueryError::NotHere { owner, .. } => {
                self.elsewhere += 1;
                assert_ne!(owner.as_deref(), Some(&*address_of(of)), "a process sends to itself");
            }
            QueryError::Silent { .. } => self.silent += 1,
            other => panic!("{other}"),
        }
    }

    /// One word and all words of one process. `before` and `now`: what the log had before the last commit and has now.
    fn ask(&mut self, of: usize, queries: &Queries, word: &str, before: &Counts, now: &Counts) {
        match queries.store(COUNTS).unwrap().get(&word.to_owned()) {
            Ok(count) => {
                self.answered += 1;
                self.count(word, count.unwrap_or(0), now);
            }
            Err(error) => self.error(of, &error),
        }
        match queries.store(COUNTS).unwrap().all() {
            Ok(all) => {
                self.whole += 1;
                let all: Counts = all.into_iter().map(|entry| (entry.key, entry.value)).collect();
                // One transaction carries the tasks of a process, so all of them are before or behind it.
                assert!(all == *before || all == *now, "half a commit: {all:?}, the log had {before:?} and has {now:?}");
                all.iter().for_each(|(word, count)| self.count(word, *count, now));
            }
            Err(error) => self.error(of, &error),
        }
    }
}

fn word(n: u64) -> String {
    format!("word-{n}")
}

/// What the log has committed: the last count told of each word.
fn committed(world: &World) -> Counts {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let partitions = world.read(TOLD.name());
    let records = partitions.iter().flat_map(|records| records.iter());
    records.map(|record| (text(record.key.unwrap()), BigEndian.decode(record.value.unwrap()).unwrap())).collect()
}

fn live(seed: u64, mischief: Mischief) -> Told {
    let _seed = Seed(seed);
    let world = World::at(START);
    [WORDS.name(), TOLD.name()].into_iter().for_each(|topic| world.create(topic, PARTITIONS, &[("retention.ms", "-1")]));
    let mut fleet = Fleet::new(world, 2, seed, Config::new("queries"), topology);
    fleet.look_at_each_boundary();
    let (mut told, mut random, mut sent) = (Told::default(), Random::of(seed), Counts::new());
    let (mut before, mut now) = (Counts::new(), Counts::new());
    for _ in 0..RECORDS {
        let (word, at) = (word(random.below(12)), fleet.world.now());
        fleet.world.append(WORDS.name(), partition_of_key(word.as_bytes(), PARTITIONS), at, Some(word.as_bytes()), Some(b""));
        *sent.entry(word.clone()).or_default() += 1;
        for _ in 0..BOUNDARIES {
            fleet.run(1, mischief);
            let is = committed(&fleet.world);
            if is != now {
                before = std::mem::replace(&mut now, is);
            }
            for i in 0..fleet.count() {
                fleet.queries(i).iter().for_each(|queries| told.ask(i, queries, &word, &before, &now));
            }
        }
    }
    fleet.settle();
    check_rest(&fleet, &sent);
    told
}

/// Whoever is asked either has a word or names the one who has; both together have everything, once.
fn check_rest(fleet: &Fleet, sent: &Counts) {
    let all: Vec<Queries> = (0..fleet.count()).map(|i| fleet.queries(i).unwrap()).collect();
    for (word, count) in sent {
        for queries in &all {
            let answer = match queries.store(COUNTS).unwrap().get(word) {
                Err(QueryError::NotHere { owner: Some(owner), partition, .. }) => {
                    assert_eq!(
                        queries.whereabouts(COUNTS).unwrap()[partition as usize],
                        Whereabouts::Elsewhere { owner: Some(owner.clone()) }
                    );
                    let owner = (0..all.len()).find(|i| address_of(*i) == owner).unwrap();
                    all[owner].store(COUNTS).unwrap().get(word)
                }
                answer => answer,
            };
            assert_eq!(answer.unwrap(), Some(*count), "{word}");
        }
    }
    let here = |queries: &Queries| queries.clone().here().store(WINDOWS).unwrap().all().unwrap();
    let mut windows = Counts::new();
    all.iter().flat_map(here).for_each(|entry| *windows.entry(entry.key.key).or_default() += entry.value);
    assert_eq!(windows, *sent, "every record is in one window");
    let whole = |queries: &Queries| queries.store(COUNTS).unwrap().all();
    assert!(all.iter().map(whole).all(|all| matches!(all, Err(QueryError::NotHere { .. }))), "both have a part, so neither has all");
}

#[test]
fn queries_see_whole_commits_while_tasks_move() {
    let mischief = Mischief { kill: 60, burn: 20, stop: 60, start: 1_500, ..Mischief::default() };
    let mut all = Told::default();
    for told in seeds(12).into_iter().map(|seed| live(seed, mischief)) {
        (all.answered, all.whole) = (all.answered + told.answered, all.whole + told.whole);
        (all.moving, all.elsewhere) = (all.moving + told.moving, all.elsewhere + told.elsewhere);
    }
    let enough = all.answered > 1_000 && all.whole > 500 && all.moving > 200 && all.elsewhere > 200;
    assert!(enough, "nothing was tested: {all:?}");
}

/// A process that was stopped beyond its session does not tell what others have changed meanwhile.
#[test]
fn a_zombie_is_silent() {
    let mischief = Mischief { kill: 10, stop: 10, start: 1_500, pause: 100, ..Mischief::default() };
    let silent: u32 = seeds(8).into_iter().map(|seed| live(seed, mischief).silent).sum();
    assert!(silent > 50, "only {silent} silent answers: nothing was tested");
}
