//! Opening, dying, damage and refusal.

use std::fs;
use std::ops::{Bound, ControlFlow};
use std::path::Path;

use headwater_state::{
    ByteDatabase, ChangelogPosition, Direction, Disk, FamilySpec, Journal, KeyValueHandle, MemoryBudget, Opened, StateDirectory,
    StateError, StoreSpec, TaskState, Window, Written,
};
use tempfile::TempDir;

use crate::engine::{Engine, TASK};

fn specs() -> Vec<StoreSpec> {
    vec![StoreSpec::key_value("left"), StoreSpec::key_value("right"), StoreSpec::window("windows", 100, 10)]
}

fn position(next_offset: i64) -> ChangelogPosition {
    ChangelogPosition { next_offset, topic_id: [3; 16], written_at_ms: 5 }
}

fn value(store: &KeyValueHandle, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key, |found| found.map(|(_, value)| value.to_vec())).unwrap()
}

fn commit(state: &mut TaskState, number: u64) {
    for store in ["left", "right", "windows"] {
        state.drain_changelog(store, &mut |_| {}).unwrap();
    }
    state.commit(&[("left", position(number as i64))], number).unwrap();
}

fn reopen(disk: &Disk) -> Result<TaskState, StateError> {
    TaskState::open(disk, TASK, 1, specs(), Journal::Off)
}

#[test]
fn death_loses_exactly_what_was_not_committed() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        assert!(matches!(state.opened(), Opened::New));
        state.key_value("left").unwrap().put(b"a", b"1", 1);
        state.key_value("right").unwrap().put(b"a", b"2", 1);
        assert!(state.overlay_bytes() > 0);
        commit(&mut state, 7);
        assert_eq!(state.overlay_bytes(), 0);
        state.key_value("left").unwrap().put(b"a", b"lost", 2);
        state.key_value("right").unwrap().delete(b"a", 2);
        drop(state);
        let state = engine.open(&specs());
        assert!(matches!(state.opened(), Opened::Found { plan_hash: 1 }));
        assert_eq!(value(&state.key_value("left").unwrap(), b"a"), Some(b"1".to_vec()));
        assert_eq!(value(&state.key_value("right").unwrap(), b"a"), Some(b"2".to_vec()));
        assert_eq!((state.commit_number(), state.position("left"), state.position("right")), (7, Some(position(7)), None));
    }
}

#[test]
fn a_copy_of_the_live_directory_is_what_a_kill_leaves() {
    let root = TempDir::new().unwrap();
    let directory = StateDirectory::open(root.path(), "app", MemoryBudget::of_bytes(64 << 20)).unwrap();
    let mut state = reopen(&Disk::Directory(directory.clone())).unwrap();
    for number in 1..=100_u64 {
        state.key_value("left").unwrap().put(b"count", &number.to_be_bytes(), 0);
        state.key_value("right").unwrap().put(&number.to_be_bytes(), b"", 0);
        commit(&mut state, number);
    }
    state.key_value("left").unwrap().put(b"count", b"not committed", 0);
    // Nothing is flushed, closed or synced before the copy: that is what SIGKILL leaves in the file system.
    let copy = TempDir::new().unwrap();
    copy_files(&directory.path().join(TASK), &copy.path().join("app").join(TASK));
    let copied = StateDirectory::open(copy.path(), "app", MemoryBudget::of_bytes(64 << 20)).unwrap();
    let state = reopen(&Disk::Directory(copied)).unwrap();
    assert_eq!(state.commit_number(), 100);
    assert_eq!(value(&state.key_value("left").unwrap(), b"count"), Some(100_u64.to_be_bytes().to_vec()));
    assert_eq!(value(&state.key_value("right").unwrap(), &100_u64.to_be_bytes()), Some(Vec::new()));
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let root = TempDir::new().unwrap();
    let budget = MemoryBudget::of_bytes(64 << 20);
    let held = StateDirectory::open(root.path(), "app", budget.clone()).unwrap();
    let Err(StateError::InUse { owner, path }) = StateDirectory::open(root.path(), "app", budget.clone()) else { panic!("two owners") };
    assert_eq!((owner, path), (Some(std::process::id()), root.path().join("app")));
    assert!(StateDirectory::open(root.path(), "other", budget.clone()).is_ok());
    drop(held);
    assert!(StateDirectory::open(root.path(), "app", budget).is_ok());
}

#[test]
fn a_task_has_one_owner() {
    for engine in Engine::each() {
        let state = engine.open(&specs());
        assert!(matches!(reopen(&engine.disk), Err(StateError::InUse { .. })));
        drop(state);
        assert!(reopen(&engine.disk).is_ok());
    }
}

#[test]
fn damage_is_set_aside_and_told() {
    let memory = Engine::memory();
    let rocks = Engine::rocks();
    let damage_memory = |engine: &Engine| {
        let Disk::Memory(disk) = &engine.disk else { unreachable!() };
        disk.damage(TASK);
    };
    let damage_rocks = |engine: &Engine| {
        let Disk::Directory(directory) = &engine.disk else { unreachable!() };
        fs::write(directory.path().join(TASK).join("CURRENT"), "garbage").unwrap();
    };
    let cases: [(Engine, &dyn Fn(&Engine)); 2] = [(memory, &damage_memory), (rocks, &damage_rocks)];
    for (engine, damage) in cases {
        let mut state = engine.open(&specs());
        state.key_value("left").unwrap().put(b"a", b"1", 1);
        commit(&mut state, 1);
        drop(state);
        damage(&engine);
        let state = engine.open(&specs());
        let Opened::SetAside { to, reason: StateError::Damaged { .. } } = state.opened() else { panic!("{:?}", state.opened()) };
        assert!(to.to_string_lossy().ends_with("0_0.aside-1"));
        assert_eq!((state.position("left"), value(&state.key_value("left").unwrap(), b"a")), (None, None));
        drop(state);
        assert!(matches!(engine.open(&specs()).opened(), Opened::Found { .. }), "what took its place is sound");
    }
}

#[test]
fn each_lost_or_garbled_file_is_damage_or_harmless() {
    let engine = Engine::rocks();
    let Disk::Directory(directory) = &engine.disk else { unreachable!() };
    let task = directory.path().join(TASK);
    let mut state = engine.open(&specs());
    for number in 1..=10_u64 {
        state.key_value("left").unwrap().put(b"count", &number.to_be_bytes(), 0);
        commit(&mut state, number);
    }
    drop(state);
    // Reopening turns the log into table files, so that there is one of each kind.
    drop(engine.open(&specs()));
    let sound = TempDir::new().unwrap();
    copy_files(&task, sound.path());
    for name in fs::read_dir(sound.path()).unwrap().map(|entry| entry.unwrap().file_name()) {
        for garble in [true, false] {
            fs::remove_dir_all(&task).unwrap();
            copy_files(sound.path(), &task);
            let file = task.join(&name);
            if garble {
                fs::write(&file, [0x5a; 10]).unwrap()
            } else {
                fs::remove_file(&file).unwrap()
            }
            let state = engine.open(&specs());
            // Either all is there, or nothing and no position either: never a part.
            let count = value(&state.key_value("left").unwrap(), b"count");
            match state.position("left") {
                Some(found) => {
                    assert_eq!((found, count), (position(10), Some(10_u64.to_be_bytes().to_vec())), "{name:?}, garbled: {garble}")
                }
                None => assert_eq!(count, None, "{name:?}, garbled: {garble}"),
            }
        }
    }
}

#[test]
fn handles_survive_setting_aside() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        let (store, reader) = (state.key_value("left").unwrap(), state.committed());
        store.put(b"a", b"1", 1);
        commit(&mut state, 1);
        store.put(b"b", b"1", 1);
        state.set_aside("the changelog was made again").unwrap();
        assert_eq!((value(&store, b"a"), value(&store, b"b"), state.position("left"), state.commit_number()), (None, None, None, 0));
        store.put(b"c", b"2", 1);
        commit(&mut state, 2);
        let seen = reader.view(|view| view.key_value("left").unwrap().get(b"c", |found| found.is_some()).unwrap());
        assert!(seen.unwrap());
        drop((state, store));
        assert_eq!(engine.open(&specs()).commit_number(), 2);
    }
}

#[test]
fn a_reader_learns_that_the_task_has_left() {
    for engine in Engine::each() {
        let state = engine.open(&specs());
        let reader = state.committed();
        assert!(reader.view(|view| view.key_value("none").is_none() && view.window("left").is_none()).unwrap());
        drop(state);
        assert!(matches!(reader.view(|_| ()), Err(StateError::Closed)));
        assert!(reopen(&engine.disk).is_ok(), "a reader does not keep the database open");
    }
}

#[test]
fn committed_state_is_read_from_other_threads() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        state.key_value("left").unwrap().put(b"a", b"1", 1);
        commit(&mut state, 1);
        state.key_value("left").unwrap().put(b"a", b"2", 2);
        let reader = state.committed();
        let read = move || reader.view(|view| view.key_value("left").unwrap().get(b"a", |found| found.map(|(_, value)| value.to_vec())));
        assert_eq!(std::thread::spawn(read).join().unwrap().unwrap().unwrap(), Some(b"1".to_vec()));
    }
}

#[test]
fn expired_windows_leave_the_disk() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        let store = state.window("windows").unwrap();
        for start in (-50..500).step_by(5) {
            assert_eq!(store.put(b"a", Window::at(start), b"v", start), Written::Kept);
        }
        commit(&mut state, 1);
        store.observe(450);
        assert_eq!(store.put(b"b", Window::at(349), b"v", 349), Written::Expired);
        assert_eq!(store.put(b"b", Window::at(350), b"v", 350), Written::Kept);
        commit(&mut state, 2);
        drop((state, store));
        // The retention is 100 ms and a segment 10 ms, so what starts from 350 on stays: 30 windows of one key and one of another.
        assert_eq!(keys_on_disk(&engine.disk, "store.windows"), 31);
    }
}

fn keys_on_disk(disk: &Disk, family: &str) -> usize {
    let families = [FamilySpec::points(family)];
    let database = match disk {
        Disk::Memory(disk) => ByteDatabase::open_in_memory(disk, TASK, &families),
        Disk::Directory(directory) => ByteDatabase::open(&directory.path().join(TASK), &families, &MemoryBudget::of_bytes(64 << 20)),
    };
    let (database, mut count) = (database.unwrap(), 0);
    let visit = &mut |_: &[u8], _: &[u8]| {
        count += 1;
        ControlFlow::Continue(())
    };
    database.scan(database.family(family).unwrap(), Bound::Unbounded, Bound::Unbounded, Direction::Forward, visit).unwrap();
    count
}

#[test]
#[should_panic(expected = "neither drained nor committed")]
fn a_record_that_was_drained_cannot_be_undone() {
    let mut state = Engine::memory().open(&specs());
    state.begin_record();
    state.key_value("left").unwrap().put(b"a", b"1", 1);
    state.drain_changelog("left", &mut |_| {}).unwrap();
    state.undo_record();
}

#[test]
fn another_kind_of_store_under_the_same_name_is_refused() {
    for engine in Engine::each() {
        drop(engine.open(&[StoreSpec::key_value("store")]));
        let changed = TaskState::open(&engine.disk, TASK, 2, vec![StoreSpec::window("store", 100, 10)], Journal::Off);
        assert!(matches!(changed, Err(StateError::LayoutChanged { .. })));
    }
}

#[test]
fn another_segment_length_still_finds_what_is_there() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        let _ = state.window("windows").unwrap().put(b"a", Window::at(35), b"1", 35);
        commit(&mut state, 1);
        drop(state);
        let state = engine.open(&[StoreSpec::window("windows", 1_000, 500)]);
        let found = state.window("windows").unwrap().get(b"a", Window::at(35), |found| found.is_some()).unwrap();
        assert!(found);
    }
}

#[test]
fn a_store_that_left_the_plan_is_there_when_it_comes_back() {
    for engine in Engine::each() {
        let mut state = engine.open(&specs());
        state.key_value("left").unwrap().put(b"a", b"1", 1);
        commit(&mut state, 1);
        drop(state);
        drop(engine.open(&[StoreSpec::key_value("right")]));
        let state = engine.open(&specs());
        assert_eq!((value(&state.key_value("left").unwrap(), b"a"), state.position("left")), (Some(b"1".to_vec()), Some(position(1))));
    }
}

#[test]
#[should_panic(expected = "updates are drained to the changelog before the commit")]
fn a_commit_that_forgets_the_changelog_is_a_bug() {
    let mut state = Engine::memory().open(&specs());
    state.key_value("left").unwrap().put(b"a", b"1", 1);
    let _ = state.commit(&[], 1);
}
