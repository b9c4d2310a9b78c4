//! Typed stores: rows of a user's types before the byte stores of `state`.
//!
//! A row that was touched in this commit interval stands decoded in a front until the commit, found by its encoded key, so that a
//! hot key is neither decoded nor encoded again. A store that is not cached has no front: each update is written and forwarded at once.

mod asked;
mod backing;
mod buffer;
mod call;
mod clock;
mod error;
mod events;
mod front;
mod handle;
mod key_bytes;
mod reading;
mod rows;
mod span_rows;
mod spans;
#[cfg(test)]
mod tests;

pub(crate) use asked::Asked;
pub(crate) use backing::{Backing, RowBytes};
pub(crate) use buffer::Buffer;
pub(crate) use call::Call;
pub(crate) use clock::Clock;
pub(crate) use error::RowError;
pub(crate) use events::EventRows;
pub use handle::{Handles, StoreError, StoreHandle};
pub(crate) use reading::OwnRows;
pub use reading::{ReadHandle, ReadOnlyHandle};
pub(crate) use rows::{KeyValueRows, Rows, SessionRows, SpanRows, WindowRows, Written};
pub(crate) use span_rows::Held;
pub(crate) use spans::{KeyEnd, SpanBytes};
