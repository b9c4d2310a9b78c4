//! What a processor sends through, and what it may know of the record at hand. Kafka: `ProcessorContext`.

use super::Outlet;
use crate::record::{Headers, Item, Record, Timestamp};
use crate::task::store::Call;
use crate::task::{Context, Coordinates, Failure, Stop};
use std::sync::Arc;

/// What a processor sends through. Records leave at once, depth first, as in Kafka; while a store is being
/// [visited](crate::task::store::StoreHandle::visit) they wait until it is not.
pub struct Out<'a, K, V> {
    way: &'a mut Way<K, V>,
    pub(super) task: &'a mut Context,
    call: &'a Call,
    timestamp: Timestamp,
    headers: Headers,
    /// What is sent stays with the way when the call is over.
    holds: bool,
    /// Why the task stops, or the record is given up: what is sent after that goes nowhere.
    stopped: Option<Box<Stop>>,
}

/// Where a processor's records go.
pub(crate) struct Way<K, V> {
    next: Outlet<K, V>,
    /// The names of the children, in their order.
    names: Vec<Arc<str>>,
    pub(super) held: Vec<(To, Record<K, V>)>,
}

/// To whom a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    All,
    Child(usize),
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No operator takes a negative time. Kafka: `Record.withTimestamp`.
    #[error("a record with the negative timestamp {0} cannot be sent")]
    NegativeTime(Timestamp),
    /// There is no such node right behind the processor: name it with `.named(..)`.
    #[error("nothing called `{0}` follows the processor")]
    NoSuchChild(String),
    /// What was sent before has ended the record or the task: there is nothing to be done but to return.
    #[error("the record is given up")]
    GivenUp,
}

impl<K: Item, V: Item> Way<K, V> {
    pub(crate) fn new(next: Outlet<K, V>, names: Vec<Arc<str>>) -> Self {
        Way { next, names, held: Vec::new() }
    }

    #[inline]
    pub(super) fn forward(&mut self, to: To, record: Record<K, V>, task: &mut Context) -> crate::task::Flow {
        match to {
            To::All => self.next.send(record, task),
            To::Child(child) => self.next.send_to(child, record, task),
        }
    }
}

impl<'a, K, V> Out<'a, K, V> {
    /// What is sent waits behind the way for whoever calls.
    pub(super) fn holding(self) -> Self {
        Out { holds: true, ..self }
    }

    #[inline]
    pub(super) fn new(way: &'a mut Way<K, V>, task: &'a mut Context, call: &'a Call, timestamp: Timestamp, headers: Headers) -> Self {
        Out { way, task, call, timestamp, headers, holds: false, stopped: None }
    }
}

impl<K: Item, V: Item> Out<'_, K, V> {
    /// Sends with the time and the headers of the record at hand.
    #[inline]
    pub fn send(&mut self, key: K, value: V) {
        let record = Record { key, value, timestamp: self.timestamp, headers: self.headers.clone() };
        self.forward(To::All, record);
    }

    /// Sends with a time and headers of its own.
    ///
    /// # Errors
    /// [`SendError::NegativeTime`] for a time below zero.
    pub fn send_record(&mut self, record: Record<K, V>) -> Result<(), SendError> {
        self.checked(To::All, record)
    }

    /// Sends to one of the operators that follow, by its name, and to no other. Kafka: `forward(record, childName)`.
    ///
    /// # Errors
    /// [`SendError::NoSuchChild`] where nothing of this name follows; [`SendError::NegativeTime`] for a time below zero.
    pub fn send_to(&mut self, name: &str, record: Record<K, V>) -> Result<(), SendError> {
        let child = self.way.names.iter().position(|known| **known == *name);
        let child = child.ok_or_else(|| SendError::NoSuchChild(name.to_owned()))?;
        self.checked(To::Child(child), record)
    }

    fn checked(&mut self, to: To, record: Record<K, V>) -> Result<(), SendError> {
        if record.timestamp < 0 {
            return Err(SendError::NegativeTime(record.timestamp));
        }
        self.forward(to, record);
        if self.stopped.is_some() { Err(SendError::GivenUp) } else { Ok(()) }
    }

    #[inline]
    fn forward(&mut self, to: To, record: Record<K, V>) {
        if self.holds || self.call.is_visiting() {
            self.way.held.push((to, record));
            return;
        }
        if !self.way.held.is_empty() {
            self.release();
        }
        if self.stopped.is_none() {
            self.stopped = self.way.forward(to, record, self.task).err();
        }
    }

    /// The call is over: what had to wait goes on its way. Returns why the record is given up, if it is.
    #[inline]
    pub(super) fn done(mut self) -> Option<Box<Stop>> {
        if !self.holds && !self.way.held.is_empty() {
            self.release();
        }
        self.stopped
    }

    #[cold]
    fn release(&mut self) {
        for (to, record) in std::mem::take(&mut self.way.held) {
            if self.stopped.is_none() {
                self.stopped = self.way.forward(to, record, self.task).err();
            }
        }
    }
}

impl<K, V> Out<'_, K, V> {
    /// The task's stream time in milliseconds, [`NO_TIMESTAMP`](crate::record::NO_TIMESTAMP) while unknown: with one input that others fill the
    /// largest time seen in its partition, the record at hand not counted but under [`TimeRule::Kafka`](crate::runtime::TimeRule). Kafka:
    /// `currentStreamTimeMs`.
    pub fn stream_time(&self) -> Timestamp {
        self.task.stream_time()
    }

    /// The wall clock as the runtime's last step read it, in milliseconds since the epoch. Kafka: `currentSystemTimeMs`.
    pub fn wall_time(&self) -> Timestamp {
        self.task.wall_time()
    }

    /// Where the record at hand was read; none in a punctuation. Kafka: `recordMetadata`.
    pub fn coordinates(&self) -> Option<&Coordinates> {
        self.task.coordinates()
    }

    /// The time of the record at hand, or of the punctuation.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The headers of the record at hand; none in a punctuation.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// What a processor sends through that keeps the key. Kafka: `FixedKeyProcessorContext`.
pub struct OutValues<'a, K, V> {
    pub(super) out: Out<'a, K, V>,
    pub(super) key: &'a K,
}

impl<'a, K: Item, V: Item> OutValues<'a, K, V> {
    /// Sends with the key, the time and the headers of the record at hand.
    pub fn send(&mut self, value: V) {
        self.out.send(self.key.clone(), value);
    }

    /// Sends under the key of the record at hand, with a time and headers of its own.
    ///
    /// # Errors
    /// [`SendError::NegativeTime`] for a time below zero.
    pub fn send_at(&mut self, value: V, timestamp: Timestamp, headers: Headers) -> Result<(), SendError> {
        self.out.send_record(Record { key: self.key.clone(), value, timestamp, headers })
    }
}

impl<'a, K, V> std::ops::Deref for OutValues<'a, K, V> {
    type Target = Out<'a, K, V>;

    fn deref(&self) -> &Out<'a, K, V> {
        &self.out
    }
}

/// What `SendError` means to the policies: a time that nobody takes is told apart.
pub(super) fn is_about_time(failure: &Failure) -> bool {
    matches!(failure.downcast_ref::<SendError>(), Some(SendError::NegativeTime(_)))
}
