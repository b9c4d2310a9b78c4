//! A log that is away for a while is nobody's fault: whoever asked asks again, and a person reads of it once at each end.

use super::AppError;
use crate::log::{ErrorCode, LogError};
use std::collections::BTreeMap;
use tracing::{info, warn};

/// What is not answered now, and since when (wall time in milliseconds).
#[derive(Debug, Default)]
pub(crate) struct Outages {
    since: BTreeMap<&'static str, i64>,
}

impl Outages {
    /// Keeps note of an answer or its absence. `what` completes "waiting for".
    pub(crate) fn note<T>(&mut self, now: i64, what: &'static str, answer: &Result<T, LogError>) {
        match answer {
            Err(error) if is_away(error) => {
                if self.since.insert(what, *self.since.get(what).unwrap_or(&now)).is_none() {
                    warn!(%error, "the log does not answer, waiting for {what}");
                }
            }
            Err(_) => {}
            Ok(_) if self.since.is_empty() => {}
            Ok(_) => {
                if let Some(since) = self.since.remove(what) {
                    info!(after_ms = now - since, "the log answers again, going on with {what}");
                }
            }
        }
    }

    /// The answer, or nothing while the log is away.
    pub(crate) fn bridge<T>(&mut self, now: i64, what: &'static str, answer: Result<T, LogError>) -> Result<Option<T>, AppError> {
        self.note(now, what, &answer);
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if may_pass(&error) => Ok(None),
            Err(error) => Err(AppError::log(format!("no way on with {what}"))(error)),
        }
    }
}

/// The log could not be reached, or did not answer in time.
pub(crate) fn is_away(error: &LogError) -> bool {
    // These two say that the log is there and that somebody else is not done yet.
    let is_busy = matches!(error.code(), ErrorCode::UnstableOffsetCommit | ErrorCode::ConcurrentTransactions);
    matches!(error.code(), ErrorCode::Transport | ErrorCode::TimedOut) || error.is_retriable() && !is_busy
}

/// The same question may be answered later.
pub(crate) fn may_pass(error: &LogError) -> bool {
    error.is_retriable() || is_away(error)
}
