//! Tuples, so that a key made of two parts needs no type of its own.

use super::{Data, Format, FormatError};
use std::borrow::Cow;

/// Every part but the last stands behind its length (4 bytes, big-endian); the last takes what is left.
/// Keys that share their first parts therefore share their first bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tuple;

fn encode_part<T: Data>(part: &T, out: &mut Vec<u8>) -> Result<(), FormatError> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    T::Format::default().encode(part, out)?;
    let length = u32::try_from(out.len() - at - 4).map_err(FormatError::unwritable)?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn decode_part<T: Data>(bytes: &mut &[u8]) -> Result<T, FormatError> {
    let short = || FormatError::malformed("ends within a part of a tuple");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(short)?;
    *bytes = rest;
    T::Format::default().decode(part)
}

macro_rules! tuples { ($(($($part:ident)*; $last:ident))*) => { $(
    impl<$($part: Data,)* $last: Data> Format<($($part,)* $last,)> for Tuple {
        #[allow(non_snake_case)]
        fn encode(&self, ($($part,)* $last,): &($($part,)* $last,), out: &mut Vec<u8>) -> Result<(), FormatError> {
            $(encode_part($part, out)?;)*
            $last::Format::default().encode($last, out)
        }

        fn decode(&self, mut bytes: &[u8]) -> Result<($($part,)* $last,), FormatError> {
            Ok(($(decode_part::<$part>(&mut bytes)?,)* $last::Format::default().decode(bytes)?,))
        }

        fn name(&self) -> Cow<'static, str> {
            let parts: Vec<Cow<'static, str>> = vec![$($part::Format::default().name(),)* $last::Format::default().name()];
            format!("tuple({})", parts.join(",")).into()
        }
    }

    impl<$($part: Data,)* $last: Data> Data for ($($part,)* $last,) {
        type Format = Tuple;
    }
)* } }
tuples!((A; B) (A B; C) (A B C; D));
