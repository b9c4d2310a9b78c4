//! The keys under which a log is stored: one letter for the kind, then what names the thing. Numbers are big-endian, so that they sort.
//!
//! | letter | key | value |
//! |---|---|---|
//! | `a` | partition, last offset | an aborted transaction |
//! | `b` | partition, last offset | a batch of records ([`super::batch`]) |
//! | `c` | | counters and the format version |
//! | `g` | group | a group |
//! | `h` | partition | head of a partition: its ends and its active segment |
//! | `o` | group, topic, partition | a committed offset |
//! | `p` | group, topic, partition, producer id | an offset in an open transaction |
//! | `q` | partition, producer id | what a partition knows of a producer |
//! | `s` | partition, first offset | a closed segment |
//! | `t` | topic | a topic: id, configurations, numbers of its partitions |
//! | `x` | transactional id | a transactional id |
//!
//! A partition is named by a number of its own that is never used again, so that a deleted topic leaves nothing to its successor.

/// The number that names a partition in storage.
pub(crate) type Uid = u32;

pub(crate) const ABORTED: u8 = b'a';
pub(crate) const BATCH: u8 = b'b';
pub(crate) const COUNTERS: u8 = b'c';
pub(crate) const GROUP: u8 = b'g';
pub(crate) const HEAD: u8 = b'h';
pub(crate) const OFFSET: u8 = b'o';
pub(crate) const PENDING: u8 = b'p';
pub(crate) const PRODUCER: u8 = b'q';
pub(crate) const SEGMENT: u8 = b's';
pub(crate) const TOPIC: u8 = b't';
pub(crate) const TRANSACTION: u8 = b'x';

/// A key that is the letter alone.
pub(crate) fn single(kind: u8) -> Vec<u8> {
    vec![kind]
}

/// A key that ends with a name.
pub(crate) fn named(kind: u8, name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(kind);
    key.extend_from_slice(name.as_bytes());
    key
}

/// A key of a partition as such.
pub(crate) fn partition(kind: u8, uid: Uid) -> Vec<u8> {
    let mut key = Vec::with_capacity(13);
    key.push(kind);
    key.extend_from_slice(&uid.to_be_bytes());
    key
}

/// A key inside a partition. The number is an offset or an id and not negative.
pub(crate) fn within(kind: u8, uid: Uid, number: i64) -> Vec<u8> {
    let mut key = partition(kind, uid);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// A key of a group's offset for one partition.
pub(crate) fn offset(kind: u8, group: &str, topic: &str, partition: i32) -> Vec<u8> {
    let mut key = vec![kind];
    for name in [group, topic] {
        let length = u16::try_from(name.len()).expect("names of groups and topics are shorter than 64 KiB");
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(name.as_bytes());
    }
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

/// A key of a group's offset in a transaction.
pub(crate) fn pending(group: &str, topic: &str, partition: i32, producer: i64) -> Vec<u8> {
    let mut key = offset(PENDING, group, topic, partition);
    key.extend_from_slice(&producer.to_be_bytes());
    key
}

/// The parts of a key written by [`within`].
pub(crate) fn split_within(key: &[u8]) -> Option<(Uid, i64)> {
    let (uid, number) = key.get(1..)?.split_first_chunk::<4>()?;
    Some((Uid::from_be_bytes(*uid), i64::from_be_bytes(number.try_into().ok()?)))
}
