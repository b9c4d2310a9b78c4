//! A versioned store does what a list of validities would do, gone through from end to end.

use headwater_state::{ChangelogPosition, RestoreRecord, StoreSpec, TaskState, Timestamp, VersionPut};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::engine::{Engine, cases};

const STORE: &str = "versions";
const HISTORY_MS: i64 = 50;
const SEGMENT_MS: i64 = 15;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Option<u8>, Timestamp),
    AsOf(u8, Timestamp),
    BeginRecord,
    UndoRecord,
    Abort,
    Commit,
    Restart,
    /// The disk is lost: everything comes back from the changelog.
    Wipe,
}

/// From when, to when (none: still), and what; no value: a deletion.
type Validity = (Timestamp, Option<Timestamp>, Option<u8>);

#[derive(Clone, Debug, Default)]
struct Moment {
    keys: [Vec<Validity>; 3],
    observed: Option<Timestamp>,
    logged: Vec<(u8, Option<u8>, Timestamp)>,
}

impl Moment {
    fn history_from(&self) -> Timestamp {
        self.observed.map_or(Timestamp::MIN, |time| time - HISTORY_MS)
    }

    fn put(&mut self, key: u8, value: Option<u8>, time: Timestamp) -> VersionPut {
        self.observed = self.observed.max(Some(time));
        if time < self.history_from() {
            return VersionPut::Expired;
        }
        self.logged.push((key, value, time));
        let validities = &mut self.keys[usize::from(key)];
        let latest = validities.iter().position(|(from, to, _)| to.is_none() && *from <= time);
        if let Some(latest) = latest {
            let (from, _, held) = validities.remove(latest);
            if from < time {
                validities.push((from, Some(time), held));
            }
            // A deletion leaves no trace of its own here: what was valid before it has ended.
            validities.extend(value.map(|value| (time, None, Some(value))));
            return VersionPut::Latest;
        }
        if let Some(within) = validities.iter().position(|(from, to, _)| *from <= time && to.is_some_and(|to| to > time)) {
            let (from, to, held) = validities.remove(within);
            validities.extend((from < time).then_some((from, Some(time), held)));
            validities.push((time, to, value));
            return VersionPut::Earlier;
        }
        if let Some(next) = validities.iter().map(|(from, ..)| *from).filter(|from| *from > time).min() {
            validities.push((time, Some(next), value));
            return VersionPut::Earlier;
        }
        validities.push((time, if value.is_some() { None } else { Some(time) }, value));
        VersionPut::Latest
    }

    fn as_of(&self, key: u8, time: Timestamp) -> Option<(Timestamp, Option<Timestamp>, u8)> {
        let known = |(from, to, _): &&Validity| *from <= time && to.is_none_or(|to| to > time && time >= self.history_from());
        let &(from, to, value) = self.keys[usize::from(key)].iter().find(known)?;
        Some((from, to, value?))
    }
}

fn step() -> impl Strategy<Value = Step> {
    // Few times, so that they meet; some far ahead, so that history ends.
    let time = || prop_oneof![4 => 0_i64..40, 2 => 0_i64..150, 1 => 0_i64..400];
    prop_oneof![
        12 => (0_u8..3, proptest::option::weighted(0.7, any::<u8>()), time()).prop_map(|(key, value, time)| Step::Put(key, value, time)),
        8 => (0_u8..3, time()).prop_map(|(key, time)| Step::AsOf(key, time)),
        1 => Just(Step::BeginRecord),
        1 => Just(Step::UndoRecord),
        1 => Just(Step::Abort),
        2 => Just(Step::Commit),
        1 => Just(Step::Restart),
        1 => Just(Step::Wipe),
    ]
}

fn position(next_offset: usize) -> ChangelogPosition {
    ChangelogPosition { next_offset: next_offset as i64, topic_id: [7; 16], written_at_ms: 0 }
}

fn commit(state: &mut TaskState, changelog: &mut Vec<(Vec<u8>, Option<Vec<u8>>, Timestamp)>) {
    let drained = &mut |record: headwater_state::ChangelogRecord<'_>| {
        changelog.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec), record.timestamp));
    };
    state.drain_changelog(STORE, drained).unwrap();
    state.commit(&[(STORE, position(changelog.len()))], 1).unwrap();
}

fn check_reads(state: &TaskState, now: &Moment, key: u8, time: Timestamp) {
    let store = state.versioned(STORE).unwrap();
    let found = store.get_as_of(&[key], time).unwrap().map(|found| (found.valid_from, found.valid_to, found.value[0]));
    assert_eq!(found, now.as_of(key, time), "{key} as of {time} in {now:?}");
    let latest = store.get(&[key], |found| found.map(|(from, value)| (from, value[0]))).unwrap();
    let expected = now.keys[usize::from(key)].iter().find(|(_, to, _)| to.is_none());
    assert_eq!(latest, expected.map(|(from, _, value)| (*from, value.unwrap())));
}

fn check(engine: impl Fn() -> Engine, steps: &[Step]) {
    let specs = [StoreSpec::versioned(STORE, HISTORY_MS, SEGMENT_MS)];
    let mut disk = engine();
    let (mut state, mut changelog) = (disk.open(&specs), Vec::new());
    let (mut now, mut committed, mut before) = (Moment::default(), Moment::default(), None);
    for step in steps {
        match step {
            Step::Put(key, value, time) => {
                let store = state.versioned(STORE).unwrap();
                store.observe(*time);
                let bytes = value.map(|value| vec![value]);
                assert_eq!(store.put(&[*key], bytes.as_deref(), *time).unwrap(), now.put(*key, *value, *time), "{step:?}");
                check_reads(&state, &now, *key, *time);
            }
            Step::AsOf(key, time) => check_reads(&state, &now, *key, *time),
            Step::BeginRecord => {
                state.begin_record();
                before = Some(now.clone());
            }
            Step::UndoRecord => {
                if let Some(before) = before.take() {
                    state.undo_record();
                    now = before;
                }
            }
            Step::Abort => {
                state.abort();
                (now, before) = (committed.clone(), None);
            }
            Step::Commit => {
                commit(&mut state, &mut changelog);
                assert_eq!(changelog.len(), now.logged.len(), "each version that was kept is told once");
                (committed, before) = (now.clone(), None);
                let shown =
                    state.committed().view(|view| view.versioned(STORE).unwrap().get_as_of(&[0], 20).unwrap().map(|found| found.value[0]));
                assert_eq!(shown.unwrap(), now.as_of(0, 20).map(|(.., value)| value));
            }
            Step::Restart | Step::Wipe => {
                drop(state);
                if matches!(step, Step::Wipe) {
                    disk = engine();
                }
                state = disk.open(&specs);
                if matches!(step, Step::Wipe) {
                    restore(&mut state, &changelog);
                }
                (now, before) = (committed.clone(), None);
                // The time stands with the positions of the task.
                now.observed.iter().for_each(|time| state.versioned(STORE).unwrap().set_observed_time(*time));
            }
        }
    }
    for (key, time) in (0..3).flat_map(|key| (0..160).step_by(7).map(move |time| (key, time))) {
        check_reads(&state, &now, key, time);
    }
}

/// In two batches, as they may come.
fn restore(state: &mut TaskState, changelog: &[(Vec<u8>, Option<Vec<u8>>, Timestamp)]) {
    let half = changelog.len() / 2;
    for (first, batch) in [(0, &changelog[..half]), (half, &changelog[half..])] {
        let record = |(i, (key, value, timestamp)): (usize, &'_ (Vec<u8>, Option<Vec<u8>>, Timestamp))| {
            (key.clone(), value.clone(), *timestamp, (first + i) as i64)
        };
        let owned: Vec<_> = batch.iter().enumerate().map(record).collect();
        let mut records = owned.iter().map(|(key, value, timestamp, offset)| RestoreRecord {
            key,
            value: value.as_deref(),
            timestamp: *timestamp,
            offset: *offset,
        });
        state.restore(STORE, &mut records, position(first + batch.len())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(10_000)))]
    #[test]
    fn a_versioned_store_in_memory_is_a_list(steps in vec(step(), 0..60)) {
        check(Engine::memory, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]
    #[test]
    fn a_versioned_store_on_rocksdb_is_a_list(steps in vec(step(), 0..60)) {
        check(Engine::rocks, &steps);
    }
}
