//! Every read of every kind of store finds the same on RocksDB, on a disk in memory, and in memory beside RocksDB, where a restart restores it
//! from its changelog; and after a commit, the same for readers on other threads as for the task itself.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeInclusive};

use headwater_state::{ChangelogPosition, Direction, Logging, RestoreRecord, Session, StoreSpec, TaskState, Timestamp, Window};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::engine::{Engine, cases};

const ROWS: &str = "rows";
const WINDOWS: &str = "windows";
const SESSIONS: &str = "sessions";
const VERSIONS: &str = "versions";
const RETENTION_MS: i64 = 50;
const SEGMENT_MS: i64 = 20;

#[derive(Clone, Debug)]
enum Step {
    /// Into all stores: a value, or its end.
    Write(Vec<u8>, Timestamp, Option<Vec<u8>>),
    Observe(Timestamp),
    Read(Read),
    Abort,
    Commit,
    Restart,
}

#[derive(Clone, Debug)]
enum Read {
    Row(Vec<u8>),
    Rows(Bound<Vec<u8>>, Bound<Vec<u8>>, Direction, usize),
    Window(Vec<u8>, Timestamp),
    Windows(Vec<u8>, RangeInclusive<Timestamp>, Direction, usize),
    AllWindows(RangeInclusive<Timestamp>, Direction),
    Session(Vec<u8>, Session),
    Sessions(Vec<u8>, RangeInclusive<Timestamp>, Direction, usize),
    AllSessions(RangeInclusive<Timestamp>, Direction),
    Latest(Vec<u8>),
    AsOf(Vec<u8>, Timestamp),
}

/// Key, start, end, timestamp and value of what was found, as far as there are such.
type Found = Vec<(Vec<u8>, Timestamp, Timestamp, Timestamp, Vec<u8>)>;

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(b'a'), Just(0xff)], 0..3)
}

fn time() -> impl Strategy<Value = Timestamp> {
    -20..160_i64
}

fn times() -> impl Strategy<Value = RangeInclusive<Timestamp>> {
    prop_oneof![4 => (time(), -20..80_i64).prop_map(|(from, length)| from..=from + length), 1 => Just(Timestamp::MIN..=Timestamp::MAX)]
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![3 => key().prop_map(Bound::Included), 2 => key().prop_map(Bound::Excluded), 1 => Just(Bound::Unbounded)]
}

fn read() -> impl Strategy<Value = Read> {
    let direction = || prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        key().prop_map(Read::Row),
        (bound(), bound(), direction(), 1..5_usize).prop_map(|(from, to, direction, most)| Read::Rows(from, to, direction, most)),
        (key(), time()).prop_map(|(key, start)| Read::Window(key, start)),
        (key(), times(), direction(), 1..5_usize).prop_map(|(key, starts, direction, most)| Read::Windows(key, starts, direction, most)),
        (times(), direction()).prop_map(|(starts, direction)| Read::AllWindows(starts, direction)),
        (key(), time()).prop_map(|(key, start)| Read::Session(key, session_at(start))),
        (key(), times(), direction(), 1..5_usize).prop_map(|(key, ends, direction, most)| Read::Sessions(key, ends, direction, most)),
        (times(), direction()).prop_map(|(ends, direction)| Read::AllSessions(ends, direction)),
        key().prop_map(Read::Latest),
        (key(), time()).prop_map(|(key, time)| Read::AsOf(key, time)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let value = || prop_oneof![3 => vec(any::<u8>(), 0..4).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        12 => (key(), time(), value()).prop_map(|(key, time, value)| Step::Write(key, time, value)),
        2 => time().prop_map(Step::Observe),
        12 => read().prop_map(Step::Read),
        1 => Just(Step::Abort),
        4 => Just(Step::Commit),
        1 => Just(Step::Restart),
    ]
}

/// A session that begins then ends so.
fn session_at(start: Timestamp) -> Session {
    Session { start, end: start + start.rem_euclid(7) }
}

/// What both the task's handles and committed views can do, each by methods of its own.
macro_rules! find {
    ($rows:expr, $windows:expr, $sessions:expr, $versions:expr, $read:expr) => {{
        let (mut found, mut most) = (Found::new(), usize::MAX);
        let mut take = |most: &mut usize, row| {
            found.push(row);
            *most -= 1;
            if *most == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let timed = |row: Option<(Timestamp, &[u8])>| row.map(|(timestamp, value)| (timestamp, value.to_vec()));
        match $read {
            Read::Row(key) => $rows.get(key, timed).unwrap().into_iter().for_each(|(at, value)| {
                let _ = take(&mut most, (vec![], 0, 0, at, value));
            }),
            Read::Rows(from, to, direction, limit) => {
                most = *limit;
                let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
                $rows.scan(from, to, *direction, &mut |key, at, value| take(&mut most, (key.to_vec(), 0, 0, at, value.to_vec()))).unwrap();
            }
            Read::Window(key, start) => $windows.get(key, Window::at(*start), timed).unwrap().into_iter().for_each(|(at, value)| {
                let _ = take(&mut most, (vec![], 0, 0, at, value));
            }),
            Read::Windows(key, starts, direction, limit) => {
                most = *limit;
                let visit = &mut |Window { start, .. }, at, value: &[u8]| take(&mut most, (vec![], start, 0, at, value.to_vec()));
                $windows.fetch(key, starts.clone(), *direction, visit).unwrap();
            }
            Read::AllWindows(starts, direction) => {
                let visit =
                    &mut |key: &[u8], Window { start, .. }, at, value: &[u8]| take(&mut most, (key.to_vec(), start, 0, at, value.to_vec()));
                $windows.fetch_all(starts.clone(), *direction, visit).unwrap();
            }
            Read::Session(key, session) => {
                let row = $sessions.get(key, *session, timed).unwrap();
                row.into_iter().for_each(|(at, value)| {
                    let _ = take(&mut most, (vec![], 0, 0, at, value));
                })
            }
            Read::Sessions(key, ends, direction, limit) => {
                most = *limit;
                let visit = &mut |Session { start, end }, at, value: &[u8]| take(&mut most, (vec![], start, end, at, value.to_vec()));
                $sessions.fetch(key, ends.clone(), *direction, visit).unwrap();
            }
            Read::AllSessions(ends, direction) => {
                let visit = &mut |key: &[u8], Session { start, end }, at, value: &[u8]| {
                    take(&mut most, (key.to_vec(), start, end, at, value.to_vec()))
                };
                $sessions.fetch_all(ends.clone(), *direction, visit).unwrap();
            }
            Read::Latest(key) => $versions.get(key, timed).unwrap().into_iter().for_each(|(at, value)| {
                let _ = take(&mut most, (vec![], 0, 0, at, value));
            }),
            Read::AsOf(key, time) => {
                let version = $versions.get_as_of(key, *time).unwrap();
                let row = version.map(|version| (vec![], version.valid_from, version.valid_to.unwrap_or(-1), 0, version.value));
                row.into_iter().for_each(|row| {
                    let _ = take(&mut most, row);
                })
            }
        }
        found
    }};
}

fn of_task(state: &TaskState, read: &Read) -> Found {
    let (rows, windows) = (state.key_value(ROWS).unwrap(), state.window(WINDOWS).unwrap());
    let (sessions, versions) = (state.session(SESSIONS).unwrap(), state.versioned(VERSIONS).unwrap());
    find!(rows, windows, sessions, versions, read)
}

fn of_others(state: &TaskState, read: &Read) -> Found {
    let committed = state.committed();
    let found = committed.view(|view| {
        let (rows, windows) = (view.key_value(ROWS).unwrap(), view.window(WINDOWS).unwrap());
        let (sessions, versions) = (view.session(SESSIONS).unwrap(), view.versioned(VERSIONS).unwrap());
        find!(rows, windows, sessions, versions, read)
    });
    found.unwrap()
}

/// A record of a changelog: key, value and timestamp.
type Logged = (Vec<u8>, Option<Vec<u8>>, Timestamp);

/// An engine with a state on it.
struct Side {
    engine: Engine,
    /// The stores that are not on its disk.
    in_memory: &'static [&'static str],
    changelogs: BTreeMap<&'static str, Vec<Logged>>,
    state: Option<TaskState>,
    commits: u64,
    observed: Option<Timestamp>,
    committed: Option<Timestamp>,
}

impl Side {
    fn new(engine: Engine, in_memory: &'static [&'static str]) -> Self {
        let mut side = Side { engine, in_memory, changelogs: BTreeMap::new(), state: None, commits: 0, observed: None, committed: None };
        side.restart();
        side
    }

    fn state(&mut self) -> &mut TaskState {
        self.state.as_mut().unwrap()
    }

    fn restart(&mut self) {
        self.state = None;
        let specs = [
            StoreSpec::key_value(ROWS),
            StoreSpec::window(WINDOWS, RETENTION_MS, SEGMENT_MS),
            StoreSpec::session(SESSIONS, RETENTION_MS, SEGMENT_MS),
            StoreSpec::versioned(VERSIONS, RETENTION_MS, SEGMENT_MS),
        ];
        let placed = |spec: StoreSpec| if self.in_memory.contains(&&*spec.name) { spec.in_memory() } else { spec };
        let mut state = self.engine.open(&specs.map(|spec| placed(spec.with_logging(Logging::EachUpdate))));
        self.in_memory.iter().for_each(|store| self.restore(&mut state, store));
        if let Some(time) = self.committed {
            state.window(WINDOWS).unwrap().set_observed_time(time);
            state.session(SESSIONS).unwrap().set_observed_time(time);
            state.versioned(VERSIONS).unwrap().set_observed_time(time);
        }
        (self.state, self.observed) = (Some(state), self.committed);
    }

    fn restore(&self, state: &mut TaskState, store: &str) {
        assert_eq!(state.position(store), None, "what was in memory is gone");
        let records = (0_i64..).zip(self.changelogs.get(store).into_iter().flatten());
        let mut records =
            records.map(|(offset, (key, value, timestamp))| RestoreRecord { key, value: value.as_deref(), timestamp: *timestamp, offset });
        state.restore(store, &mut records, self.end(store)).unwrap();
    }

    fn end(&self, store: &str) -> ChangelogPosition {
        let next_offset = self.changelogs.get(store).map_or(0, Vec::len) as i64;
        ChangelogPosition { next_offset, topic_id: [1; 16], written_at_ms: 0 }
    }

    fn observe(&mut self, time: Timestamp) {
        self.observed = self.observed.max(Some(time));
        let state = self.state();
        state.window(WINDOWS).unwrap().observe(time);
        state.session(SESSIONS).unwrap().observe(time);
        state.versioned(VERSIONS).unwrap().observe(time);
    }

    fn write(&mut self, key: &[u8], time: Timestamp, value: Option<&[u8]>) {
        let state = self.state();
        let (rows, windows, sessions) = (state.key_value(ROWS).unwrap(), state.window(WINDOWS).unwrap(), state.session(SESSIONS).unwrap());
        match value {
            Some(value) => {
                rows.put(key, value, time);
                windows.put(key, Window::at(time), value, time);
                sessions.put(key, session_at(time), value, time);
            }
            None => {
                rows.delete(key, time);
                windows.delete(key, Window::at(time), time);
                sessions.delete(key, session_at(time), time);
            }
        }
        state.versioned(VERSIONS).unwrap().put(key, value, time).unwrap();
    }

    fn commit(&mut self) {
        (self.commits, self.committed) = (self.commits + 1, self.observed);
        let state = self.state.as_mut().unwrap();
        for store in [ROWS, WINDOWS, SESSIONS, VERSIONS] {
            let logged = self.changelogs.entry(store).or_default();
            let sink = &mut |record: headwater_state::ChangelogRecord<'_>| {
                logged.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec), record.timestamp));
            };
            state.drain_changelog(store, sink).unwrap();
        }
        let ends = [ROWS, WINDOWS, SESSIONS, VERSIONS].map(|store| (store, self.end(store)));
        let commits = self.commits;
        self.state().commit(&ends, commits).unwrap();
    }
}

fn check(steps: &[Step]) {
    let mut sides = [
        Side::new(Engine::rocks(), &[]),
        Side::new(Engine::memory(), &[]),
        Side::new(Engine::rocks(), &[ROWS, SESSIONS]),
        Side::new(Engine::memory(), &[WINDOWS, VERSIONS]),
    ];
    let mut is_committed = true;
    for step in steps {
        match step {
            Step::Write(key, time, value) => sides.iter_mut().for_each(|side| side.write(key, *time, value.as_deref())),
            Step::Observe(time) => sides.iter_mut().for_each(|side| side.observe(*time)),
            Step::Abort => sides.iter_mut().for_each(|side| {
                side.state().abort();
                side.observed = side.committed;
            }),
            Step::Commit => sides.iter_mut().for_each(Side::commit),
            Step::Restart => sides.iter_mut().for_each(Side::restart),
            Step::Read(read) => {
                let [rocks, elsewhere @ ..] = sides.each_mut().map(|side| of_task(side.state(), read));
                elsewhere.iter().for_each(|found| assert_eq!(&rocks, found, "{read:?}: RocksDB and memory"));
                let [others, elsewhere @ ..] = sides.each_mut().map(|side| of_others(side.state(), read));
                elsewhere.iter().for_each(|found| assert_eq!(&others, found, "{read:?}, committed: RocksDB and memory"));
                if is_committed {
                    assert_eq!(others, rocks, "{read:?}: others and the task");
                }
            }
        }
        is_committed = match step {
            Step::Write(..) | Step::Observe(_) => false,
            Step::Commit | Step::Abort | Step::Restart => true,
            Step::Read(_) => is_committed,
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    #[test]
    fn every_read_finds_the_same_on_both_engines(steps in vec(step(), 1..80)) {
        check(&steps);
    }
}
