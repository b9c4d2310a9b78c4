//! Stores in memory beside stores on the disk: one commit for both, and nothing left of the former when the task is opened again.

use headwater_state::{ChangelogPosition, CommittedView, KeyValueHandle, RestoreRecord, StoreSpec, TaskState};

use crate::engine::Engine;

const DISK: &str = "on-disk";
const MEMORY: &str = "in-memory";

fn specs() -> Vec<StoreSpec> {
    vec![StoreSpec::key_value(DISK), StoreSpec::key_value(MEMORY).in_memory()]
}

fn position(next_offset: i64) -> ChangelogPosition {
    ChangelogPosition { next_offset, topic_id: [3; 16], written_at_ms: 5 }
}

fn number(store: &KeyValueHandle) -> Option<u8> {
    store.get(b"number", |found| found.map(|(_, value)| value[0])).unwrap()
}

fn numbers(state: &TaskState) -> [Option<u8>; 2] {
    [DISK, MEMORY].map(|store| number(&state.key_value(store).unwrap()))
}

fn seen(view: &CommittedView<'_>) -> [Option<u8>; 2] {
    [DISK, MEMORY].map(|store| view.key_value(store).unwrap().get(b"number", |found| found.map(|(_, value)| value[0])).unwrap())
}

/// Writes one number into both stores and commits it.
fn commit(state: &mut TaskState, number: u8) {
    for store in [DISK, MEMORY] {
        state.key_value(store).unwrap().put(b"number", &[number], 0);
        state.drain_changelog(store, &mut |_| {}).unwrap();
    }
    let positions = [DISK, MEMORY].map(|store| (store, position(number.into())));
    state.commit(&positions, number.into()).unwrap();
}

#[test]
fn what_is_in_memory_ends_with_the_task() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        commit(&mut state, 1);
        assert_eq!(state.position(MEMORY), Some(position(1)));
        state.key_value(MEMORY).unwrap().put(b"number", &[9], 0);
        state.abort();
        assert_eq!(numbers(&state), [Some(1), Some(1)], "an abort comes back to the commit");
        drop(state);
        let mut state = engine.open(&specs());
        assert_eq!((numbers(&state), state.commit_number()), ([Some(1), None], 1));
        assert_eq!([DISK, MEMORY].map(|store| state.position(store)), [Some(position(1)), None]);
        let record = RestoreRecord { key: b"number", value: Some(&[1]), timestamp: 0, offset: 0 };
        state.restore(MEMORY, &mut std::iter::once(record), position(1)).unwrap();
        assert_eq!((numbers(&state), state.position(MEMORY)), ([Some(1), Some(1)], Some(position(1))));
        assert_eq!(state.committed().view(seen).unwrap(), [Some(1), Some(1)]);
    }
}

#[test]
fn a_record_is_undone_in_both() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        commit(&mut state, 1);
        state.begin_record();
        [DISK, MEMORY].into_iter().for_each(|store| state.key_value(store).unwrap().put(b"number", &[2], 0));
        assert_eq!(numbers(&state), [Some(2), Some(2)]);
        state.undo_record();
        assert_eq!(numbers(&state), [Some(1), Some(1)]);
    }
}

#[test]
fn a_store_that_was_elsewhere_for_a_while_stands_where_it_was() {
    for engine in Engine::each() {
        let on_disk = || [StoreSpec::key_value(DISK), StoreSpec::key_value(MEMORY)];
        let mut state = engine.open(&on_disk());
        commit(&mut state, 1);
        drop(state);
        let mut state = engine.open(&specs());
        assert_eq!((numbers(&state), state.position(MEMORY)), ([Some(1), None], None));
        commit(&mut state, 2);
        drop(state);
        // It has not seen what its changelog got since, and says so.
        let state = engine.open(&on_disk());
        assert_eq!((numbers(&state), state.position(MEMORY)), ([Some(2), Some(1)], Some(position(1))));
    }
}

#[test]
fn setting_aside_empties_both() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        commit(&mut state, 1);
        state.set_aside("test").unwrap();
        assert_eq!((numbers(&state), state.position(MEMORY)), ([None, None], None));
        commit(&mut state, 2);
        assert_eq!(numbers(&state), [Some(2), Some(2)]);
        assert_eq!(state.committed().view(seen).unwrap(), [Some(2), Some(2)]);
    }
}

#[test]
fn readers_never_see_half_of_a_commit() {
    const LAST: u8 = 200;
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        commit(&mut state, 1);
        let committed = state.committed();
        let reader = std::thread::spawn(move || {
            let mut views = 0;
            loop {
                let [disk, memory] = committed.view(seen).unwrap();
                assert_eq!(disk, memory);
                views += 1;
                if disk == Some(LAST) {
                    return views;
                }
                std::thread::yield_now();
            }
        });
        (2..=LAST).for_each(|number| commit(&mut state, number));
        assert!(reader.join().unwrap() > 0);
    }
}
