//! One typed store of one task: a byte store and, where it is cached, a front of decoded rows.

use super::backing::{Backing, RowBytes};
use super::error::RowError;
use super::front::{Forwarding, FrontRows};
use super::spans::SpanBytes;
use crate::format::{Format, FormatError, Row};
use crate::operator::Outlet;
use crate::record::{Change, Headers, NO_TIMESTAMP, Record, Timestamp, Windowed};
use crate::task::{Context, Flow, Front, Stop};
use headwater_state::{Session, VersionPut, Window};
use std::cell::{Cell, RefCell};

/// Rows by key.
pub(crate) type KeyValueRows<K, V> = Rows<K, V, RowBytes>;
/// Rows by key and window.
pub(crate) type WindowRows<K, V> = SpanRows<K, V, Window>;
/// Rows by key and session.
pub(crate) type SessionRows<K, V> = SpanRows<K, V, Session>;
/// Rows by key and window or session.
pub(crate) type SpanRows<K, V, S> = Rows<Windowed<K>, V, SpanBytes<S>>;

/// Typed rows. Callers hand in the bytes of the whole key, so that a key that is met several times is encoded once.
pub(crate) struct Rows<K, V: Row, B> {
    store: &'static str,
    pub(super) backing: B,
    /// Above this the front asks for an early flush; 0: no front at all.
    cache_bytes: usize,
    forwarding: Cell<Forwarding>,
    front: RefCell<FrontRows<K, V>>,
    value_format: V::Format,
    scratch: RefCell<Vec<u8>>,
}

/// What became of a write.
pub(crate) enum Written<K, V> {
    /// It waits in the front and is forwarded at a flush.
    Held,
    /// It is in the byte store and is to be forwarded now.
    Through(Record<K, Change<V>>),
    /// It is older than the history of a versioned store, so it was not written.
    Expired,
}

impl<K: Clone, V: Row, B: Backing> Rows<K, V, B> {
    pub(crate) fn new(store: &'static str, backing: B, cache_bytes: usize, undoes: bool) -> Self {
        Rows {
            store,
            backing,
            cache_bytes,
            forwarding: Cell::default(),
            front: RefCell::new(FrontRows::new(undoes)),
            value_format: V::Format::default(),
            scratch: RefCell::default(),
        }
    }

    /// Updates are held back, so that somebody must flush them.
    pub(crate) fn is_cached(&self) -> bool {
        self.cache_bytes > 0
    }

    /// The store belongs to a table: its updates go on, with or without what the row was before.
    pub(crate) fn forward_changes(&self, old_values: bool) {
        self.forwarding.set(Forwarding { forwards: true, old_values });
    }

    pub(crate) fn key_error(&self, source: FormatError) -> RowError {
        RowError::Key { store: self.store, source }
    }

    pub(super) fn row_error(&self, source: FormatError) -> RowError {
        RowError::Row { store: self.store, source }
    }

    /// A row and the time of its last update.
    pub(crate) fn get(&self, bytes: &[u8], key: impl FnOnce() -> K) -> Result<Option<(V, Timestamp)>, RowError> {
        if !self.is_cached() {
            return Ok(self.load(bytes)?.map(|(value, timestamp, _)| (value, timestamp)));
        }
        let mut front = self.front.borrow_mut();
        let at = self.place(&mut front, bytes, key)?;
        let held = &front.row(at).held;
        Ok(held.value.clone().map(|value| (value, held.timestamp)))
    }

    /// Makes a new row of the old one: `update` gets value and time, where there is a row, and says both anew; no value deletes.
    #[inline]
    pub(crate) fn update(
        &self, bytes: &[u8], key: impl FnOnce() -> K, headers: &Headers,
        update: impl FnOnce(&K, Option<V>, Timestamp) -> (Option<V>, Timestamp),
    ) -> Result<Written<K, V>, RowError> {
        if !self.is_cached() {
            return self.update_through(bytes, key(), headers, update);
        }
        let mut front = self.front.borrow_mut();
        let at = self.place(&mut front, bytes, key)?;
        let row = front.write(at, self.forwarding.get());
        let (value, timestamp) = update(&row.key, row.held.value.take(), row.held.timestamp);
        row.held.value = value;
        row.held.timestamp = timestamp;
        if !(headers.is_empty() && row.held.headers.is_empty()) {
            row.held.headers = headers.clone();
        }
        Ok(Written::Held)
    }

    /// Puts a row in the place of one that the caller has just read, so that it is not read again. No new one deletes.
    pub(crate) fn replace(
        &self, bytes: &[u8], key: K, headers: &Headers, held: Option<(V, Timestamp)>, new: Option<V>, timestamp: Timestamp,
    ) -> Result<Written<K, V>, RowError> {
        if !self.is_cached() {
            let old = held.filter(|_| self.forwarding.get().old_values).map(|(old, _)| old);
            self.store(bytes, new.as_ref(), timestamp)?;
            return Ok(Written::Through(Record { key, value: Change::new(old, new), timestamp, headers: headers.clone() }));
        }
        let mut front = self.front.borrow_mut();
        let hash = front.hash(bytes);
        let at = match front.find(hash, bytes) {
            Some(at) => at,
            None => front.insert(hash, bytes, key, held.map(|(value, time)| (value, time, 0))),
        };
        let row = front.write(at, self.forwarding.get());
        row.held.value = new;
        row.held.timestamp = timestamp;
        row.held.headers = headers.clone();
        Ok(Written::Held)
    }

    fn update_through(
        &self, bytes: &[u8], key: K, headers: &Headers, update: impl FnOnce(&K, Option<V>, Timestamp) -> (Option<V>, Timestamp),
    ) -> Result<Written<K, V>, RowError> {
        let (stored, timestamp) = match self.load(bytes)? {
            Some((value, timestamp, _)) => (Some(value), timestamp),
            None => (None, NO_TIMESTAMP),
        };
        let old = if self.forwarding.get().old_values { stored.clone() } else { None };
        let (new, timestamp) = update(&key, stored, timestamp);
        let is_latest = match self.store(bytes, new.as_ref(), timestamp)?.1 {
            VersionPut::Latest => true,
            VersionPut::Earlier => false,
            VersionPut::Expired => return Ok(Written::Expired),
        };
        Ok(Written::Through(Record { key, value: Change { old, new, is_latest }, timestamp, headers: headers.clone() }))
    }

    /// The place of a row in the front, brought there from the byte store if need be.
    #[inline]
    fn place(&self, front: &mut FrontRows<K, V>, bytes: &[u8], key: impl FnOnce() -> K) -> Result<u32, RowError> {
        let hash = front.hash(bytes);
        match front.find(hash, bytes) {
            Some(at) => Ok(at),
            None => Ok(front.insert(hash, bytes, key(), self.load(bytes)?)),
        }
    }

    /// A row as the byte store has it, with the length of its value there.
    fn load(&self, bytes: &[u8]) -> Result<Option<(V, Timestamp, usize)>, RowError> {
        let read = |found: Option<(Timestamp, &[u8])>| {
            found.map(|(timestamp, bytes)| self.value_format.decode(bytes).map(|value| (value, timestamp, bytes.len()))).transpose()
        };
        self.backing.get(bytes, read)?.map_err(|source| self.row_error(source))
    }

    /// Writes a row into the byte store; returns the length of its value there, and whether it is the last word about its key.
    fn store(&self, bytes: &[u8], value: Option<&V>, timestamp: Timestamp) -> Result<(usize, VersionPut), RowError> {
        let Some(value) = value else {
            return Ok((0, self.backing.put(bytes, None, timestamp)?));
        };
        let mut encoded = self.scratch.borrow_mut();
        encoded.clear();
        self.value_format.encode(value, &mut encoded).map_err(|source| self.row_error(source))?;
        Ok((encoded.len(), self.backing.put(bytes, Some(&encoded), timestamp)?))
    }

    /// Whether the row stands in the front.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let front = self.front.borrow();
        front.find(front.hash(bytes), bytes).is_some()
    }

    /// Brings the byte store up to date, so that it can be scanned.
    pub(crate) fn save(&self) -> Result<(), RowError> {
        self.front.borrow_mut().save(|bytes, value, timestamp| Ok(self.store(bytes, value, timestamp)?.0))
    }

    /// Shows the rows of the front as the byte store would have them.
    pub(super) fn each_held(&self, visit: &mut dyn FnMut(&[u8], Option<(Timestamp, Vec<u8>)>)) -> Result<(), RowError> {
        for (key, value, timestamp) in self.front.borrow().contents() {
            let encode = |value| {
                let mut bytes = Vec::new();
                self.value_format.encode(value, &mut bytes).map(|()| (timestamp, bytes))
            };
            visit(key, value.map(encode).transpose().map_err(|source| self.row_error(source))?);
        }
        Ok(())
    }

    /// Decodes a value that a scan has found.
    pub(super) fn decode_value(&self, bytes: &[u8]) -> Result<V, RowError> {
        self.value_format.decode(bytes).map_err(|source| self.row_error(source))
    }

    /// Forwards what was held back, one change a row, in the order of last writes.
    pub(crate) fn flush(&self, next: &mut Outlet<K, Change<V>>, task: &mut Context) -> Flow {
        let unsent = self.front.borrow_mut().take_all_unsent();
        for at in unsent {
            if let Some(change) = self.take_change(at) {
                task.detached(|| self.bytes_of(at), |task| next.send(change, task))?;
            }
        }
        Ok(())
    }

    /// What downstream is to be told about a row. One that came and went since the last flush is nobody's business, as in Kafka.
    fn take_change(&self, at: u32) -> Option<Record<K, Change<V>>> {
        let mut front = self.front.borrow_mut();
        let row = front.take_unsent(at)?;
        let mut old = row.held.sent.take();
        // What has expired was never there, as far as Kafka's stores can tell.
        if !self.backing.flushes(row.bytes()) {
            row.held.was_sent = false;
            old = None;
        }
        if row.held.value.is_none() && !row.held.was_sent {
            return None;
        }
        let value = Change::new(old, row.held.value.clone());
        Some(Record { key: row.key.clone(), value, timestamp: row.held.timestamp, headers: row.held.headers.clone() })
    }

    /// Key and value for a dead letter.
    fn bytes_of(&self, at: u32) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let front = self.front.borrow();
        let row = front.row(at);
        let value = row.held.value.as_ref().and_then(|value| {
            let mut bytes = Vec::new();
            self.value_format.encode(value, &mut bytes).ok().map(|()| bytes)
        });
        (Some(row.bytes().to_vec()), value)
    }
}

impl<K: Clone, V: Row, B: Backing> Front for Rows<K, V, B> {
    fn write_back(&self) -> Result<(), Box<Stop>> {
        self.save().map_err(RowError::into_stop)?;
        let mut front = self.front.borrow_mut();
        // All at once, not the least used one by one: simpler, and dirty rows share their way out.
        if front.bytes() > self.cache_bytes && front.is_clean() {
            front.clear();
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.front.borrow().bytes() > self.cache_bytes
    }

    fn abort(&self) {
        self.front.borrow_mut().clear();
    }

    fn begin_record(&self) {
        self.front.borrow_mut().begin_record();
    }

    fn undo_record(&self) {
        self.front.borrow_mut().undo_record();
    }
}

impl<K: Clone, V: Row> KeyValueRows<K, V> {
    /// The row that was valid at a time, where the store is versioned; otherwise the row as it stands.
    pub(crate) fn get_as_of(&self, bytes: &[u8], key: impl FnOnce() -> K, time: Timestamp) -> Result<Option<(V, Timestamp)>, RowError> {
        if self.is_cached() {
            return self.get(bytes, key);
        }
        let read = |found: Option<(Timestamp, &[u8])>| {
            found.map(|(timestamp, bytes)| Ok((self.value_format.decode(bytes)?, timestamp))).transpose()
        };
        self.backing.get_as_of(bytes, time, read)?.map_err(|source| self.row_error(source))
    }
}
