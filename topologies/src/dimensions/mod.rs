//! The application `dimensions`: what is known of products, customers and stores, and since when.
//!
//! Changes come in any order; the tables hold every version of every row (slowly changing dimensions of type 2).
//! The model ([`Change`], [`Columns`], [`Invalid`]) knows its rules and nothing of logs or stores.

mod change;
mod formats;
mod invalid;
mod json;
mod replay;

pub use change::{Change, Columns};
pub use formats::{ChangeJson, ColumnsJson};
pub use invalid::Invalid;
pub use json::{Json, JsonText, Members, NotJson, Number};
pub use replay::Replay;
