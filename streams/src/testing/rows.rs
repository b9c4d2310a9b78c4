//! What the stores hold.

use super::{Given, TestDriver};
use crate::dsl::{SessionStore, Store, WindowStore};
use crate::format::{Format, Nullable, Row};
use crate::record::{Timestamp, Windowed};
use headwater_state::{Direction, TaskState};
use std::cell::Ref;
use std::ops::{Bound, ControlFlow};

impl TestDriver {
    /// The row of a store.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn row<K: Row, V: Nullable>(&self, store: Store<K, V>, key: impl Given<K>) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let state = self.state_with(|state| state.key_value(store.name()).is_some());
        let handle = state.key_value(store.name()).expect("it was just found");
        let read =
            |found: Option<(Timestamp, &[u8])>| found.map(|(_, value)| V::Format::default().decode(value).expect("a row can be read"));
        handle.get(&bytes, read).expect("memory can be read")
    }

    /// The row of a window.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn window_row<K: Row, V: Nullable>(&self, store: WindowStore<K, V>, key: impl Given<K>, start: Timestamp) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let state = self.state_with(|state| state.window(store.name()).is_some());
        let handle = state.window(store.name()).expect("it was just found");
        let read =
            |found: Option<(Timestamp, &[u8])>| found.map(|(_, value)| V::Format::default().decode(value).expect("a row can be read"));
        handle.get(&bytes, start, read).expect("memory can be read")
    }

    /// All rows of a store with their times, in the order of their keys' bytes, those that wait in a cache included.
    ///
    /// # Panics
    /// Where no such store exists or a row cannot be read.
    pub fn rows<K: Row, V: Nullable>(&self, store: Store<K, V>) -> Vec<(K, V::Present, Timestamp)> {
        let (keys, values, mut rows) = (K::Format::default(), V::Format::default(), Vec::new());
        let state = self.state_with(|state| state.key_value(store.name()).is_some());
        let handle = state.key_value(store.name()).expect("it was just found");
        let mut visit = |key: &[u8], timestamp, value: &[u8]| {
            let key = keys.decode(key).expect("a key can be read");
            rows.push((key, values.decode(value).expect("a row can be read"), timestamp));
            ControlFlow::Continue(())
        };
        handle.scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut visit).expect("memory can be read");
        rows
    }

    /// All rows of a window store that it still shows, with the start of their windows and their times, those that wait in a cache included.
    ///
    /// # Panics
    /// Where no such store exists or a row cannot be read.
    pub fn window_rows<K: Row, V: Nullable>(&self, store: WindowStore<K, V>) -> Vec<(K, Timestamp, V::Present, Timestamp)> {
        let (keys, values, mut rows) = (K::Format::default(), V::Format::default(), Vec::new());
        let state = self.state_with(|state| state.window(store.name()).is_some());
        let handle = state.window(store.name()).expect("it was just found");
        let mut visit = |key: &[u8], start, timestamp, value: &[u8]| {
            let key = keys.decode(key).expect("a key can be read");
            rows.push((key, start, values.decode(value).expect("a row can be read"), timestamp));
            ControlFlow::Continue(())
        };
        handle.fetch_all(Timestamp::MIN..=Timestamp::MAX, Direction::Forward, &mut visit).expect("memory can be read");
        rows
    }

    /// All rows of a session store that it still shows, by their sessions, those that wait in a cache included.
    ///
    /// # Panics
    /// Where no such store exists or a row cannot be read.
    pub fn session_rows<K: Row, V: Nullable>(&self, store: SessionStore<K, V>) -> Vec<(Windowed<K>, V::Present)> {
        let (keys, values, mut rows) = (K::Format::default(), V::Format::default(), Vec::new());
        let state = self.state_with(|state| state.session(store.name()).is_some());
        let handle = state.session(store.name()).expect("it was just found");
        let mut visit = |key: &[u8], start, end, _, value: &[u8]| {
            let key = keys.decode(key).expect("a key can be read");
            rows.push((Windowed { key, start, end }, values.decode(value).expect("a row can be read")));
            ControlFlow::Continue(())
        };
        handle.fetch_all(Timestamp::MIN..=Timestamp::MAX, Direction::Forward, &mut visit).expect("memory can be read");
        rows
    }

    fn state_with(&self, has: impl Fn(&TaskState) -> bool) -> Ref<'_, TaskState> {
        self.tasks.iter().for_each(|task| task.save_rows().unwrap_or_else(|stop| panic!("memory can be written: {stop:?}")));
        let states = self.tasks.iter().map(|task| task.state());
        states.into_iter().find(|state| has(state)).expect("the topology has the store")
    }
}
