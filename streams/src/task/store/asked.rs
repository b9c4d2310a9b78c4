//! A store of a task as queries read it: byte store and cache together, as Kafka Streams shows it.

use super::RowError;
use super::backing::RowBytes;
use super::rows::{KeyValueRows, SpanRows};
use super::spans::KeyEnd;
use crate::format::Row;
use crate::query::{self, Ask, Found, Held, Question};
use crate::record::Timestamp;

/// What answers questions on the task's own thread.
pub(crate) trait Asked {
    /// The rows, those included that the running commit interval has written.
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError>;

    /// The same for a processor of the task: quick, and without what a cache holds of windows that have expired.
    fn answer_to_task(&self, question: &Question) -> Result<Vec<Found>, RowError>;

    /// The store's time is what the last commit has kept; `stream_time` is the task's.
    fn resume(&self, stream_time: Timestamp);
}

impl<K: Row, V: Row> Asked for KeyValueRows<K, V> {
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        self.save()?;
        Ok(match (&question.ask, &self.backing) {
            (Ask::Rows(keys), RowBytes::Last(rows)) => query::rows(rows, keys, question.direction, question.limit)?,
            (Ask::Version { key, as_of }, RowBytes::Versions(..)) => query::version(self.backing.versions(), key, *as_of)?,
            _ => unreachable!("a view asks what its store can answer"),
        })
    }

    fn answer_to_task(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        self.answer(question)
    }

    fn resume(&self, _stream_time: Timestamp) {
        self.backing.resume();
    }
}

impl<K: Row, V: Row, S: KeyEnd> Asked for SpanRows<K, V, S> {
    fn answer(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        let mut held = Held::new();
        self.each_held(&mut |key, row| {
            let (key, span) = S::split(key);
            held.insert((key.to_vec(), span), row);
        })?;
        self.answer_below(&held, question)
    }

    fn answer_to_task(&self, question: &Question) -> Result<Vec<Found>, RowError> {
        self.save()?;
        self.answer_below(&Held::new(), question)
    }

    fn resume(&self, stream_time: Timestamp) {
        self.backing.resume(stream_time);
    }
}

impl<K: Row, V: Row, S: KeyEnd> SpanRows<K, V, S> {
    fn answer_below(&self, held: &Held<S>, question: &Question) -> Result<Vec<Found>, RowError> {
        let Ask::Windowed(which) = &question.ask else { unreachable!("a view asks what its store can answer") };
        Ok(query::windowed(self.backing.at_its_time(), held, which, question.direction, question.limit)?)
    }
}
