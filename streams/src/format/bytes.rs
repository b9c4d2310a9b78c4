//! Bytes as they are.

use super::{Data, Format, FormatError};
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that many may hold: cloning is cheap. Kafka: `Bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Bytes(bytes.into())
    }
}

/// No encoding at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

macro_rules! raw { ($($bytes:ty)*) => { $(
    impl Format<$bytes> for Raw {
        #[inline]
        fn encode(&self, value: &$bytes, out: &mut Vec<u8>) -> Result<(), FormatError> {
            out.extend_from_slice(value);
            Ok(())
        }

        #[inline]
        fn decode(&self, bytes: &[u8]) -> Result<$bytes, FormatError> {
            Ok(bytes.into())
        }

        fn name(&self) -> Cow<'static, str> {
            "raw".into()
        }
    }

    impl Data for $bytes {
        type Format = Raw;
    }
)* } }
raw!(Bytes Vec<u8>);
