//! The keys of window stores, in the database and in the changelog.
//!
//! In the database: segment id, length of the key (u32), key, window start, sequence (u32). All numbers are big-endian; segment ids and starts have
//! their sign bit turned, so that negative ones sort first. A segment is one range of keys, so expiry is one range delete; within it, the
//! windows of one key are one range in the order of their starts. The length stands before the key, so that the windows of `a` and
//! of `ab` can never lie between each other.
//!
//! In the changelog, as Kafka Streams writes it: key, window start (i64), sequence (u32). The sequence is 0 in stores that keep one value
//! per key and start.

use crate::Timestamp;

/// Start and sequence stand after the key.
const TAIL_BYTES: usize = 8 + 4;
const SIGN: u64 = 1 << 63;

/// What a key of the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowKey<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) start: Timestamp,
    pub(crate) sequence: u32,
}

impl<'a> WindowKey<'a> {
    /// The only window of a key that starts at `start`.
    pub(crate) fn only(key: &'a [u8], start: Timestamp) -> Self {
        Self { key, start, sequence: 0 }
    }

    /// Writes the key as the database has it.
    pub(crate) fn write_local(self, segment: i64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&ordered(segment));
        out.extend_from_slice(&u32::try_from(self.key.len()).expect("keys are shorter than 4 GiB").to_be_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(&ordered(self.start));
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }

    /// Reads a key of the database; none if it is not one.
    pub(crate) fn read_local(local: &'a [u8]) -> Option<Self> {
        let (_, rest) = local.split_at_checked(8)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (key, tail) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (start, sequence) = tail.split_first_chunk()?;
        Some(Self { key, start: from_ordered(*start), sequence: u32::from_be_bytes(sequence.try_into().ok()?) })
    }

    /// Writes the key as the changelog has it.
    pub(crate) fn write_changelog(self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.key);
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }

    /// Reads a key of the changelog; none if it is too short for one.
    pub(crate) fn read_changelog(bytes: &'a [u8]) -> Option<Self> {
        let (key, tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL_BYTES)?)?;
        let (start, sequence) = tail.split_first_chunk()?;
        Some(Self { key, start: i64::from_be_bytes(*start), sequence: u32::from_be_bytes(sequence.try_into().ok()?) })
    }
}

/// The first bytes of all keys of a segment.
pub(crate) fn segment_prefix(segment: i64) -> [u8; 8] {
    ordered(segment)
}

/// The segment that a key of the database belongs to.
pub(crate) fn segment_of_local(local: &[u8]) -> Option<i64> {
    local.first_chunk().map(|segment| from_ordered(*segment))
}

/// Bytes that sort as the numbers do.
pub(crate) fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ SIGN).to_be_bytes()
}

pub(crate) fn from_ordered(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ SIGN).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(segment: i64, key: &[u8], start: Timestamp) -> Vec<u8> {
        let mut out = Vec::new();
        WindowKey::only(key, start).write_local(segment, &mut out);
        out
    }

    #[test]
    fn reads_back_what_it_writes() {
        for (key, start) in [(b"".as_slice(), i64::MIN), (b"a", -1), (b"\0\0", 0), (b"a\xff", i64::MAX)] {
            let window = WindowKey { key, start, sequence: 7 };
            let mut bytes = Vec::new();
            window.write_local(-3, &mut bytes);
            assert_eq!(WindowKey::read_local(&bytes), Some(window));
            assert_eq!(segment_of_local(&bytes), Some(-3));
            window.write_changelog(&mut bytes);
            assert_eq!(WindowKey::read_changelog(&bytes), Some(window));
        }
    }

    #[test]
    fn changelog_keys_are_those_of_kafka_streams() {
        let mut bytes = Vec::new();
        WindowKey::only(b"k", 0x0102).write_changelog(&mut bytes);
        assert_eq!(bytes, b"k\0\0\0\0\0\0\x01\x02\0\0\0\0");
    }

    #[test]
    fn segments_and_starts_sort_as_numbers_and_keys_do_not_mix() {
        let sorted = [
            local(-1, b"b", -5),
            local(0, b"a", -5),
            local(0, b"a", 0),
            local(0, b"a", 5),
            local(0, b"b", 0),
            local(0, b"ab", 0),
            local(1, b"a", 0),
        ];
        assert!(sorted.is_sorted());
    }

    #[test]
    fn garbage_is_no_key() {
        assert_eq!(WindowKey::read_changelog(b"short"), None);
        assert_eq!(WindowKey::read_local(&[0; 11]), None);
        assert_eq!(WindowKey::read_local(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 1]), None);
    }
}
