//! A store of a task as queries read it: byte store and cache together, as Kafka Streams shows it.

use super::RowError;
use super::backing::{RowBytes, WindowBytes};
use super::rows::{KeyValueRows, Rows, SessionRows, WindowRows};
use super::sessions;
use crate::format::Row;
use crate::query::{Ask, Found, Held, Question};
use crate::record::{Timestamp, Windowed};

/// What answers questions on the task's own thread.
pub(crate) trait Asked {
    /// The rows, those included that the running commit interval has written.
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError>;

    /// The store's time is what the last commit has kept; `stream_time` is the task's.
    fn resume(&self, stream_time: Timestamp);
}

impl<K: Row, V: Row> Asked for KeyValueRows<K, V> {
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        self.save()?;
        Ok(match (&question.ask, &self.backing) {
            (Ask::Rows(keys), RowBytes::Last(rows)) => crate::query::rows(rows, keys, question.direction, question.limit)?,
            (Ask::Version { key, as_of }, RowBytes::Versions(..)) => crate::query::version(self.backing.versions(), key, *as_of)?,
            _ => unreachable!("a view asks what its store can answer"),
        })
    }

    fn resume(&self, _stream_time: Timestamp) {
        self.backing.resume();
    }
}

impl<K: Row, V: Row> Asked for WindowRows<K, V> {
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        let Ask::Windows(keys, starts) = &question.ask else { unreachable!("a view asks what its store can answer") };
        let held = self.held_windows()?;
        Ok(crate::query::windows(self.backing.at_its_time(), &held, keys, starts, question.direction, question.limit)?)
    }

    fn resume(&self, stream_time: Timestamp) {
        self.backing.resume(stream_time);
    }
}

impl<K: Row, V: Row> Asked for SessionRows<K, V> {
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        let Ask::Sessions { keys, earliest_end, latest_start } = &question.ask else {
            unreachable!("a view asks what its store can answer")
        };
        let held = self.held_sessions()?;
        let Question { direction, limit, .. } = question;
        Ok(crate::query::sessions(self.backing.at_its_time(), &held, keys, *earliest_end, *latest_start, *direction, *limit)?)
    }

    fn resume(&self, stream_time: Timestamp) {
        self.backing.resume(stream_time);
    }
}

impl<K: Row, V: Row> SessionRows<K, V> {
    /// What the cache holds, expired sessions included.
    fn held_sessions(&self) -> Result<Held, RowError> {
        let mut held = Held::new();
        self.each_held(&mut |key, row| {
            let (key, start, end) = sessions::split(key);
            held.insert((key.to_vec(), start, end), row);
        })?;
        Ok(held)
    }
}

impl<K: Row, V: Row> Rows<Windowed<K>, V, WindowBytes> {
    /// What the cache holds, expired windows included.
    fn held_windows(&self) -> Result<Held, RowError> {
        let mut held = Held::new();
        self.each_held(&mut |key, row| {
            let (key, start) = key.split_last_chunk::<8>().expect("a window's key ends with its start");
            held.insert((key.to_vec(), Timestamp::from_be_bytes(*start), 0), row);
        })?;
        Ok(held)
    }
}
