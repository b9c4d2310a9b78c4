//! The stores of a driver's tasks, as Kafka's test driver shows them: with what caches hold back.

use super::{Given, TestDriver};
use crate::dsl::{Store, WindowStore};
use crate::format::{Nullable, Row};
use crate::query::{Found, Place, QueryError, Queryable, Question};
use crate::record::Timestamp;
use std::rc::Rc;

impl TestDriver {
    /// Reads a store as it is now, caches and the running commit interval included. Kafka: `TopologyTestDriver.getStateStore`.
    ///
    /// # Panics
    /// Where the topology has no such store of these types.
    pub fn store<S: Queryable>(&self, store: S) -> S::View<'_> {
        self.try_store(store).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same where it is not sure that there is such a store.
    ///
    /// # Errors
    /// [`QueryError::NoSuchStore`], [`QueryError::WrongType`].
    pub fn try_store<S: Queryable>(&self, store: S) -> Result<S::View<'_>, QueryError> {
        store.view(self.opening.topology.stores(), Rc::new(self))
    }

    /// The row of a store.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn row<K: Row, V: Nullable>(&self, store: Store<K, V>, key: impl Given<K>) -> Option<V::Present> {
        self.store(store).get(&key.give()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The row of a window.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn window_row<K: Row, V: Nullable>(&self, store: WindowStore<K, V>, key: impl Given<K>, start: Timestamp) -> Option<V::Present> {
        self.store(store).get(&key.give(), start).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Place for &TestDriver {
    fn ask(&self, question: &Question) -> Result<Vec<Found>, QueryError> {
        let nobody = Err(QueryError::NoSuchStore { store: question.store });
        let by_tasks = || self.tasks.iter().find_map(|task| task.answer(question)).unwrap_or(nobody);
        self.opening.globals.answer(question).map_or_else(by_tasks, Ok)
    }
}
