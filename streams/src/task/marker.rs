//! Time markers: how an upstream task tells a repartition partition how far its time has come.
//!
//! A marker is a record with null key and null value and one header. It ends before the operators; user records never carry the header.

use crate::log::{Headers, RecordRef};
use crate::record::Timestamp;

const HEADER: &str = "headwater.time";
const VERSION: u8 = 1;
const LENGTH: usize = 1 + 4 + 4 + 4 + 8 + 1;

/// What one upstream task says of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Sub-topology of the upstream task.
    pub(crate) sub_topology: u32,
    /// Its partition.
    pub(crate) partition: i32,
    /// How many such tasks there are.
    pub(crate) partitions: i32,
    /// Its stream time in milliseconds.
    pub(crate) watermark: Timestamp,
    /// It stands at the end of all its inputs and does not count.
    pub(crate) idle: bool,
}

impl Marker {
    pub(crate) fn to_headers(self) -> Headers {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.sub_topology.to_be_bytes());
        bytes.extend_from_slice(&self.partition.to_be_bytes());
        bytes.extend_from_slice(&self.partitions.to_be_bytes());
        bytes.extend_from_slice(&self.watermark.to_be_bytes());
        bytes.push(u8::from(self.idle));
        Headers::EMPTY.with(HEADER, Some(&bytes))
    }

    /// The marker in this record, if it is one.
    #[inline]
    pub(crate) fn of(record: &RecordRef<'_>) -> Option<Marker> {
        if record.key.is_some() || record.value.is_some() {
            return None;
        }
        let (name, value) = record.headers.iter().next()?;
        (name == HEADER).then(|| Self::decode(value?)).flatten()
    }

    fn decode(bytes: &[u8]) -> Option<Marker> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let int = |at: usize| i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (head, _) = bytes[13..].split_first_chunk::<8>()?;
        (bytes[0] == VERSION).then(|| Marker {
            sub_topology: int(1) as u32,
            partition: int(5),
            partitions: int(9),
            watermark: i64::from_be_bytes(*head),
            idle: bytes[LENGTH - 1] == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Records;

    #[test]
    fn survives_the_log() {
        let marker = Marker { sub_topology: 3, partition: 2, partitions: 7, watermark: -1, idle: true };
        let mut records = Records::default();
        records.push(0, 5, None, None, &marker.to_headers());
        records.push(1, 5, Some(b"k"), None, &marker.to_headers());
        records.push(2, 5, None, None, &Headers::default());
        let read: Vec<_> = records.iter().map(|record| Marker::of(&record)).collect();
        assert_eq!(read, [Some(marker), None, None]);
    }
}
