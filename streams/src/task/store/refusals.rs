//! Writes that stores refuse, because they are older than what they keep.

use std::cell::Cell;
use std::rc::Rc;

/// One count for all stores of a task. Kafka has them in `dropped-records-total`.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Rc<Cell<u64>>);

impl Refusals {
    #[cold]
    pub(super) fn count(&self) {
        self.0.set(self.0.get() + 1);
    }

    /// How many there were since they were last taken.
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }

    /// The same, and begins anew.
    pub(crate) fn take(&self) -> u64 {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use super::super::backing::{Backing, RowBytes};
    use super::super::spans::{KeyEnd, SpanBytes};
    use super::Refusals;
    use crate::record::Timestamp;
    use crate::runtime::TimeRule;
    use headwater_state::{Disk, Journal, MemoryDisk, Session, StoreSpec, TaskState, Window};

    /// What Kafka Streams 4.3.0 counts: whatever a window store or a versioned store refuses, and sessions, but not their removal.
    #[test]
    fn a_store_counts_what_it_refuses() {
        let specs =
            vec![StoreSpec::window("w", 60_000, 60_000), StoreSpec::session("s", 60_000, 60_000), StoreSpec::versioned("v", 1_000, 1_000)];
        let state = TaskState::open(&Disk::Memory(MemoryDisk::new()), "0_0", 1, specs, Journal::On).unwrap();
        let refusals = Refusals::default();
        let windows = SpanBytes::new(state.window("w").unwrap(), TimeRule::Kafka, Default::default(), refusals.clone());
        let sessions = SpanBytes::new(state.session("s").unwrap(), TimeRule::Kafka, Default::default(), refusals.clone());
        let versions = RowBytes::Versions(state.versioned("v").unwrap(), Default::default(), refusals.clone());
        let put = |value: Option<&[u8]>, time: Timestamp| {
            let (mut window, mut session) = (b"k".to_vec(), b"k".to_vec());
            Window::at(time).extend(&mut window);
            Session::within(time, time).extend(&mut session);
            windows.put(&window, value, time).unwrap();
            sessions.put(&session, value, time).unwrap();
            versions.put(b"k", value, time).unwrap();
            refusals.take()
        };
        assert_eq!(put(Some(b"x"), 1_000_000), 0);
        assert_eq!(put(Some(b"x"), 5), 3);
        assert_eq!(put(None, 5), 2);
    }
}
