//! bincode, for values that only Rust reads: smaller and faster than JSON.

use super::{Format, FormatError};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// One byte of version, then bincode 2 in its standard configuration (variable-length integers, little-endian), by serde.
///
/// bincode's bytes do not tell the type, so the type names its version: raise it with every change of the type's fields.
/// ```
/// use headwater_streams::prelude::*;
/// # use serde::{Serialize, Deserialize};
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct Sales { count: u64, cents: u64 }
/// impl Data for Sales {
///     type Format = Bincode<1>;
/// }
/// let mut bytes = Vec::new();
/// Bincode::<1>.encode(&Sales { count: 2, cents: 700 }, &mut bytes).unwrap();
/// assert_eq!(bytes, [1, 2, 251, 188, 2]);
/// assert_eq!(Bincode::<1>.decode(&bytes), Ok(Sales { count: 2, cents: 700 }));
/// let other: Result<Sales, _> = Bincode::<2>.decode(&bytes);
/// assert_eq!(other, Err(FormatError::WrongVersion { expected: 2, found: 1 }));
/// ```
///
/// Values of more than 64 MiB are not read: a length is believed before the bytes are there, and damaged ones could ask for more memory than there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode<const VERSION: u8>;

/// The largest value that is read, in bytes.
const LARGEST: usize = 64 << 20;

impl<const VERSION: u8, T: Serialize + DeserializeOwned> Format<T> for Bincode<VERSION> {
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.push(VERSION);
        bincode::serde::encode_into_std_write(value, out, bincode::config::standard()).map(drop).map_err(FormatError::unwritable)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, FormatError> {
        let (version, rest) = bytes.split_first().ok_or_else(|| FormatError::malformed("no version"))?;
        if *version != VERSION {
            return Err(FormatError::WrongVersion { expected: VERSION, found: *version });
        }
        let config = bincode::config::standard().with_limit::<LARGEST>();
        let (value, read) = bincode::serde::decode_from_slice(rest, config).map_err(FormatError::malformed)?;
        if read < rest.len() {
            return Err(FormatError::malformed(format_args!("{} bytes too many", rest.len() - read)));
        }
        Ok(value)
    }

    fn name(&self) -> Cow<'static, str> {
        format!("bincode/{VERSION}").into()
    }
}
