//! What an embedded or simulated log may be told about itself.

use std::time::Duration;

/// Settings of a log that is its own broker. The defaults are Kafka's, except where said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// How often segments are looked at for retention.
    pub retention_check: Duration,
    /// How often topics are looked at for compaction.
    pub compaction_check: Duration,
    /// How often open transactions are looked at for their timeout. Kafka looks each 10 s; here one second, since looking costs next to nothing.
    pub transaction_check: Duration,
    /// The longest transaction timeout that a producer may have.
    pub max_transaction_timeout: Duration,
    /// The shortest session timeout that a member may have. Kafka says 6 s; on one machine one second is safe.
    pub min_session_timeout: Duration,
    /// The longest session timeout that a member may have.
    pub max_session_timeout: Duration,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            retention_check: Duration::from_secs(300),
            compaction_check: Duration::from_secs(15),
            transaction_check: Duration::from_secs(1),
            max_transaction_timeout: Duration::from_secs(900),
            min_session_timeout: Duration::from_secs(1),
            max_session_timeout: Duration::from_secs(1800),
        }
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
