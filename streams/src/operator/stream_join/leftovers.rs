//! Records of a left or outer join that found no partner yet. They wait, logged, until none can come any more.
//!
//! Layout, that of Kafka Streams (`TimestampedKeyAndJoinSideSerializer`, `ListValueStore`, `LeftOrRightValueSerializer`; numbers big-endian):
//! the key is time (8 bytes), side (0 right, 1 left) and the key's bytes; the value is a list: 1, the count (4 bytes), and for each record its length (4 bytes), its side and
//! its value. So the order of the bytes is that of the times, of right before left, of the keys, and last of arrival.

use super::{Reach, Side};
use crate::format::FormatError;
use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::task::store::RowError;
use headwater_state::{Direction, KeyValueHandle};
use std::cell::{Cell, RefCell};
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

/// Kafka's mark for a list whose members have lengths of their own.
const LIST: u8 = 1;
/// Mark and count stand before the members.
const LIST_HEAD: usize = 1 + 4;
/// Time and side stand before the key.
const KEY_HEAD: usize = 8 + 1;

/// The waiting records of one join in one task.
pub(crate) struct Leftovers {
    store: &'static str,
    bytes: KeyValueHandle,
    /// No record waits that is older; [`NO_TIMESTAMP`]: none waits. Under Kafka's rule it may be younger than what waits: see [`Leftovers::take_closed_as_kafka`].
    least: Rc<Cell<Timestamp>>,
    scratch: RefCell<Vec<u8>>,
}

/// A record whose waiting is over.
pub(super) struct Leftover {
    pub(super) side: Side,
    pub(super) timestamp: Timestamp,
    place: Rc<[u8]>,
    pub(super) value: Vec<u8>,
}

impl Leftover {
    /// The bytes of its key.
    pub(super) fn key(&self) -> &[u8] {
        &self.place[KEY_HEAD..]
    }
}

impl Leftovers {
    pub(crate) fn new(store: &'static str, bytes: KeyValueHandle, least: Rc<Cell<Timestamp>>) -> Self {
        Leftovers { store, bytes, least, scratch: RefCell::default() }
    }

    /// Lets a record wait, behind those of the same key, side and time.
    pub(super) fn add(&self, side: Side, timestamp: Timestamp, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let least = self.least.get();
        if least == NO_TIMESTAMP || timestamp < least {
            self.least.set(timestamp);
        }
        self.at(side, timestamp, key, |place| {
            let mut list = self.bytes.get(place, |found| found.map(|(_, list)| list.to_vec()))?.unwrap_or_else(|| vec![LIST, 0, 0, 0, 0]);
            let count = u32::from_be_bytes(list[1..LIST_HEAD].try_into().map_err(|_| self.damaged())?);
            list[1..LIST_HEAD].copy_from_slice(&(count + 1).to_be_bytes());
            let length = u32::try_from(value.len() + 1).expect("values are shorter than 4 GiB");
            list.extend_from_slice(&length.to_be_bytes());
            list.push(tag(side));
            list.extend_from_slice(value);
            self.bytes.put(place, &list, timestamp);
            Ok(())
        })
    }

    /// Records of this key, side and time have found a partner.
    pub(super) fn remove(&self, side: Side, timestamp: Timestamp, key: &[u8], now: Timestamp) -> Result<(), RowError> {
        if self.least.get() == NO_TIMESTAMP {
            return Ok(());
        }
        self.at(side, timestamp, key, |place| {
            if self.bytes.get(place, |found| found.is_some())? {
                self.bytes.delete(place, now);
            }
            Ok(())
        })
    }

    /// Takes the records that nobody can reach any more.
    pub(super) fn take_closed(&self, side: Side, reach: Reach, time: Timestamp, now: Timestamp) -> Result<Vec<Leftover>, RowError> {
        let least = self.least.get();
        let soonest = Reach { after_ms: reach.after_ms.min(reach.before_ms), ..reach };
        if least == NO_TIMESTAMP || !soonest.is_closed(least, time) {
            return Ok(Vec::new());
        }
        let (closed, _, open) = self.scan(side, reach, time)?;
        self.least.set(open.unwrap_or(NO_TIMESTAMP));
        self.delete(&closed, now);
        Ok(closed)
    }

    /// The same at the moments at which Kafka looks: it judges by the reach of the side at hand whether to look at all, and then takes the time of the last record
    /// that it has seen for the least, so that others, older but still open then, may wait longer than they must.
    pub(super) fn take_closed_as_kafka(
        &self, side: Side, reach: Reach, time: Timestamp, now: Timestamp,
    ) -> Result<Vec<Leftover>, RowError> {
        let least = self.least.get();
        if least == NO_TIMESTAMP || !reach.is_closed(least, time) {
            return Ok(Vec::new());
        }
        let (closed, last_seen, _) = self.scan(side, reach, time)?;
        self.least.set(last_seen);
        self.delete(&closed, now);
        Ok(closed)
    }

    /// The closed ones, in order; the time of the last one seen; the time of the first that is open.
    fn scan(&self, side: Side, reach: Reach, time: Timestamp) -> Result<(Vec<Leftover>, Timestamp, Option<Timestamp>), RowError> {
        let (mut closed, mut last_seen, mut failed) = (Vec::new(), NO_TIMESTAMP, false);
        let (mut open, mut open_sides) = (None, [false; 2]);
        self.bytes.scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |place, _, list| {
            let Some((timestamp, of)) = read_place(place) else {
                failed = true;
                return ControlFlow::Break(());
            };
            last_seen = timestamp;
            if open_sides == [true; 2] {
                return ControlFlow::Break(());
            }
            let reach = if of == side { reach } else { reach.reversed() };
            if !reach.is_closed(timestamp, time) {
                open = open.or(Some(timestamp));
                open_sides[usize::from(tag(of))] = true;
                // Kafka sees the members of a list one by one: it ends at the second one.
                let ends_here = open_sides == [true; 2] && list.get(1..LIST_HEAD) != Some(&[0, 0, 0, 1]);
                return if ends_here { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            }
            let place: Rc<[u8]> = place.into();
            let taken = read_list(list, |value| {
                closed.push(Leftover { side: of, timestamp, place: place.clone(), value: value.to_vec() });
            });
            failed |= taken.is_none();
            ControlFlow::Continue(())
        })?;
        if failed { Err(self.damaged()) } else { Ok((closed, last_seen, open)) }
    }

    fn delete(&self, closed: &[Leftover], now: Timestamp) {
        let mut last: Option<&Rc<[u8]>> = None;
        for leftover in closed {
            if last.is_none_or(|last| !Rc::ptr_eq(last, &leftover.place)) {
                self.bytes.delete(&leftover.place, now);
                last = Some(&leftover.place);
            }
        }
    }

    fn at<T>(&self, side: Side, timestamp: Timestamp, key: &[u8], then: impl FnOnce(&[u8]) -> Result<T, RowError>) -> Result<T, RowError> {
        let mut place = self.scratch.borrow_mut();
        place.clear();
        place.extend_from_slice(&timestamp.to_be_bytes());
        place.push(tag(side));
        place.extend_from_slice(key);
        then(&place)
    }

    fn damaged(&self) -> RowError {
        self.row_error(FormatError::malformed("no record of a left or outer join"))
    }

    pub(super) fn row_error(&self, source: FormatError) -> RowError {
        RowError::Row { store: self.store, source }
    }
}

fn tag(side: Side) -> u8 {
    match side {
        Side::Left => 1,
        Side::Right => 0,
    }
}

fn read_place(place: &[u8]) -> Option<(Timestamp, Side)> {
    let (timestamp, rest) = place.split_first_chunk()?;
    let side = match rest.first()? {
        0 => Side::Right,
        1 => Side::Left,
        _ => return None,
    };
    Some((Timestamp::from_be_bytes(*timestamp), side))
}

/// Hands over the values of a list, without their sides: the place says the side.
fn read_list(list: &[u8], mut take: impl FnMut(&[u8])) -> Option<()> {
    let (&[mark], rest) = list.split_first_chunk()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    for _ in 0..u32::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk()?;
        let (member, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        take(member.get(1..)?);
        rest = after;
    }
    (mark == LIST && rest.is_empty()).then_some(())
}
