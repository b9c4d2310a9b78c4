//! What stands beside a committed offset: a commit number and the times of the task, so that time survives restart and migration.
//!
//! Layout, base64 without padding: version byte `H`, then variable-length numbers: commit number, stream time, number of lanes,
//! per lane (by topic name) stream time minus lane time, number of clocks, per clock 2 bytes of its name's hash and stream time minus its time.
//! Kafka Streams' own versions 1 and 2 are read; anything else is unknown.

use crate::record::{NO_TIMESTAMP, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

const VERSION: u8 = b'H';

/// The longest text that we write; brokers refuse more than 4,096 characters.
pub(crate) const METADATA_LIMIT: usize = 3_000;

/// Behind the name of a store: the clock of the operator that emits its windows when they close, which holds the last close.
pub(crate) const EMITTED: &str = "/emitted";

/// Bytes of the longest number.
const LONGEST_NUMBER: usize = 10;

/// The times of one task at one commit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct CommitMetadata {
    pub(crate) commit_number: u64,
    pub(crate) stream_time: Timestamp,
    /// Lane times in the order of the task's lanes.
    pub(crate) lanes: Vec<Timestamp>,
    /// Operators' and stores' times, by the hash of their names.
    pub(crate) clocks: Vec<(u16, Timestamp)>,
}

/// What was found beside an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoundMetadata {
    Ours(CommitMetadata),
    /// A JVM application left the time of this partition, and from version 2 on times of its processors: clocks by the hash of their names.
    KafkaStreams {
        time: Timestamp,
        processors: Vec<(u16, Timestamp)>,
    },
    Nothing,
    Unknown,
}

impl CommitMetadata {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        put(&mut bytes, self.commit_number);
        put(&mut bytes, zigzag(self.stream_time));
        put(&mut bytes, self.lanes.len() as u64);
        for time in &self.lanes {
            put(&mut bytes, zigzag(self.stream_time.wrapping_sub(*time)));
        }
        put(&mut bytes, self.clocks.len() as u64);
        for (name, time) in &self.clocks {
            bytes.extend_from_slice(&name.to_be_bytes());
            put(&mut bytes, zigzag(self.stream_time.wrapping_sub(*time)));
        }
        STANDARD_NO_PAD.encode(bytes)
    }

    /// The most characters that the times of a task can take.
    pub(crate) fn longest(lanes: usize, clocks: usize) -> usize {
        let bytes = 1 + LONGEST_NUMBER * (4 + lanes) + (2 + LONGEST_NUMBER) * clocks;
        (bytes * 4).div_ceil(3)
    }

    fn decode(mut bytes: &[u8]) -> Option<CommitMetadata> {
        let bytes = &mut bytes;
        let commit_number = take(bytes)?;
        let stream_time = unzigzag(take(bytes)?);
        let lanes = (0..take(bytes)?).map(|_| Some(stream_time.wrapping_sub(unzigzag(take(bytes)?)))).collect::<Option<_>>()?;
        let clock = |bytes: &mut &[u8]| Some((u16::from_be_bytes(take_chunk(bytes)?), stream_time.wrapping_sub(unzigzag(take(bytes)?))));
        let clocks = (0..take(bytes)?).map(|_| clock(bytes)).collect::<Option<_>>()?;
        bytes.is_empty().then_some(CommitMetadata { commit_number, stream_time, lanes, clocks })
    }
}

impl FoundMetadata {
    pub(crate) fn read(text: &str) -> FoundMetadata {
        if text.is_empty() {
            return FoundMetadata::Nothing;
        }
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).or_else(|_| STANDARD.decode(text)).unwrap_or_default();
        match bytes.split_first() {
            Some((&VERSION, rest)) => CommitMetadata::decode(rest).map_or(FoundMetadata::Unknown, FoundMetadata::Ours),
            Some((1 | 2, rest)) => kafka_streams(rest).unwrap_or(FoundMetadata::Unknown),
            _ => FoundMetadata::Unknown,
        }
    }
}

/// Kafka: `TopicPartitionMetadata`, `ProcessorMetadata`: the time, then nothing or a number of names with a time each.
fn kafka_streams(bytes: &[u8]) -> Option<FoundMetadata> {
    let (time, mut rest) = bytes.split_first_chunk::<8>()?;
    let count = take_chunk(&mut rest).map_or(0, u32::from_be_bytes);
    let processor = |_| {
        let length = u32::from_be_bytes(take_chunk(&mut rest)?) as usize;
        let (name, behind) = rest.split_at_checked(length)?;
        rest = behind;
        // A processor keeps there, by the name of its store, up to which close it has emitted windows.
        Some((name_hash_of(&[name, EMITTED.as_bytes()].concat()), i64::from_be_bytes(take_chunk(&mut rest)?)))
    };
    let processors = (0..count).map(processor).collect::<Option<_>>()?;
    Some(FoundMetadata::KafkaStreams { time: i64::from_be_bytes(*time).max(NO_TIMESTAMP), processors })
}

/// Two bytes of FNV-1a: names within one task are few, and a clash only makes a time younger.
pub(crate) fn name_hash(name: &str) -> u16 {
    name_hash_of(name.as_bytes())
}

fn name_hash_of(name: &[u8]) -> u16 {
    let hash = name.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as u16
}

fn take_chunk<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*chunk)
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

fn put(bytes: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let at = 1_700_000_000_000;
        let metadata = CommitMetadata {
            commit_number: 300,
            stream_time: at,
            lanes: vec![at, at - 70_000, NO_TIMESTAMP],
            clocks: vec![(7, at + 3), (65_535, i64::MIN)],
        };
        assert_eq!(FoundMetadata::read(&metadata.encode()), FoundMetadata::Ours(metadata));
    }

    /// Both as `TopicPartitionMetadata.encode()` of Kafka Streams 4.3.0 has written them.
    #[test]
    fn takes_the_times_of_a_jvm_application_over() {
        let plain = FoundMetadata::KafkaStreams { time: 1_700_000_000_000, processors: Vec::new() };
        assert_eq!(FoundMetadata::read("AgAAAYvP5WgA"), plain);
        let processors = vec![(name_hash("category-sales/emitted"), 1_700_000_040_000)];
        let with_names = "AgAAAYvP5WgAAAAAAQAAAA5jYXRlZ29yeS1zYWxlcwAAAYvP5gRA";
        assert_eq!(FoundMetadata::read(with_names), FoundMetadata::KafkaStreams { time: 1_700_000_000_000, processors });
    }

    #[test]
    fn takes_the_first_version_over() {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&1_700_000_000_000_i64.to_be_bytes());
        let expected = FoundMetadata::KafkaStreams { time: 1_700_000_000_000, processors: Vec::new() };
        assert_eq!(FoundMetadata::read(&STANDARD.encode(bytes)), expected);
    }

    #[test]
    fn is_never_longer_than_foretold() {
        for (lanes, clocks) in [(0, 0), (1, 0), (3, 2), (100, 100)] {
            let clocks_of = |hash| (hash as u16, i64::MIN + 1);
            let widest = CommitMetadata {
                commit_number: u64::MAX,
                stream_time: i64::MAX,
                lanes: vec![i64::MIN + 1; lanes],
                clocks: (0..clocks).map(clocks_of).collect(),
            };
            assert!(widest.encode().len() <= CommitMetadata::longest(lanes, clocks), "{lanes} lanes, {clocks} clocks");
        }
    }

    #[test]
    fn calls_anything_else_unknown() {
        for text in ["hello", "SA", "////", "AQ==", "AgAAAYvP5WgAAAAAAQAAAA5jYXQ="] {
            assert_eq!(FoundMetadata::read(text), FoundMetadata::Unknown, "{text}");
        }
        assert_eq!(FoundMetadata::read(""), FoundMetadata::Nothing);
    }
}
