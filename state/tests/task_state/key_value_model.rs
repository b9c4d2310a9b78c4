//! A key-value store does what an ordered map would do, through undo, abort, commit and restart.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use headwater_state::{ChangelogPosition, ChangelogRecord, Direction, KeyValueHandle, Logging, StoreSpec, TaskState, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::engine::Engine;

const STORE: &str = "store";

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    BeginRecord,
    UndoRecord,
    Scan(Bound<Vec<u8>>, Bound<Vec<u8>>, Direction, usize),
    Drain,
    Abort,
    Commit,
    Restart,
}

type Contents = BTreeMap<Vec<u8>, (Timestamp, Vec<u8>)>;
type Update = (Vec<u8>, Option<Vec<u8>>, Timestamp);

/// What a plain map would know.
#[derive(Clone, Default)]
struct Model {
    committed: Contents,
    now: Contents,
    updates: Vec<Update>,
    before_record: Option<(Contents, Vec<Update>)>,
}

impl Model {
    fn write(&mut self, key: &[u8], value: Option<&[u8]>, timestamp: Timestamp) {
        match value {
            Some(value) => self.now.insert(key.to_vec(), (timestamp, value.to_vec())),
            None => self.now.remove(key),
        };
        self.updates.push((key.to_vec(), value.map(<[u8]>::to_vec), timestamp));
    }

    fn drain(&mut self, logging: Logging) -> Vec<Update> {
        self.before_record = None;
        let updates = std::mem::take(&mut self.updates);
        match logging {
            Logging::Off => Vec::new(),
            Logging::EachUpdate => updates,
            Logging::LastPerKey => {
                let is_last = |position: usize| updates[position + 1..].iter().all(|later| later.0 != updates[position].0);
                (0..updates.len()).filter(|&position| is_last(position)).map(|position| updates[position].clone()).collect()
            }
        }
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few letters and short keys, so that keys meet again and are prefixes of each other.
    vec(prop_oneof![Just(0_u8), Just(b'a'), Just(0xff)], 0..4)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)]
}

fn step() -> impl Strategy<Value = Step> {
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        12 => (key(), vec(any::<u8>(), 0..40)).prop_map(|(key, value)| Step::Put(key, value)),
        4 => key().prop_map(Step::Delete),
        6 => Just(Step::BeginRecord),
        3 => Just(Step::UndoRecord),
        4 => (bound(), bound(), direction, 1..50_usize).prop_map(|(from, to, direction, most)| Step::Scan(from, to, direction, most)),
        2 => Just(Step::Drain),
        1 => Just(Step::Abort),
        2 => Just(Step::Commit),
        1 => Just(Step::Restart),
    ]
}

fn position(next_offset: i64) -> ChangelogPosition {
    ChangelogPosition { next_offset, topic_id: [7; 16], written_at_ms: 9 }
}

fn scan(
    store: &KeyValueHandle, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, most: usize,
) -> Vec<(Vec<u8>, (Timestamp, Vec<u8>))> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], timestamp, value: &[u8]| {
        found.push((key.to_vec(), (timestamp, value.to_vec())));
        if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.scan(from, to, direction, visit).unwrap();
    found
}

fn expected_scan(
    now: &Contents, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction, most: usize,
) -> Vec<(Vec<u8>, (Timestamp, Vec<u8>))> {
    let above = |key: &[u8]| match from {
        Bound::Unbounded => true,
        Bound::Included(from) => key >= from,
        Bound::Excluded(from) => key > from,
    };
    let below = |key: &[u8]| match to {
        Bound::Unbounded => true,
        Bound::Included(to) => key <= to,
        Bound::Excluded(to) => key < to,
    };
    let mut all: Vec<_> = now.iter().filter(|(key, _)| above(key) && below(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    if direction == Direction::Backward {
        all.reverse();
    }
    all.truncate(most);
    all
}

fn drained(state: &mut TaskState) -> Vec<Update> {
    let mut updates = Vec::new();
    let sink = &mut |record: ChangelogRecord<'_>| updates.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec), record.timestamp));
    state.drain_changelog(STORE, sink).unwrap();
    updates
}

fn check(engine: &Engine, logging: Logging, steps: &[Step]) {
    let specs = [StoreSpec::key_value(STORE).with_logging(logging), StoreSpec::key_value("another")];
    let (mut state, mut model, mut commits) = (engine.open(&specs), Model::default(), 0);
    for (timestamp, step) in (1..).zip(steps) {
        let store = state.key_value(STORE).unwrap();
        match step {
            Step::Put(key, value) => {
                store.put(key, value, timestamp);
                model.write(key, Some(value), timestamp);
            }
            Step::Delete(key) => {
                store.delete(key, timestamp);
                model.write(key, None, timestamp);
            }
            Step::BeginRecord => {
                state.begin_record();
                model.before_record = Some((model.now.clone(), model.updates.clone()));
            }
            Step::UndoRecord => {
                // Only what was begun can be undone, and only once.
                if let Some((now, updates)) = model.before_record.take() {
                    state.undo_record();
                    (model.now, model.updates) = (now, updates);
                    state.begin_record();
                }
            }
            Step::Scan(from, to, direction, most) => {
                let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
                assert_eq!(scan(&store, from, to, *direction, *most), expected_scan(&model.now, from, to, *direction, *most));
            }
            Step::Drain => assert_eq!(drained(&mut state), model.drain(logging)),
            Step::Abort => {
                state.abort();
                model = Model { committed: model.committed.clone(), now: model.committed, ..Model::default() };
            }
            Step::Commit => {
                assert_eq!(drained(&mut state), model.drain(logging));
                commits += 1;
                state.commit(&[(STORE, position(commits))], commits as u64).unwrap();
                model.committed = model.now.clone();
            }
            Step::Restart => {
                drop((store, state));
                state = engine.open(&specs);
                model = Model { committed: model.committed.clone(), now: model.committed, ..Model::default() };
                assert_eq!(state.commit_number(), commits as u64);
                assert_eq!(state.position(STORE), (commits > 0).then(|| position(commits)));
            }
        }
    }
    let store = state.key_value(STORE).unwrap();
    let all = scan(&store, Bound::Unbounded, Bound::Unbounded, Direction::Forward, usize::MAX);
    assert_eq!(all, model.now.clone().into_iter().collect::<Vec<_>>());
    for step in steps {
        if let Step::Put(key, _) | Step::Delete(key) = step {
            let found = store.get(key, |found| found.map(|(timestamp, value)| (timestamp, value.to_vec()))).unwrap();
            assert_eq!(found.as_ref(), model.now.get(key));
        }
    }
    let committed = state.committed();
    let seen = committed.view(|view| {
        let mut seen = Contents::new();
        let visit = &mut |key: &[u8], timestamp, value: &[u8]| {
            seen.insert(key.to_vec(), (timestamp, value.to_vec()));
            ControlFlow::Continue(())
        };
        view.key_value(STORE).unwrap().scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, visit).unwrap();
        seen
    });
    assert_eq!(seen.unwrap(), model.committed);
}

fn logging() -> impl Strategy<Value = Logging> {
    prop_oneof![Just(Logging::Off), Just(Logging::LastPerKey), Just(Logging::EachUpdate)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn a_store_in_memory_is_a_map(logging in logging(), steps in vec(step(), 0..120)) {
        check(&Engine::memory(), logging, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_store_on_rocksdb_is_a_map(logging in logging(), steps in vec(step(), 0..200)) {
        check(&Engine::rocks(), logging, &steps);
    }
}
