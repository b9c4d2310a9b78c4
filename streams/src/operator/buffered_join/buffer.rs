//! Records by time, then by the bytes of their keys, then as they came.
//!
//! Layout: the key is time (8 bytes), the key's bytes and a number (4 bytes), as Kafka Streams has it; the value is our own: version (1), partition (4), offset (8),
//! length of the topic (2) and the topic, count of headers (2), for each the length of its name (2), the name, the length of its value (4, -1 for none) and the value; last the
//! record's value. A partition of -1: the record was read nowhere. Numbers are big-endian.

use crate::format::FormatError;
use crate::record::{Header, Headers, NO_TIMESTAMP, Timestamp};
use crate::task::Coordinates;
use crate::task::store::RowError;
use headwater_state::{Direction, KeyValueHandle};
use std::cell::Cell;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

const VERSION: u8 = 1;
/// Kafka begins anew after this number.
const LAST_NUMBER: i64 = 0x7fff_ffff;

/// The waiting records of one join in one task.
pub(crate) struct Buffer {
    pub(super) store: &'static str,
    bytes: KeyValueHandle,
    /// The largest time that was put.
    pub(super) observed: Rc<Cell<Timestamp>>,
    /// Tells records of one time and key apart. It must survive: one that came back would overwrite what waits.
    sequence: Rc<Cell<i64>>,
    /// No record waits that is older; [`NO_TIMESTAMP`]: none waits.
    least: Rc<Cell<Timestamp>>,
}

/// What waits, beside its key and time.
pub(super) struct Waiting {
    pub(super) coordinates: Option<Coordinates>,
    pub(super) headers: Headers,
    pub(super) value: Vec<u8>,
}

impl Buffer {
    /// The counters are called as the store, with this behind it.
    pub(crate) fn new(store: &'static str, bytes: KeyValueHandle, mut counter: impl FnMut(&str) -> Rc<Cell<i64>>) -> Self {
        Buffer { store, bytes, observed: counter("store"), sequence: counter("sequence"), least: counter("least") }
    }

    pub(super) fn row_error(&self, source: FormatError) -> RowError {
        RowError::Row { store: self.store, source }
    }

    pub(super) fn put(&self, key: &[u8], timestamp: Timestamp, waiting: Waiting) {
        let number = (self.sequence.get().max(0) + 1) & LAST_NUMBER;
        self.sequence.set(number);
        self.observed.set(self.observed.get().max(timestamp));
        let least = self.least.get();
        if least == NO_TIMESTAMP || timestamp < least {
            self.least.set(timestamp);
        }
        let place = [&timestamp.to_be_bytes()[..], key, &(number as u32).to_be_bytes()].concat();
        self.bytes.put(&place, &encode(&waiting), timestamp);
    }

    /// Takes out the records up to a time, that time included, with their times and keys.
    pub(super) fn take_until(&self, time: Timestamp) -> Result<Vec<(Timestamp, Vec<u8>, Waiting)>, RowError> {
        if self.least.get() == NO_TIMESTAMP || self.least.get() > time {
            return Ok(Vec::new());
        }
        let (mut due, mut places, mut next, mut failed) = (Vec::new(), Vec::new(), NO_TIMESTAMP, false);
        self.bytes.scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |place, timestamp, bytes| {
            if timestamp > time {
                next = timestamp;
                return ControlFlow::Break(());
            }
            match (place.get(8..place.len().saturating_sub(4)), decode(bytes)) {
                (Some(key), Some(waiting)) => due.push((timestamp, key.to_vec(), waiting)),
                _ => failed = true,
            }
            places.push(place.to_vec());
            if failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if failed {
            return Err(self.row_error(FormatError::malformed("no record that waits for a join")));
        }
        places.iter().for_each(|place| self.bytes.delete(place, time));
        self.least.set(next);
        Ok(due)
    }
}

fn encode(waiting: &Waiting) -> Vec<u8> {
    let mut out = vec![VERSION];
    let (partition, offset, topic) = match &waiting.coordinates {
        Some(at) => (at.partition, at.offset, &*at.topic),
        None => (-1, 0, ""),
    };
    out.extend_from_slice(&partition.to_be_bytes());
    out.extend_from_slice(&offset.to_be_bytes());
    put_short(topic.as_bytes(), &mut out);
    out.extend_from_slice(&short(waiting.headers.len()).to_be_bytes());
    for (name, value) in waiting.headers.iter() {
        put_short(name.as_bytes(), &mut out);
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("a header is shorter than 2 GiB"));
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(value.unwrap_or_default());
    }
    out.extend_from_slice(&waiting.value);
    out
}

fn put_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&short(bytes.len()).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn short(length: usize) -> u16 {
    u16::try_from(length).expect("names are shorter than 64 KiB, and headers fewer")
}

fn decode(bytes: &[u8]) -> Option<Waiting> {
    let (&[version], rest) = bytes.split_first_chunk()?;
    let (partition, rest) = rest.split_first_chunk()?;
    let (offset, mut rest) = rest.split_first_chunk()?;
    let topic = text(&mut rest)?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let headers = (0..u16::from_be_bytes(*count)).map(|_| header(&mut rest)).collect::<Option<Headers>>()?;
    let partition = i32::from_be_bytes(*partition);
    let at = |topic: &str| Coordinates { topic: topic.into(), partition, offset: i64::from_be_bytes(*offset) };
    (version == VERSION).then(|| Waiting { coordinates: (partition >= 0).then(|| at(topic)), headers, value: rest.to_vec() })
}

fn header(bytes: &mut &[u8]) -> Option<Header> {
    let name = text(bytes)?.into();
    let (length, rest) = bytes.split_first_chunk()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *bytes = rest;
        return Some(Header { name, value: None });
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(Header { name, value: Some(value.into()) })
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}
