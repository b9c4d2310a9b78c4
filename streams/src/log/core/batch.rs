//! A batch of records as it is stored: a header of fixed size, one entry of fixed size per record, then the bytes of all records in one piece.
//!
//! Keys, headers and values lie as in [`Records`], so that storing and fetching a batch is one pass over the entries and one copy of the bytes.

use crate::log::headers::HeadersRef;
use crate::log::records::{Entry, NULL, RecordRef, Records};
use crate::log::{ErrorCode, LogError};

const VERSION: u8 = 1;
const HEADER: usize = 64;
const ENTRY: usize = 24;
/// Bytes of a batch header on Kafka's disk, which count for `max.message.bytes`.
const KAFKA_HEADER: usize = 61;

const TRANSACTIONAL: u8 = 1;
const CONTROL: u8 = 2;
const COMMIT: u8 = 4;
const APPEND_TIME: u8 = 8;

/// What stands before the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) base_offset: i64,
    /// The offset of the last record that was there when the batch was written.
    pub(crate) last_offset: i64,
    /// -1: none.
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) transactional: bool,
    pub(crate) marker: Option<Marker>,
    pub(crate) append_time: bool,
    pub(crate) max_timestamp: i64,
    /// When compaction may drop tombstones and markers in it.
    pub(crate) delete_horizon: Option<i64>,
    /// The size that the batch would have on Kafka's disk.
    pub(crate) kafka_size: u32,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Commit,
    Abort,
}

/// A batch where it lies.
#[derive(Clone, Copy)]
pub(crate) struct BatchRef<'a> {
    pub(crate) header: Header,
    entries: &'a [u8],
    bytes: &'a [u8],
}

/// Where a record is among the bytes of its batch.
struct Placed {
    entry: Entry,
    start: usize,
    end: usize,
}

impl<'a> BatchRef<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, LogError> {
        Self::split(value).ok_or_else(|| LogError::new(ErrorCode::Corrupt, "a batch"))
    }

    fn split(value: &'a [u8]) -> Option<Self> {
        let (head, rest) = value.split_at_checked(HEADER)?;
        if head[0] != VERSION {
            return None;
        }
        let count = u32::from_le_bytes(head[56..60].try_into().ok()?) as usize;
        let (entries, bytes) = rest.split_at_checked(count * ENTRY)?;
        let i64_at = |at: usize| head[at..at + 8].try_into().ok().map(i64::from_le_bytes);
        let flags = head[1];
        let marker = if flags & COMMIT != 0 { Marker::Commit } else { Marker::Abort };
        let header = Header {
            producer_epoch: i16::from_le_bytes(head[2..4].try_into().ok()?),
            base_sequence: i32::from_le_bytes(head[4..8].try_into().ok()?),
            base_offset: i64_at(8)?,
            last_offset: i64_at(16)?,
            producer_id: i64_at(24)?,
            max_timestamp: i64_at(32)?,
            delete_horizon: Some(i64_at(40)?).filter(|horizon| *horizon >= 0),
            kafka_size: u32::from_le_bytes(head[48..52].try_into().ok()?),
            transactional: flags & TRANSACTIONAL != 0,
            marker: (flags & CONTROL != 0).then_some(marker),
            append_time: flags & APPEND_TIME != 0,
        };
        Some(Self { header, entries, bytes })
    }

    /// How many records it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() / ENTRY
    }

    fn placed(&self) -> impl Iterator<Item = Placed> + '_ {
        let base = self.header.base_offset;
        let mut start = 0;
        self.entries.chunks_exact(ENTRY).map(move |chunk| {
            let u32_at = |at: usize| u32::from_le_bytes(chunk[at..at + 4].try_into().expect("an entry has 24 bytes"));
            let timestamp = i64::from_le_bytes(chunk[16..24].try_into().expect("an entry has 24 bytes"));
            let entry =
                Entry { offset: base + i64::from(u32_at(0)), timestamp, start: 0, key: u32_at(4), headers: u32_at(8), value: u32_at(12) };
            let end = start + entry.byte_len();
            let placed = Placed { entry, start, end };
            start = end;
            placed
        })
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = RecordRef<'a>> + '_ {
        self.placed().map(|placed| placed.entry.within(&self.bytes[placed.start..placed.end]))
    }

    /// Copies records from `from` on to `out`, at most so many records and bytes, but at least one.
    pub(crate) fn copy_to(&self, out: &mut Records, from: i64, records: usize, bytes: usize) -> Copied {
        let (entries, arena) = out.parts_mut();
        let (shift, already) = (arena.len(), entries.len());
        let (mut first, mut last) = (None, 0);
        let mut copied = Copied { next: self.header.last_offset + 1, complete: true };
        for placed in self.placed().filter(|placed| placed.entry.offset >= from) {
            let taken = entries.len() - already;
            let first = *first.get_or_insert(placed.start);
            if taken > 0 && (taken >= records || placed.end - first > bytes) {
                copied = Copied { next: placed.entry.offset, complete: false };
                break;
            }
            let start = u32::try_from(shift + placed.start - first).expect("a fetch stays below 4 GiB");
            entries.push(Entry { start, ..placed.entry });
            last = placed.end;
        }
        if let Some(first) = first {
            arena.extend_from_slice(&self.bytes[first..last]);
        }
        copied
    }
}

/// What [`BatchRef::copy_to`] did.
pub(crate) struct Copied {
    /// The offset behind what was copied.
    pub(crate) next: i64,
    /// Whether the batch was copied to its end.
    pub(crate) complete: bool,
}

/// Batches to be appended have no place yet: offsets count from 0 and [`place`] moves them.
pub(crate) fn encode(header: &Header, entries: &[Entry], bytes: &[u8]) -> Vec<u8> {
    let mut value = open(header, entries.len(), bytes.len());
    for (delta, entry) in (0u32..).zip(entries) {
        put_entry(&mut value, delta, entry, entry.timestamp);
    }
    value.extend_from_slice(bytes);
    value
}

/// A batch with some of the records of another, at their offsets.
pub(crate) fn encode_kept(header: &Header, kept: &Records) -> Vec<u8> {
    let (entries, bytes) = kept.parts();
    let mut value = open(header, entries.len(), bytes.len());
    for entry in entries {
        let delta = u32::try_from(entry.offset - header.base_offset).expect("a batch spans fewer than 2^32 offsets");
        put_entry(&mut value, delta, entry, entry.timestamp);
    }
    value.extend_from_slice(bytes);
    value
}

/// Gives an encoded batch its place in the log.
pub(crate) fn place(value: &mut [u8], base_offset: i64, last_offset: i64) {
    value[8..16].copy_from_slice(&base_offset.to_le_bytes());
    value[16..24].copy_from_slice(&last_offset.to_le_bytes());
}

/// Gives all records of an encoded batch the time of its arrival.
pub(crate) fn stamp(value: &mut [u8], count: usize, now: i64) {
    value[1] |= APPEND_TIME;
    value[32..40].copy_from_slice(&now.to_le_bytes());
    for entry in value[HEADER..HEADER + count * ENTRY].chunks_exact_mut(ENTRY) {
        entry[16..24].copy_from_slice(&now.to_le_bytes());
    }
}

fn open(header: &Header, count: usize, bytes: usize) -> Vec<u8> {
    let marker = match header.marker {
        None => 0,
        Some(Marker::Abort) => CONTROL,
        Some(Marker::Commit) => CONTROL | COMMIT,
    };
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = marker | flag(header.transactional, TRANSACTIONAL) | flag(header.append_time, APPEND_TIME);
    let mut value = Vec::with_capacity(HEADER + count * ENTRY + bytes);
    value.extend_from_slice(&[VERSION, flags]);
    value.extend_from_slice(&header.producer_epoch.to_le_bytes());
    value.extend_from_slice(&header.base_sequence.to_le_bytes());
    for number in [header.base_offset, header.last_offset, header.producer_id, header.max_timestamp, header.delete_horizon.unwrap_or(-1)] {
        value.extend_from_slice(&number.to_le_bytes());
    }
    value.extend_from_slice(&header.kafka_size.to_le_bytes());
    value.extend_from_slice(&[0; 4]);
    value.extend_from_slice(&u32::try_from(count).expect("a batch has fewer than 2^32 records").to_le_bytes());
    value.extend_from_slice(&[0; 4]);
    value
}

fn put_entry(value: &mut Vec<u8>, delta: u32, entry: &Entry, timestamp: i64) {
    let mut bytes = [0; ENTRY];
    bytes[0..4].copy_from_slice(&delta.to_le_bytes());
    bytes[4..8].copy_from_slice(&entry.key.to_le_bytes());
    bytes[8..12].copy_from_slice(&entry.headers.to_le_bytes());
    bytes[12..16].copy_from_slice(&entry.value.to_le_bytes());
    bytes[16..24].copy_from_slice(&timestamp.to_le_bytes());
    value.extend_from_slice(&bytes);
}

/// The size on Kafka's disk of a batch with these records, which `max.message.bytes` and segment sizes are about.
pub(crate) fn kafka_size(entries: &[Entry], bytes: &[u8]) -> usize {
    let base = entries.first().map_or(0, |entry| entry.timestamp);
    let records = (0i64..).zip(entries).map(|(delta, entry)| {
        let size = kafka_record_size(delta, entry.timestamp.wrapping_sub(base), entry, bytes);
        varint(size as i64) + size
    });
    KAFKA_HEADER + records.sum::<usize>()
}

/// The size of a transaction marker on Kafka's disk.
pub(crate) const KAFKA_MARKER: u32 = 78;

fn kafka_record_size(delta: i64, time: i64, entry: &Entry, bytes: &[u8]) -> usize {
    let field = |length: u32| if length == NULL { 1 } else { varint(i64::from(length)) + length as usize };
    1 + varint(time) + varint(delta) + field(entry.key) + field(entry.value) + kafka_headers_size(entry, bytes)
}

fn kafka_headers_size(entry: &Entry, bytes: &[u8]) -> usize {
    if entry.headers == 0 {
        return 1;
    }
    let start = entry.start as usize + if entry.key == NULL { 0 } else { entry.key as usize };
    let (mut count, mut size) = (0, 0);
    for (name, value) in HeadersRef(&bytes[start..start + entry.headers as usize]).iter() {
        count += 1;
        size += varint(name.len() as i64) + name.len();
        size += value.map_or(1, |value| varint(value.len() as i64) + value.len());
    }
    varint(count) + size
}

/// The length of a zig-zag varint.
fn varint(number: i64) -> usize {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    (64 - (zigzag | 1).leading_zeros() as usize).div_ceil(7)
}
