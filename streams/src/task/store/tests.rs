//! A cached store against a map: whatever is written, undone, saved, flushed and let go, both say the same.

use super::backing::RowBytes;
use super::rows::{KeyValueRows, Rows, Written};
use crate::operator::Outlet;
use crate::record::{Change, Headers, Record};
use crate::runtime::{Late, OnFailure, Policies, Recovery, TimeRule};
use crate::task::{Context, Front, Rules};
use headwater_state::{Disk, Journal, MemoryDisk, StoreSpec, TaskState};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Step {
    /// Adds to the value of a key; a multiple of five deletes.
    Write(u8, u64),
    /// Makes the byte store ready for a scan, within the record.
    Save,
    EndRecord,
    UndoRecord,
    Flush,
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u8..6, 1_u64..10).prop_map(|(key, n)| Step::Write(key, n)),
        1 => Just(Step::Save),
        4 => Just(Step::EndRecord),
        2 => Just(Step::UndoRecord),
        1 => Just(Step::Flush),
        1 => Just(Step::Commit),
    ]
}

type Told = Rc<RefCell<Vec<(u8, Change<u64>)>>>;

/// A store in a task, what it has told downstream, and what a map would say.
struct Bench {
    rows: Rc<KeyValueRows<u8, u64>>,
    task: Context,
    told: Told,
    next: Outlet<u8, Change<u64>>,
    model: BTreeMap<u8, u64>,
    /// The model when the record at hand began.
    before: BTreeMap<u8, u64>,
    /// What downstream knows.
    downstream: BTreeMap<u8, u64>,
    commits: u64,
}

impl Bench {
    fn new(cache_bytes: usize) -> Self {
        let disk = Disk::Memory(MemoryDisk::new());
        let state = TaskState::open(&disk, "0_0", 1, vec![StoreSpec::key_value("s")], Journal::On).unwrap();
        let state = Rc::new(RefCell::new(state));
        let rules = Rules { time: TimeRule::Kafka, failures: Policies::all(OnFailure::Fail), recovery: Recovery::Undo, late: Late::Drop };
        let mut task = Context::new(rules, state.clone());
        let bytes = RowBytes::Last(state.borrow().key_value("s").unwrap());
        let rows = Rc::new(Rows::new("s", bytes, cache_bytes, true));
        rows.forward_changes(true);
        task.fronts.push(rows.clone());
        let told = Told::default();
        let listener = told.clone();
        let listen = move |record: Record<u8, Change<u64>>, _: &mut Context| {
            listener.borrow_mut().push((record.key, record.value));
            Ok(())
        };
        let next = Outlet::new(vec![Box::new(listen) as Box<dyn crate::operator::Operator<_, _>>]);
        let empty = BTreeMap::new;
        Bench { rows, task, told, next, model: empty(), before: empty(), downstream: empty(), commits: 0 }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Write(key, n) => self.write(key, n),
            Step::Save => self.rows.save().unwrap(),
            Step::EndRecord => self.begin(),
            Step::UndoRecord => {
                self.task.undo_record();
                self.model = self.before.clone();
                self.begin();
            }
            Step::Flush => self.flush(),
            Step::Commit => self.commit(),
        }
        let row = |key: u8| self.rows.get(&[key], || key).unwrap().map(|(value, _)| value);
        (0..6).for_each(|key| assert_eq!(row(key), self.model.get(&key).copied(), "key {key} after {step:?}"));
    }

    fn begin(&mut self) {
        self.task.begin_record();
        self.before = self.model.clone();
    }

    fn write(&mut self, key: u8, n: u64) {
        let add = |held: Option<u64>| Some(held.unwrap_or(0) + n).filter(|sum| sum % 5 != 0);
        let written = self.rows.update(&[key], || key, &Headers::EMPTY, |_, held, _| (add(held), 0)).unwrap();
        assert!(matches!(written, Written::Held));
        match add(self.model.get(&key).copied()) {
            Some(sum) => drop(self.model.insert(key, sum)),
            None => drop(self.model.remove(&key)),
        }
    }

    /// Each change begins where the one before has ended, and after a flush downstream knows what the model knows.
    fn flush(&mut self) {
        self.rows.flush(&mut self.next, &mut self.task).unwrap();
        for (key, change) in self.told.borrow_mut().drain(..) {
            assert_eq!(change.old, self.downstream.get(&key).copied(), "key {key}");
            match change.new {
                Some(value) => drop(self.downstream.insert(key, value)),
                None => drop(self.downstream.remove(&key)),
            }
        }
        assert_eq!(self.downstream, self.model);
        self.begin();
    }

    fn commit(&mut self) {
        self.flush();
        self.rows.write_back().unwrap();
        self.commits += 1;
        let mut state = self.task.state.borrow_mut();
        state.drain_changelog("s", &mut |_| ()).unwrap();
        state.commit(&[], self.commits).unwrap();
        drop(state);
        self.begin();
    }
}

proptest! {
    #[test]
    fn a_cached_store_is_a_map(steps in prop::collection::vec(step(), 0..200), cache_bytes in prop_oneof![Just(1_usize), Just(1 << 20)]) {
        let mut bench = Bench::new(cache_bytes);
        bench.begin();
        steps.iter().for_each(|step| bench.take(step));
        bench.commit();
        prop_assert_eq!(&bench.downstream, &bench.model);
    }
}
