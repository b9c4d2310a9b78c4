//! Changelogs: what goes to them, what comes back, and what of them is still needed.

use headwater_state::{
    ChangelogPosition, ChangelogRecord, Direction, Logging, RestoreRecord, StateError, StoreSpec, TaskState, Timestamp, Window, Written,
};

use crate::engine::Engine;

const RETENTION_MS: i64 = 100;

fn specs(logging: Logging) -> Vec<StoreSpec> {
    vec![StoreSpec::key_value("values").with_logging(logging), StoreSpec::window("windows", RETENTION_MS, 50).with_logging(logging)]
}

/// A changelog topic.
#[derive(Default)]
struct Changelog {
    records: Vec<(Vec<u8>, Option<Vec<u8>>, Timestamp)>,
}

impl Changelog {
    fn drain(&mut self, state: &mut TaskState, store: &str) {
        let sink = &mut |record: ChangelogRecord<'_>| {
            self.records.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec), record.timestamp));
        };
        state.drain_changelog(store, sink).unwrap();
    }

    fn end(&self) -> ChangelogPosition {
        ChangelogPosition { next_offset: self.records.len() as i64, topic_id: [1; 16], written_at_ms: 0 }
    }

    fn restore(&self, state: &mut TaskState, store: &str, from: usize) -> Result<(), StateError> {
        let records = (0_i64..).zip(&self.records).skip(from);
        let mut records =
            records.map(|(offset, (key, value, timestamp))| RestoreRecord { key, value: value.as_deref(), timestamp: *timestamp, offset });
        state.restore(store, &mut records, self.end())
    }
}

fn commit(state: &mut TaskState, values: &mut Changelog, windows: &mut Changelog, number: u64) {
    values.drain(state, "values");
    windows.drain(state, "windows");
    state.commit(&[("values", values.end()), ("windows", windows.end())], number).unwrap();
}

fn all_windows(state: &TaskState) -> Vec<(Vec<u8>, Timestamp, Timestamp, Vec<u8>)> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], Window { start, .. }, timestamp, value: &[u8]| {
        found.push((key.to_vec(), start, timestamp, value.to_vec()));
        std::ops::ControlFlow::Continue(())
    };
    state.window("windows").unwrap().fetch_all(i64::MIN..=i64::MAX, Direction::Forward, visit).unwrap();
    found
}

#[test]
fn changelog_bytes_are_those_of_kafka_streams() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::EachUpdate));
        state.key_value("values").unwrap().put(b"k", b"v", 9);
        state.key_value("values").unwrap().delete(b"k", 10);
        let _ = state.window("windows").unwrap().put(b"k", Window::at(60_000), b"v", 60_001);
        let (mut values, mut windows) = (Changelog::default(), Changelog::default());
        commit(&mut state, &mut values, &mut windows, 1);
        assert_eq!(values.records, [(b"k".to_vec(), Some(b"v".to_vec()), 9), (b"k".to_vec(), None, 10)]);
        assert_eq!(windows.records, [(b"k\0\0\0\0\0\0\xea\x60\0\0\0\0".to_vec(), Some(b"v".to_vec()), 60_001)]);
    }
}

#[test]
fn a_store_comes_back_from_its_changelog_however_often_it_is_read() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::LastPerKey));
        let (store, window_store) = (state.key_value("values").unwrap(), state.window("windows").unwrap());
        let (mut values, mut windows) = (Changelog::default(), Changelog::default());
        for number in 1..=40 {
            let key = [(number % 7) as u8];
            store.put(&key, &[number as u8], number);
            if number % 5 == 0 {
                store.delete(&key, number);
            }
            let _ = window_store.put(&key, Window::at(number * 3), &[number as u8], number);
            if number % 10 == 0 {
                commit(&mut state, &mut values, &mut windows, number as u64);
            }
        }
        let read = |state: &TaskState, key: u8| {
            state.key_value("values").unwrap().get(&[key], |found| found.map(|(time, value)| (time, value.to_vec()))).unwrap()
        };
        let contents: Vec<_> = (0..7).map(|key| read(&state, key)).collect();
        let all = all_windows(&state);
        // From nothing; then again from the start; then a tail: always the same.
        state.set_aside("test").unwrap();
        for from in [0, 0, 13] {
            values.restore(&mut state, "values", from).unwrap();
            windows.restore(&mut state, "windows", from).unwrap();
            assert_eq!((0..7).map(|key| read(&state, key)).collect::<Vec<_>>(), contents);
            assert_eq!(all_windows(&state), all);
            assert_eq!(state.position("windows"), Some(windows.end()));
        }
        drop((state, store, window_store));
        assert_eq!(all_windows(&engine.open(&specs(Logging::LastPerKey))), all);
    }
}

#[test]
fn the_changelog_is_needed_from_the_oldest_live_segment() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::EachUpdate));
        let (mut values, mut windows) = (Changelog::default(), Changelog::default());
        let store = state.window("windows").unwrap();
        assert_eq!(state.trim_before("windows"), None);
        // One segment for each commit of three updates.
        for number in 0..6 {
            for key in [b"a", b"b", b"c"] {
                store.observe(number * 50);
                assert_eq!(store.put(key, Window::at(number * 50), b"v", number), Written::Kept);
            }
            commit(&mut state, &mut values, &mut windows, number as u64 + 1);
        }
        // Time is 250, so what starts before 150 is gone: segments 0 to 2, and nine updates with them.
        assert_eq!(state.trim_before("windows"), Some(9));
        assert_eq!(state.trim_before("values"), None);
        drop((state, store));
        let mut state = engine.open(&specs(Logging::EachUpdate));
        assert_eq!(state.trim_before("windows"), Some(9), "it is durable");
        // What is left of the changelog is enough.
        let expected = all_windows(&state);
        state.set_aside("test").unwrap();
        windows.restore(&mut state, "windows", 9).unwrap();
        assert_eq!(all_windows(&state), expected);
        assert_eq!(state.trim_before("windows"), Some(9));
        // When all has expired, nothing of it is needed.
        state.window("windows").unwrap().set_observed_time(10_000);
        commit(&mut state, &mut values, &mut windows, 7);
        assert_eq!(state.trim_before("windows"), Some(18));
        assert_eq!(all_windows(&state), []);
    }
}

#[test]
fn a_late_segment_holds_the_changelog_only_from_its_own_beginning() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::EachUpdate));
        let (mut values, mut windows) = (Changelog::default(), Changelog::default());
        let store = state.window("windows").unwrap();
        for (number, start) in [(1, 200), (2, 100)] {
            let _ = store.put(b"a", Window::at(start), b"v", start);
            commit(&mut state, &mut values, &mut windows, number);
        }
        assert_eq!(state.trim_before("windows"), Some(0));
        // The segment of 200 came first: it is the one that still needs the first record.
        store.observe(249);
        commit(&mut state, &mut values, &mut windows, 3);
        assert_eq!(state.trim_before("windows"), Some(0));
        store.put(b"b", Window::at(400), b"v", 400);
        store.observe(400);
        commit(&mut state, &mut values, &mut windows, 4);
        assert_eq!(state.trim_before("windows"), Some(2));
    }
}

#[test]
fn restoring_skips_what_has_expired() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::EachUpdate));
        let (mut values, mut windows) = (Changelog::default(), Changelog::default());
        for start in [0, 500] {
            let _ = state.window("windows").unwrap().put(b"a", Window::at(start), b"v", start);
        }
        commit(&mut state, &mut values, &mut windows, 1);
        state.set_aside("test").unwrap();
        state.window("windows").unwrap().set_observed_time(500);
        windows.restore(&mut state, "windows", 0).unwrap();
        assert_eq!(all_windows(&state), [(b"a".to_vec(), 500, 500, b"v".to_vec())]);
        assert_eq!(state.trim_before("windows"), Some(1));
    }
}

#[test]
fn a_record_of_something_else_is_refused_and_changes_nothing() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs(Logging::EachUpdate));
        let foreign = Changelog { records: vec![(b"short".to_vec(), Some(b"v".to_vec()), 0)] };
        assert!(matches!(foreign.restore(&mut state, "windows", 0), Err(StateError::NotOfThisStore { offset: 0, .. })));
        assert_eq!(state.position("windows"), None);
        assert!(matches!(foreign.restore(&mut state, "none", 0), Err(StateError::UnknownStore { .. })));
    }
}
