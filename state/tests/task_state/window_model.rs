//! A window store does what a map by key and start would do, and forgets what Kafka Streams would forget.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};

use headwater_state::{ChangelogPosition, Direction, StoreSpec, TaskState, Timestamp, Window, WindowHandle, Written};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::engine::Engine;

const STORE: &str = "windows";
const RETENTION_MS: i64 = 50;
const SEGMENT_MS: i64 = 20;

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, Timestamp),
    Delete(Vec<u8>, Timestamp),
    Observe(Timestamp),
    Fetch(Vec<u8>, RangeInclusive<Timestamp>, Direction, usize),
    FetchAll(RangeInclusive<Timestamp>, Direction),
    BeginRecord,
    UndoRecord,
    Abort,
    Commit,
    Restart,
}

type Contents = BTreeMap<(Vec<u8>, Timestamp), Timestamp>;

#[derive(Clone, Debug, Default)]
struct Moment {
    contents: Contents,
    observed: Option<Timestamp>,
}

impl Moment {
    fn is_live(&self, start: Timestamp) -> bool {
        self.observed.is_none_or(|time| start.div_euclid(SEGMENT_MS) >= (time - RETENTION_MS).div_euclid(SEGMENT_MS))
    }

    fn is_visible(&self, start: Timestamp) -> bool {
        self.observed.is_none_or(|time| start > time - RETENTION_MS)
    }

    fn visible(&self, starts: &RangeInclusive<Timestamp>) -> Vec<(Vec<u8>, Timestamp, Timestamp)> {
        let shown = self.contents.iter().filter(|((_, start), _)| self.is_visible(*start) && starts.contains(start));
        shown.map(|((key, start), timestamp)| (key.clone(), *start, *timestamp)).collect()
    }

    fn expire(&mut self) {
        let kept = self.contents.iter().filter(|((_, start), _)| self.is_live(*start));
        self.contents = kept.map(|(key, value)| (key.clone(), *value)).collect();
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(b'a')], 0..3)
}

fn starts() -> impl Strategy<Value = RangeInclusive<Timestamp>> {
    prop_oneof![
        3 => (-60..200_i64, -20..80_i64).prop_map(|(from, length)| from..=from + length),
        1 => Just(Timestamp::MIN..=Timestamp::MAX),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let direction = || prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        12 => (key(), -60..200_i64).prop_map(|(key, start)| Step::Put(key, start)),
        3 => (key(), -60..200_i64).prop_map(|(key, start)| Step::Delete(key, start)),
        3 => (-60..200_i64).prop_map(Step::Observe),
        6 => (key(), starts(), direction(), 1..9_usize).prop_map(|(key, starts, direction, most)| Step::Fetch(key, starts, direction, most)),
        2 => (starts(), direction()).prop_map(|(starts, direction)| Step::FetchAll(starts, direction)),
        5 => Just(Step::BeginRecord),
        3 => Just(Step::UndoRecord),
        1 => Just(Step::Abort),
        3 => Just(Step::Commit),
        1 => Just(Step::Restart),
    ]
}

fn fetch(
    store: &WindowHandle, key: &[u8], starts: RangeInclusive<Timestamp>, direction: Direction, most: usize,
) -> Vec<(Timestamp, Timestamp)> {
    let mut found = Vec::new();
    let visit = &mut |Window { start, .. }, timestamp: Timestamp, value: &[u8]| {
        assert_eq!(value, timestamp.to_string().as_bytes());
        found.push((start, timestamp));
        if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.fetch(key, starts, direction, visit).unwrap();
    found
}

fn fetch_all(store: &WindowHandle, starts: RangeInclusive<Timestamp>, direction: Direction) -> Vec<(Vec<u8>, Timestamp, Timestamp)> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], Window { start, .. }, timestamp, _: &[u8]| {
        found.push((key.to_vec(), start, timestamp));
        ControlFlow::Continue(())
    };
    store.fetch_all(starts, direction, visit).unwrap();
    found
}

fn commit(state: &mut TaskState, number: u64) {
    state.drain_changelog(STORE, &mut |_| {}).unwrap();
    let position = ChangelogPosition { next_offset: number as i64, topic_id: [0; 16], written_at_ms: 0 };
    state.commit(&[(STORE, position)], number).unwrap();
}

fn check_fetch(store: &WindowHandle, now: &Moment, key: &[u8], starts: &RangeInclusive<Timestamp>, direction: Direction, most: usize) {
    let mut expected: Vec<_> =
        now.visible(starts).into_iter().filter(|window| window.0 == key).map(|window| (window.1, window.2)).collect();
    if direction == Direction::Backward {
        expected.reverse();
    }
    expected.truncate(most);
    assert_eq!(fetch(store, key, starts.clone(), direction, most), expected);
}

fn check_fetch_all(store: &WindowHandle, now: &Moment, starts: &RangeInclusive<Timestamp>, direction: Direction) {
    let mut found = fetch_all(store, starts.clone(), direction);
    // The order between keys means nothing; a stable sort by key leaves that of the starts.
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected = now.visible(starts);
    if direction == Direction::Backward {
        expected.reverse();
        expected.sort_by(|one, other| one.0.cmp(&other.0));
    }
    assert_eq!(found, expected);
}

fn check(engine: &Engine, steps: &[Step]) {
    let specs = [StoreSpec::window(STORE, RETENTION_MS, SEGMENT_MS)];
    let mut state = engine.open(&specs);
    let (mut committed, mut now, mut before, mut commits) = (Moment::default(), Moment::default(), None, 0);
    for (timestamp, step) in (1..).zip(steps) {
        let store = state.window(STORE).unwrap();
        match step {
            Step::Put(key, start) => {
                let written = store.put(key, Window::at(*start), timestamp.to_string().as_bytes(), timestamp);
                assert_eq!(written == Written::Kept, now.is_live(*start));
                if written == Written::Kept {
                    now.contents.insert((key.clone(), *start), timestamp);
                }
            }
            Step::Delete(key, start) => {
                if store.delete(key, Window::at(*start), timestamp) == Written::Kept {
                    now.contents.remove(&(key.clone(), *start));
                }
            }
            Step::Observe(time) => {
                store.observe(*time);
                now.observed = now.observed.max(Some(*time));
            }
            Step::Fetch(key, starts, direction, most) => check_fetch(&store, &now, key, starts, *direction, *most),
            Step::FetchAll(starts, direction) => check_fetch_all(&store, &now, starts, *direction),
            Step::BeginRecord => {
                state.begin_record();
                before = Some(now.clone());
            }
            Step::UndoRecord => {
                if let Some(moment) = before.take() {
                    state.undo_record();
                    now = moment;
                    state.begin_record();
                }
            }
            Step::Abort => {
                state.abort();
                (now, before) = (committed.clone(), None);
            }
            Step::Commit => {
                commits += 1;
                commit(&mut state, commits);
                now.expire();
                (committed, before) = (now.clone(), None);
            }
            Step::Restart => {
                drop((store, state));
                state = engine.open(&specs);
                (now, before) = (committed.clone(), None);
                // Before the time is known again, all that was not removed is visible: so removal itself is checked here.
                let everything = Moment { observed: None, ..now.clone() };
                check_fetch_all(&state.window(STORE).unwrap(), &everything, &(Timestamp::MIN..=Timestamp::MAX), Direction::Forward);
                now.observed.iter().for_each(|&time| state.window(STORE).unwrap().set_observed_time(time));
            }
        }
        assert_eq!(state.window(STORE).unwrap().observed_time(), now.observed);
    }
    let store = state.window(STORE).unwrap();
    for step in steps {
        if let Step::Put(key, start) = step {
            let found = store.get(key, Window::at(*start), |found| found.map(|(timestamp, _)| timestamp)).unwrap();
            let expected = now.contents.get(&(key.clone(), *start)).copied().filter(|_| now.is_visible(*start));
            assert_eq!(found, expected);
        }
    }
    check_committed(&state, &committed);
}

fn check_committed(state: &TaskState, committed: &Moment) {
    let found = state.committed().view(|view| {
        let mut found = Vec::new();
        let visit = &mut |key: &[u8], Window { start, .. }, timestamp, _: &[u8]| {
            found.push((key.to_vec(), start, timestamp));
            ControlFlow::Continue(())
        };
        view.window(STORE).unwrap().fetch_all(Timestamp::MIN..=Timestamp::MAX, Direction::Forward, visit).unwrap();
        found
    });
    let mut found = found.unwrap();
    found.sort();
    // A restart tells the time only to the task; readers hear of it with the next commit.
    let shown = committed.visible(&(Timestamp::MIN..=Timestamp::MAX));
    assert!(shown.iter().all(|window| found.contains(window)));
    assert!(found.iter().all(|(key, start, _)| committed.contents.contains_key(&(key.clone(), *start))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn a_window_store_in_memory_is_a_map(steps in vec(step(), 0..120)) {
        check(&Engine::memory(), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_window_store_on_rocksdb_is_a_map(steps in vec(step(), 0..200)) {
        check(&Engine::rocks(), &steps);
    }
}
