//! Many records in one arena: the unit of every fetch and every send.
//!
//! A record costs one entry of fixed size and its bytes; nothing is allocated for it alone, and a cleared arena is filled again without allocating.

use super::headers::{Headers, HeadersRef};

/// The offset of a record that the log has not stored yet.
pub const NO_OFFSET: i64 = -1;

/// Kafka's "no timestamp". A producer stamps such a record when it is sent.
pub const NO_TIMESTAMP: i64 = -1;

/// The length of what is not there.
pub(super) const NULL: u32 = u32::MAX;

/// Records in order, in one arena of at most 4 GiB.
#[derive(Debug, Clone, Default)]
pub struct Records {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// One record as it lies in a [`Records`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Where it stands in its partition, or [`NO_OFFSET`].
    pub offset: i64,
    /// Event time or append time, in milliseconds since 1970.
    pub timestamp: i64,
    /// The key's bytes, if it has a key.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, encoded.
    pub headers: HeadersRef<'a>,
}

/// A record's bytes are key, headers and value, in this order, from `start` on; the value comes last so that it can be written in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) start: u32,
    /// Lengths; [`NULL`] where there is no key or no value.
    pub(super) key: u32,
    pub(super) headers: u32,
    pub(super) value: u32,
}

impl Entry {
    pub(super) fn byte_len(&self) -> usize {
        present(self.key) + self.headers as usize + present(self.value)
    }

    fn end(&self) -> usize {
        self.start as usize + self.byte_len()
    }

    /// The record whose bytes these are.
    pub(super) fn within<'a>(&self, bytes: &'a [u8]) -> RecordRef<'a> {
        let (key, rest) = bytes.split_at(present(self.key));
        let (headers, value) = rest.split_at(self.headers as usize);
        RecordRef {
            offset: self.offset,
            timestamp: self.timestamp,
            key: (self.key != NULL).then_some(key),
            value: (self.value != NULL).then_some(value),
            headers: HeadersRef(headers),
        }
    }
}

impl Records {
    /// An empty arena that has not allocated.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty arena with room for `records` of `bytes` in all.
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(records) }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of all keys, headers and values.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all records and keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Forgets the records from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if let Some(entry) = self.entries.get(len) {
            self.bytes.truncate(entry.start as usize);
            self.entries.truncate(len);
        }
    }

    /// Adds a record. [`NO_OFFSET`] is the offset of one that is to be sent.
    pub fn push(&mut self, offset: i64, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) {
        let entry = self.open(offset, timestamp, key, headers);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.close(entry, value.is_some());
    }

    /// Adds a record to be sent, whose value `encode` writes behind what the arena holds; it says whether there is a value at all.
    ///
    /// `encode` must only append. When it fails, nothing of the record remains.
    pub fn push_encoded<E>(
        &mut self, timestamp: i64, key: Option<&[u8]>, headers: &Headers, encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let entry = self.open(NO_OFFSET, timestamp, key, headers);
        let value = self.bytes.len();
        match encode(&mut self.bytes) {
            Ok(present) => {
                // A null that left bytes behind would shift every later record.
                self.bytes.truncate(if present { usize::MAX } else { value });
                self.close(entry, present);
                Ok(())
            }
            Err(error) => {
                self.bytes.truncate(entry.start as usize);
                Err(error)
            }
        }
    }

    /// Adds a copy of a record out of another arena.
    pub fn push_ref(&mut self, record: RecordRef<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        self.bytes.extend_from_slice(record.headers.0);
        let entry = Entry {
            offset: record.offset,
            timestamp: record.timestamp,
            start: length(start),
            key: record.key.map_or(NULL, |key| length(key.len())),
            headers: length(record.headers.0.len()),
            value: NULL,
        };
        self.bytes.extend_from_slice(record.value.unwrap_or_default());
        self.close(entry, record.value.is_some());
    }

    /// Adds copies of all records of `other`.
    pub fn append(&mut self, other: &Records) {
        let shift = self.bytes.len();
        length(shift + other.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
        self.entries.extend(other.entries.iter().map(|entry| Entry { start: entry.start + length(shift), ..*entry }));
    }

    /// The record at place `i`, counted from 0.
    pub fn get(&self, i: usize) -> Option<RecordRef<'_>> {
        self.entries.get(i).map(|entry| self.record(entry))
    }

    /// All records, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = RecordRef<'_>> + ExactSizeIterator {
        self.entries.iter().map(|entry| self.record(entry))
    }

    /// The offset of the first record.
    pub fn first_offset(&self) -> Option<i64> {
        self.entries.first().map(|entry| entry.offset)
    }

    /// The offset of the last record.
    pub fn last_offset(&self) -> Option<i64> {
        self.entries.last().map(|entry| entry.offset)
    }

    /// The largest timestamp.
    pub fn max_timestamp(&self) -> Option<i64> {
        self.entries.iter().map(|entry| entry.timestamp).max()
    }

    /// Gives every record without a timestamp this one.
    pub fn stamp(&mut self, timestamp: i64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.timestamp == NO_TIMESTAMP) {
            entry.timestamp = timestamp;
        }
    }

    pub(super) fn parts(&self) -> (&[Entry], &[u8]) {
        (&self.entries, &self.bytes)
    }

    pub(super) fn parts_mut(&mut self) -> (&mut Vec<Entry>, &mut Vec<u8>) {
        (&mut self.entries, &mut self.bytes)
    }

    /// Writes key and headers; the value comes next, then `close`.
    fn open(&mut self, offset: i64, timestamp: i64, key: Option<&[u8]>, headers: &Headers) -> Entry {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key.unwrap_or_default());
        let behind_key = self.bytes.len();
        headers.encode(&mut self.bytes);
        Entry {
            offset,
            timestamp,
            start: length(start),
            key: key.map_or(NULL, |key| length(key.len())),
            headers: length(self.bytes.len() - behind_key),
            value: NULL,
        }
    }

    fn close(&mut self, mut entry: Entry, present: bool) {
        if present {
            entry.value = length(self.bytes.len() - entry.end());
        }
        length(self.bytes.len());
        self.entries.push(entry);
    }

    fn record(&self, entry: &Entry) -> RecordRef<'_> {
        entry.within(&self.bytes[entry.start as usize..entry.end()])
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Records {}

fn present(length: u32) -> usize {
    if length == NULL { 0 } else { length as usize }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).ok().filter(|length| *length != NULL).expect("an arena of records stays below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Records {
        let mut records = Records::new();
        records.push(5, 10, Some(b"k"), Some(b"value"), &Headers::new());
        records.push(6, 11, None, None, &Headers::new().with("h", Some(b"1")));
        records.push(8, 9, Some(b""), Some(b""), &Headers::new().with("n", None));
        records
    }

    #[test]
    fn nulls_empties_and_headers_come_back() {
        let records = three();
        let found: Vec<_> = records.iter().map(|r| (r.offset, r.timestamp, r.key, r.value, r.headers.iter().count())).collect();
        let expected: Vec<(i64, i64, Option<&[u8]>, Option<&[u8]>, usize)> =
            vec![(5, 10, Some(b"k"), Some(b"value"), 0), (6, 11, None, None, 1), (8, 9, Some(b""), Some(b""), 1)];
        assert_eq!(found, expected);
        assert_eq!((records.first_offset(), records.last_offset(), records.max_timestamp()), (Some(5), Some(8), Some(11)));
    }

    #[test]
    fn a_failed_encoding_leaves_nothing() {
        let mut records = three();
        let failed = records.push_encoded(1, Some(b"key"), &Headers::new(), |out| {
            out.extend_from_slice(b"half");
            Err("no")
        });
        assert_eq!((failed, records), (Err("no"), three()));
    }

    #[test]
    fn an_encoded_null_drops_what_was_written() {
        let mut records = three();
        let null = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"dropped");
            Ok::<_, ()>(false)
        };
        records.push_encoded(1, Some(b"key"), &Headers::new(), null).unwrap();
        records
            .push_encoded(2, None, &Headers::new(), |out| {
                Ok::<_, ()>({
                    out.push(b'v');
                    true
                })
            })
            .unwrap();
        let last = records.get(4).unwrap();
        assert_eq!((records.get(3).unwrap().value, last.value, last.key), (None, Some(&b"v"[..]), None));
    }

    #[test]
    fn append_and_push_ref_copy_and_truncate_cuts() {
        let mut one = three();
        one.append(&three());
        let mut two = three();
        for record in three().iter() {
            two.push_ref(record);
        }
        assert_eq!(one, two);
        one.truncate(3);
        assert_eq!((&one, one.byte_len()), (&three(), three().byte_len()));
        one.truncate(7);
        assert_eq!(one.len(), 3);
    }
}
