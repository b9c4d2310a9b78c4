//! The keys of session stores, in the database and in the changelog.
//!
//! In the database: segment id (of the end), length of the key (u32), key, end, start. All numbers are big-endian; segment ids and times have
//! their sign bit turned, so that negative ones sort first. Within a segment the sessions of one key are one range in the order of their ends.
//!
//! In the changelog, as Kafka Streams writes it (`SessionKeySchema`): key, end (i64), start (i64).

use crate::Timestamp;
use crate::window_key::{from_ordered, ordered};

/// End and start stand after the key.
const TAIL_BYTES: usize = 8 + 8;

/// What a key of a session store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionKey<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl<'a> SessionKey<'a> {
    /// Writes the key as the database has it.
    pub(crate) fn write_local(self, segment: i64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&ordered(segment));
        out.extend_from_slice(&u32::try_from(self.key.len()).expect("keys are shorter than 4 GiB").to_be_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(&ordered(self.end));
        out.extend_from_slice(&ordered(self.start));
    }

    /// Reads a key of the database; none if it is not one.
    pub(crate) fn read_local(local: &'a [u8]) -> Option<Self> {
        let (_, rest) = local.split_at_checked(8)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (key, tail) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (end, start) = tail.split_first_chunk()?;
        Some(Self { key, start: from_ordered(start.try_into().ok()?), end: from_ordered(*end) })
    }

    /// Writes the key as the changelog has it.
    pub(crate) fn write_changelog(self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.key);
        out.extend_from_slice(&self.end.to_be_bytes());
        out.extend_from_slice(&self.start.to_be_bytes());
    }

    /// Reads a key of the changelog; none if it is too short for one.
    pub(crate) fn read_changelog(bytes: &'a [u8]) -> Option<Self> {
        let (key, tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL_BYTES)?)?;
        let (end, start) = tail.split_first_chunk()?;
        Some(Self { key, start: i64::from_be_bytes(start.try_into().ok()?), end: i64::from_be_bytes(*end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for (key, start, end) in [(b"".as_slice(), i64::MIN, -1), (b"a", -1, 0), (b"\0\0", 0, 0), (b"a\xff", 3, i64::MAX)] {
            let session = SessionKey { key, start, end };
            let mut bytes = Vec::new();
            session.write_local(-3, &mut bytes);
            assert_eq!(SessionKey::read_local(&bytes), Some(session));
            session.write_changelog(&mut bytes);
            assert_eq!(SessionKey::read_changelog(&bytes), Some(session));
        }
    }

    #[test]
    fn changelog_keys_are_those_of_kafka_streams() {
        let mut bytes = Vec::new();
        SessionKey { key: b"k", start: 0x01, end: 0x0203 }.write_changelog(&mut bytes);
        assert_eq!(bytes, b"k\0\0\0\0\0\0\x02\x03\0\0\0\0\0\0\0\x01");
    }

    #[test]
    fn garbage_is_no_key() {
        assert_eq!(SessionKey::read_changelog(b"short"), None);
        assert_eq!(SessionKey::read_local(&[0; 11]), None);
        assert_eq!(SessionKey::read_local(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 1]), None);
    }
}
