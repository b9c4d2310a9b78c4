//! The keys of stores of windows and of sessions, in the database and in the changelog.
//!
//! In the database: segment id, length of the key (u32), key, then the span: for a window its start and number (u32), for a session end and
//! start. All numbers are big-endian; segment ids and times have their sign bit turned, so that negative ones sort first. A segment is one range
//! of keys, so expiry is one range delete; within it, the rows of one key are one range in the order of their times. The length stands before the
//! key, so that the rows of `a` and of `ab` can never lie between each other.
//!
//! In the changelog, as Kafka Streams writes it (`WindowKeySchema`, `SessionKeySchema`): key, then the span with its times as they are. A window's
//! number is 0 in stores that keep one value per key and start.

use crate::{Span, Timestamp, Window};

const SIGN: u64 = 1 << 63;

/// What a key of the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanKey<'a, S> {
    pub(crate) key: &'a [u8],
    pub(crate) span: S,
}

pub(crate) type WindowKey<'a> = SpanKey<'a, Window>;

impl<'a> WindowKey<'a> {
    /// The only window of a key that starts at `start`.
    pub(crate) fn only(key: &'a [u8], start: Timestamp) -> Self {
        Self { key, span: Window::at(start) }
    }
}

impl<'a, S: Span> SpanKey<'a, S> {
    /// Writes the key as the database has it.
    #[inline]
    pub(crate) fn write_local(self, segment: i64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&ordered(segment));
        out.extend_from_slice(&u32::try_from(self.key.len()).expect("keys are shorter than 4 GiB").to_be_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(&ordered(self.span.time()));
        self.span.write_rest(ordered, out);
    }

    /// Reads a key of the database; none if it is not one.
    #[inline]
    pub(crate) fn read_local(local: &'a [u8]) -> Option<Self> {
        let (_, rest) = local.split_at_checked(8)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (key, tail) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (time, rest) = tail.split_first_chunk()?;
        Some(Self { key, span: S::read_rest(from_ordered(*time), rest, from_ordered)? })
    }

    /// Writes the key as the changelog has it.
    pub(crate) fn write_changelog(self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.key);
        out.extend_from_slice(&self.span.time().to_be_bytes());
        self.span.write_rest(i64::to_be_bytes, out);
    }

    /// Reads a key of the changelog; none if it is too short for one.
    pub(crate) fn read_changelog(bytes: &'a [u8]) -> Option<Self> {
        let (key, tail) = bytes.split_at_checked(bytes.len().checked_sub(8 + S::REST_BYTES)?)?;
        let (time, rest) = tail.split_first_chunk()?;
        Some(Self { key, span: S::read_rest(i64::from_be_bytes(*time), rest, i64::from_be_bytes)? })
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
    use crate::Session;
    use std::fmt::Debug;

    fn local(segment: i64, key: &[u8], start: Timestamp) -> Vec<u8> {
        let mut out = Vec::new();
        WindowKey::only(key, start).write_local(segment, &mut out);
        out
    }

    fn changelog<S: Span>(key: &[u8], span: S) -> Vec<u8> {
        let mut out = Vec::new();
        SpanKey { key, span }.write_changelog(&mut out);
        out
    }

    fn check<S: Span + PartialEq + Debug>(key: &[u8], span: S) {
        let row = SpanKey { key, span };
        let mut bytes = Vec::new();
        row.write_local(-3, &mut bytes);
        assert_eq!(SpanKey::read_local(&bytes), Some(row));
        assert_eq!(segment_of_local(&bytes), Some(-3));
        row.write_changelog(&mut bytes);
        assert_eq!(SpanKey::read_changelog(&bytes), Some(row));
    }

    #[test]
    fn reads_back_what_it_writes() {
        for (key, start, end) in [(b"".as_slice(), i64::MIN, -1), (b"a", -1, 0), (b"\0\0", 0, 0), (b"a\xff", 3, i64::MAX)] {
            check(key, Window { start, number: 7 });
            check(key, Window::at(end));
            check(key, Session { start, end });
        }
    }

    #[test]
    fn changelog_keys_are_those_of_kafka_streams() {
        assert_eq!(changelog(b"k", Window::at(0x0102)), b"k\0\0\0\0\0\0\x01\x02\0\0\0\0");
        assert_eq!(changelog(b"k", Session { start: 0x01, end: 0x0203 }), b"k\0\0\0\0\0\0\x02\x03\0\0\0\0\0\0\0\x01");
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
        for garbage in [b"short".as_slice(), &[0; 11], &[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 1]] {
            assert_eq!(WindowKey::read_local(garbage), None);
            assert_eq!(SpanKey::<Session>::read_local(garbage), None);
        }
        assert_eq!(WindowKey::read_changelog(b"short"), None);
        assert_eq!(SpanKey::<Session>::read_changelog(b"short"), None);
    }
}
