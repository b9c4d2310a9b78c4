//! End-to-end latency, open loop: from the millisecond at which a record was due to its receipt by a read_committed reader of the output.
//!
//! The load does not wait for the application, and a record that is sent late is not due later: nothing is omitted by coordination.

mod lag;
mod load;
mod receiver;
mod replay;

pub use lag::LagWatch;
pub use load::{Load, Sent};
pub use receiver::{Matching, Receiver};

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since the epoch.
pub(crate) fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}
