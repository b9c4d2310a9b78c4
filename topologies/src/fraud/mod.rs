//! The application `fraud`: looks at each sale in the light of its user's earlier ones, and raises an alert where it does not fit.
//!
//! Detectors are pure ([`Detector`]): what they remember of a user is handed in, and all that they compute is in whole numbers, so
//! that anybody comes to the same alerts from the same sales. [`topology`] is the only place where they meet logs and stores.

mod alert;
mod amount;
mod detector;
mod evaluation;
mod formats;
mod history;
mod purchase;
mod sinks;
mod topology;
mod travel;
mod velocity;

pub use alert::{Alert, AlertKey, MODEL, Score, Severity};
pub use amount::{AmountDetector, Amounts};
pub use detector::{Detector, Hit};
pub use evaluation::{AmountOnly, Evaluation, Label, Measure, Seen};
pub use formats::{AlertJson, AlertKeyJson, HistoryLayout, PurchaseJson};
pub use history::History;
pub use purchase::Purchase;
pub use sinks::FRAUD_ALERTS_TABLE;
pub use topology::{FRAUD_ALERTS, HISTORIES, NAME, topology};
pub use travel::{Sight, TravelDetector, Whereabouts};
pub use velocity::{Recent, Recently, VelocityDetector};
