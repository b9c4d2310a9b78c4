//! What a `suppress` holds back: changes of rows by time, then key, in memory, and in a logged store behind it, so that a restart finds them again.
//!
//! The store has the key's bytes as its key and the record's time as its timestamp; the value is our own: buffer time (i64), then the row before the
//! change that came first, the row before the last change, the row now, then names and values of headers, each as a length (u32; `ff ff ff ff` for
//! none) and so many bytes. All numbers are big-endian.

use super::error::RowError;
use crate::format::{Format, FormatError, Row};
use crate::record::{Change, Header, Headers, Record, Timestamp};
use crate::task::{Front, Stop};
use headwater_state::{Direction, KeyValueHandle};
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

/// Stands for the length of nothing.
const NONE: u32 = u32::MAX;

/// The buffer of one suppressed table of one task. Kafka: `InMemoryTimeOrderedKeyValueChangeBuffer`.
pub(crate) struct Buffer<K, V: Row> {
    store: &'static str,
    bytes: KeyValueHandle,
    /// Whether rows are measured; without a limit nobody asks.
    measured: bool,
    undoes: bool,
    held: RefCell<Held<K, V>>,
}

struct Held<K, V> {
    /// What the store has was read.
    is_loaded: bool,
    times: HashMap<Rc<[u8]>, Timestamp>,
    entries: BTreeMap<(Timestamp, Rc<[u8]>), Entry<K, V>>,
    byte_len: usize,
    /// Keys that have changed since the last save, and whether the store has them.
    dirty: HashMap<Rc<[u8]>, bool>,
    /// Keys that the record at hand has changed, with what stood there, oldest first.
    journal: Vec<(Rc<[u8]>, Option<(Timestamp, Entry<K, V>)>)>,
}

#[derive(Clone)]
struct Entry<K, V> {
    record: Record<K, Change<V>>,
    /// What downstream knows of the row.
    prior: Option<V>,
    byte_len: usize,
    is_saved: bool,
}

impl<K: Row, V: Row> Buffer<K, V> {
    pub(crate) fn new(store: &'static str, bytes: KeyValueHandle, measured: bool, undoes: bool) -> Self {
        Buffer { store, bytes, measured, undoes, held: RefCell::new(Held::default()) }
    }

    /// Holds a change back. A row that waits already keeps its place in the order.
    pub(crate) fn put(&self, time: Timestamp, record: Record<K, Change<V>>) -> Result<(), RowError> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&record.key, &mut bytes).map_err(|source| RowError::Key { store: self.store, source })?;
        let mut held = self.loaded()?;
        let known = held.times.get(&*bytes).map(|time| (*time, Rc::from(&*bytes)));
        let before = known.and_then(|place| held.entries.remove(&place).map(|entry| (place.0, entry)));
        let prior = before.as_ref().map_or_else(|| record.value.old.clone(), |(_, entry)| entry.prior.clone());
        let time = before.as_ref().map_or(time, |(time, _)| *time);
        let mut entry = Entry { record, prior, byte_len: 0, is_saved: before.as_ref().is_some_and(|(_, entry)| entry.is_saved) };
        if self.measured {
            let mut value = Vec::new();
            self.encode(time, &entry, &mut value)?;
            entry.byte_len = bytes.len() + value.len();
        }
        let key: Rc<[u8]> = Rc::from(bytes);
        held.byte_len += entry.byte_len;
        held.byte_len -= before.as_ref().map_or(0, |(_, entry)| entry.byte_len);
        held.dirty.entry(key.clone()).or_insert(entry.is_saved);
        if self.undoes {
            held.journal.push((key.clone(), before));
        }
        held.times.insert(key.clone(), time);
        held.entries.insert((time, key), entry);
        Ok(())
    }

    /// The first change, if its time is at most this. It waits until [`Buffer::remove_first`]: as in Kafka, those that get it and ask for the row
    /// are still told what downstream knew.
    pub(crate) fn first_until(&self, time: Timestamp) -> Result<Option<Record<K, Change<V>>>, RowError> {
        let held = self.loaded()?;
        Ok(held.entries.first_key_value().filter(|((first, _), _)| *first <= time).map(|(_, entry)| entry.record.clone()))
    }

    /// Takes out the first change.
    pub(crate) fn remove_first(&self) -> Result<(), RowError> {
        let mut held = self.loaded()?;
        let Some(((time, key), entry)) = held.entries.pop_first() else { return Ok(()) };
        held.times.remove(&key);
        held.byte_len -= entry.byte_len;
        held.dirty.entry(key.clone()).or_insert(entry.is_saved);
        if self.undoes {
            held.journal.push((key, Some((time, entry))));
        }
        Ok(())
    }

    /// How many rows wait, and how many bytes they take where that is measured.
    pub(crate) fn size(&self) -> Result<(usize, usize), RowError> {
        let held = self.loaded()?;
        Ok((held.entries.len(), held.byte_len))
    }

    /// What downstream knows of a row that waits; none: it does not wait.
    pub(crate) fn prior(&self, key: &K) -> Result<Option<Option<V>>, RowError> {
        let mut bytes = Vec::new();
        K::Format::default().encode(key, &mut bytes).map_err(|source| RowError::Key { store: self.store, source })?;
        let held = self.loaded()?;
        let Some(time) = held.times.get(&*bytes).copied() else { return Ok(None) };
        Ok(held.entries.get(&(time, Rc::from(bytes))).map(|entry| entry.prior.clone()))
    }

    fn loaded(&self) -> Result<RefMut<'_, Held<K, V>>, RowError> {
        let mut held = self.held.borrow_mut();
        if !held.is_loaded {
            self.load(&mut held)?;
        }
        Ok(held)
    }

    fn load(&self, held: &mut Held<K, V>) -> Result<(), RowError> {
        let mut failed = None;
        self.bytes.scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |key, timestamp, value| match self
            .decode(key, timestamp, value)
        {
            Ok((time, mut entry)) => {
                entry.byte_len = if self.measured { key.len() + value.len() } else { 0 };
                held.byte_len += entry.byte_len;
                let key: Rc<[u8]> = Rc::from(key);
                held.times.insert(key.clone(), time);
                held.entries.insert((time, key), entry);
                ControlFlow::Continue(())
            }
            Err(source) => {
                failed = Some(RowError::Row { store: self.store, source });
                ControlFlow::Break(())
            }
        })?;
        held.is_loaded = true;
        failed.map_or(Ok(()), Err)
    }

    fn encode(&self, time: Timestamp, entry: &Entry<K, V>, out: &mut Vec<u8>) -> Result<(), RowError> {
        out.extend_from_slice(&time.to_be_bytes());
        let (change, format) = (&entry.record.value, V::Format::default());
        for row in [&entry.prior, &change.old, &change.new] {
            put_part(out, row.as_ref(), |row, out| format.encode(row, out))
                .map_err(|source| RowError::Row { store: self.store, source })?;
        }
        let copy = |bytes: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        for (name, value) in entry.record.headers.iter() {
            let put = put_part(out, Some(name.as_bytes()), copy).and_then(|()| put_part(out, value, copy));
            put.map_err(|source| RowError::Row { store: self.store, source })?;
        }
        Ok(())
    }

    fn decode(&self, key: &[u8], timestamp: Timestamp, value: &[u8]) -> Result<(Timestamp, Entry<K, V>), FormatError> {
        let (time, mut rest) = value.split_first_chunk().ok_or_else(|| FormatError::malformed("too short for a suppressed row"))?;
        let format = V::Format::default();
        let mut row = || take_part(&mut rest)?.map(|bytes| format.decode(bytes)).transpose();
        let (prior, old, new) = (row()?, row()?, row()?);
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let name = take_part(&mut rest)?.and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or_else(|| FormatError::malformed("a header without a name"))?;
            headers.push(Header { name: name.into(), value: take_part(&mut rest)?.map(Into::into) });
        }
        let headers: Headers = headers.into_iter().collect();
        let record = Record { key: K::Format::default().decode(key)?, value: Change::new(old, new), timestamp, headers };
        Ok((Timestamp::from_be_bytes(*time), Entry { record, prior, byte_len: 0, is_saved: true }))
    }

    fn save(&self) -> Result<(), RowError> {
        let mut held = self.held.borrow_mut();
        let Held { times, entries, dirty, .. } = &mut *held;
        let mut value = Vec::new();
        // In the order of their bytes, so that the same changes make the same changelog.
        let mut keys: Vec<_> = dirty.drain().collect();
        keys.sort_unstable();
        for (key, is_saved) in keys {
            match times.get(&key).and_then(|time| entries.get_mut(&(*time, key.clone())).map(|entry| (*time, entry))) {
                Some((time, entry)) => {
                    value.clear();
                    self.encode(time, entry, &mut value)?;
                    entry.is_saved = true;
                    self.bytes.put(&key, &value, entry.record.timestamp);
                }
                // What came and went between two saves was never there.
                None if is_saved => self.bytes.delete(&key, 0),
                None => {}
            }
        }
        Ok(())
    }
}

impl<K, V> Default for Held<K, V> {
    fn default() -> Self {
        Held { is_loaded: false, times: HashMap::new(), entries: BTreeMap::new(), byte_len: 0, dirty: HashMap::new(), journal: Vec::new() }
    }
}

impl<K: Row, V: Row> Front for Buffer<K, V> {
    fn write_back(&self) -> Result<(), Box<Stop>> {
        self.save().map_err(RowError::into_stop)
    }

    fn is_full(&self) -> bool {
        false
    }

    fn abort(&self) {
        *self.held.borrow_mut() = Held::default();
    }

    fn begin_record(&self) {
        self.held.borrow_mut().journal.clear();
    }

    fn undo_record(&self) {
        let mut held = self.held.borrow_mut();
        while let Some((key, before)) = held.journal.pop() {
            if let Some(time) = held.times.remove(&key)
                && let Some(entry) = held.entries.remove(&(time, key.clone()))
            {
                held.byte_len -= entry.byte_len;
            }
            if let Some((time, entry)) = before {
                held.byte_len += entry.byte_len;
                held.times.insert(key.clone(), time);
                held.entries.insert((time, key), entry);
            }
        }
    }
}

fn put_part<T: ?Sized>(
    out: &mut Vec<u8>, part: Option<&T>, encode: impl FnOnce(&T, &mut Vec<u8>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let at = out.len();
    out.extend_from_slice(&NONE.to_be_bytes());
    let Some(part) = part else { return Ok(()) };
    encode(part, out)?;
    let len = u32::try_from(out.len() - at - NONE.to_be_bytes().len()).expect("rows and headers are shorter than 4 GiB");
    out[at..at + len.to_be_bytes().len()].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

fn take_part<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, FormatError> {
    let short = || FormatError::malformed("a suppressed row that ends too early");
    let (len, behind) = rest.split_first_chunk().ok_or_else(short)?;
    let len = u32::from_be_bytes(*len);
    if len == NONE {
        *rest = behind;
        return Ok(None);
    }
    let (part, behind) = behind.split_at_checked(len as usize).ok_or_else(short)?;
    *rest = behind;
    Ok(Some(part))
}
