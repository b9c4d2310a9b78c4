//! Moments as parts of keys.

use super::{Data, Format, FormatError};
use crate::record::Timestamp;
use std::borrow::Cow;

/// A time in milliseconds whose bytes sort as the times do, those before 1970 included: what a range scan over a key's rows goes by.
/// A plain `i64` is written as Kafka writes it, with the negative numbers last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Before all others.
    pub const FIRST: Moment = Moment(Timestamp::MIN);
    /// After all others.
    pub const LAST: Moment = Moment(Timestamp::MAX);
}

/// 8 bytes, big-endian, with the sign bit turned.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderedTime;

const SIGN: u64 = 1 << 63;

impl Format<Moment> for OrderedTime {
    fn encode(&self, moment: &Moment, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(&(moment.0.cast_unsigned() ^ SIGN).to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Moment, FormatError> {
        let wrong_length = |_| FormatError::WrongLength { expected: size_of::<Timestamp>(), found: bytes.len() };
        bytes.try_into().map(|bytes| Moment((u64::from_be_bytes(bytes) ^ SIGN).cast_signed())).map_err(wrong_length)
    }

    fn name(&self) -> Cow<'static, str> {
        "ordered-time".into()
    }
}

impl Data for Moment {
    type Format = OrderedTime;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sort_as_the_times_do_and_come_back() {
        let times = [Timestamp::MIN, -1_000, -1, 0, 1, 255, 256, Timestamp::MAX].map(Moment);
        let bytes = times.map(|moment| {
            let mut bytes = Vec::new();
            OrderedTime.encode(&moment, &mut bytes).unwrap();
            bytes
        });
        assert!(bytes.is_sorted());
        assert_eq!(bytes.map(|bytes| OrderedTime.decode(&bytes).unwrap()), times);
    }
}
