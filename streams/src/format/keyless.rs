//! `()`: a key that is not there, or that nobody asks for.

use super::{Data, Format, FormatError, Nullable};

/// What `()` is when it is present, which is never: streams without a key can be read and written, not grouped or joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {}

impl Data for NoKey {
    type Format = NoKeyFormat;
}

/// Reads and writes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyFormat;

impl Format<NoKey> for NoKeyFormat {
    fn encode(&self, value: &NoKey, _: &mut Vec<u8>) -> Result<(), FormatError> {
        match *value {}
    }

    fn decode(&self, _: &[u8]) -> Result<NoKey, FormatError> {
        Err(FormatError::malformed("a key where none can be"))
    }
}

/// Reading ignores what bytes there are; writing writes null.
impl Nullable for () {
    type Present = NoKey;
    type OrNull = ();
    type Format = NoKeyFormat;

    fn present(&self) -> Option<&NoKey> {
        None
    }
    fn into_present(self) -> Option<NoKey> {
        None
    }
    fn from_present(value: NoKey) {
        match value {}
    }
    fn null() -> Option<()> {
        Some(())
    }
    fn or_null(_: Option<NoKey>) {}

    fn read<F: Format<NoKey> + ?Sized>(_: Option<&[u8]>, _: &F) -> Result<(), FormatError> {
        Ok(())
    }
}
