//! Numbers and truth values as Kafka's own serializers write them.

use super::{Data, Format, FormatError};
use std::borrow::Cow;

/// Big-endian, in the type's size; a `bool` is one byte, 0 or 1. Unsigned numbers sort by their bytes, signed ones do not.
#[derive(Clone, Copy, Debug, Default)]
pub struct BigEndian;

macro_rules! numbers { ($($number:ty)*) => { $(
    impl Format<$number> for BigEndian {
        #[inline]
        fn encode(&self, value: &$number, out: &mut Vec<u8>) -> Result<(), FormatError> {
            out.extend_from_slice(&value.to_be_bytes());
            Ok(())
        }

        #[inline]
        fn decode(&self, bytes: &[u8]) -> Result<$number, FormatError> {
            let wrong_length = |_| FormatError::WrongLength { expected: size_of::<$number>(), found: bytes.len() };
            bytes.try_into().map(<$number>::from_be_bytes).map_err(wrong_length)
        }

        fn name(&self) -> Cow<'static, str> {
            concat!("big-endian/", stringify!($number)).into()
        }
    }

    impl Data for $number {
        type Format = BigEndian;
    }
)* } }
numbers!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64);

impl Format<bool> for BigEndian {
    fn encode(&self, value: &bool, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(u8::from(*value));
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<bool, FormatError> {
        match bytes {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(FormatError::malformed(format_args!("{other} is neither 0 nor 1"))),
            _ => Err(FormatError::WrongLength { expected: 1, found: bytes.len() }),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        "big-endian/bool".into()
    }
}

impl Data for bool {
    type Format = BigEndian;
}
