//! The application `dimensions`: what is known of products, customers and stores, and since when.
//!
//! Changes come in any order; the tables hold every version of every row (slowly changing dimensions of type 2).
//! The model ([`Change`], [`Dimension`], [`Invalid`]) knows its rules and nothing of logs or stores; [`topology`] is the only place where both
//! meet. Nothing here does I/O.

mod change;
mod dimension;
mod formats;
mod generator;
mod invalid;
mod json;
mod replay;
mod rows;
mod sinks;
mod topology;

pub use change::{Change, Columns};
pub use dimension::{CUSTOMER, ColumnRule, DIMENSIONS, Dimension, PRODUCT, STORE, Values};
pub use formats::{ChangeJson, ColumnsJson};
pub use generator::Changes;
pub use invalid::Invalid;
pub use json::{Json, JsonText, Members, NotJson, Number};
pub use replay::Replay;
pub use sinks::{DIM_CUSTOMER, DIM_PRODUCT, DIM_STORE};
pub use topology::{NAME, topology};
