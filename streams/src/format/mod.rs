//! How a type looks on the wire. A type brings its format ([`Data`]); another one may be named where it is used.
//!
//! Formats never see "no bytes": whether a type has a null is [`Nullable`]'s business.

mod big_endian;
mod bincode;
mod bytes;
mod change;
mod data;
mod error;
mod json;
mod keyless;
mod moment;
mod tuple;
mod utf8;
mod uuid;
mod windowed;

pub use self::bincode::Bincode;
pub use self::uuid::{UuidBytes, UuidText};
pub use big_endian::BigEndian;
pub use bytes::{Bytes, Raw};
pub use change::ChangeFormat;
pub use data::{Data, Nullable, Row};
pub use error::FormatError;
pub use json::Json;
pub use keyless::{NoKey, NoKeyFormat};
pub use moment::{Moment, OrderedTime};
pub use tuple::Tuple;
pub use utf8::Utf8;
pub use windowed::{TimeWindowed, WindowedFormat};

use std::borrow::Cow;

/// A way to write values of `T` as bytes. Kafka: `Serde`.
pub trait Format<T>: Send + Sync + 'static {
    /// Appends the value's bytes; `out` may hold something already.
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Reads a value that takes up all of `bytes`.
    fn decode(&self, bytes: &[u8]) -> Result<T, FormatError>;

    /// Tells this format from others, in `describe()` and in the hash of a plan: a store's bytes are readable as long as its formats keep their names.
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(std::any::type_name::<Self>())
    }
}
