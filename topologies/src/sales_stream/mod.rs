//! The topic `sales_stream`: what the shops of a chain sell, as it happens. Several applications read it.
//!
//! The model ([`Transaction`], [`Invalid`]) knows its rules and nothing of logs or stores. Nothing here does I/O.

mod formats;
mod invalid;
mod model;
mod parse;
mod place;
mod topic;

pub use formats::{TransactionJson, write_transaction};
pub use invalid::{Field, Invalid};
pub use model::{Currency, PaymentMethod, Transaction};
pub use place::{Country, Degrees, Place};
pub use topic::{SALES_STREAM, declare, sales_stream_topic};
