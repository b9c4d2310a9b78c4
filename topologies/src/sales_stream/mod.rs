//! The topic `sales_stream`: what the shops of a chain sell, as it happens. Several applications read it.
//!
//! The model ([`Transaction`], [`Invalid`]) knows its rules and nothing of logs or stores. Nothing here does I/O. The generator
//! ([`SalesStream`]) brings fraud into the traffic and says on a side topic ([`FRAUD_LABELS`]) which it was; no application reads that.

mod formats;
mod generator;
mod invalid;
mod model;
mod parse;
mod place;
mod topic;

pub use formats::{TransactionJson, write_transaction};
pub use generator::{FraudKind, FraudLabels, SalesStream};
pub use invalid::{Field, Invalid};
pub use model::{Currency, PaymentMethod, Transaction};
pub use place::{Coordinates, Country, Degrees, Place};
pub use topic::{FRAUD_LABELS, SALES_STREAM, declare, fraud_labels_topic, sales_stream_topic};
