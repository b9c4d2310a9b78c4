//! Reading stores from outside: what a view asks, what a store answers, and who may be asked.
//!
//! A view ([`KeyValueView`], [`WindowView`], [`SessionView`], [`VersionedView`]) is typed; what it asks is a question in bytes, and what comes
//! back are rows in bytes. So the same views read a test's tasks, a processor's own stores, the committed state of a running application from any
//! thread, and, through the stream thread, what is not committed yet. Nothing here writes.

mod answer;
mod base;
mod collected;
mod entry;
mod error;
mod key_value;
mod place;
mod question;
mod session;
mod versioned;
mod window;

pub use entry::Entry;
pub use error::QueryError;
pub use key_value::KeyValueView;
pub use place::Queryable;
pub use session::SessionView;
pub use versioned::{Version, VersionedView};
pub use window::WindowView;

pub(crate) use answer::{Held, committed, rows, version, windowed};
pub(crate) use place::Place;
pub(crate) use question::{Ask, Found, Keys, Question, Which, merge};
