//! Members of another kind in the group: an application that is being taken over from Kafka Streams, or still runs there.
//!
//! Whoever speaks another protocol is let in when the group is empty. A Kafka Streams application does not leave its group when it is closed:
//! the group waits for it until its session is over. So a start waits too, and says for what.

use super::AppError;
use crate::log::{ErrorCode, GroupEvent, LogError};
use std::time::Duration;
use tracing::{info, warn};

/// Since when the group has refused us (wall time in milliseconds).
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    since: Option<i64>,
}

impl Strangers {
    /// Whether the group refuses us for their sake.
    pub(crate) fn hold(&mut self, now: i64, group: &str, heard: &Result<Vec<GroupEvent>, LogError>) -> bool {
        match heard {
            Err(error) if error.code() == ErrorCode::InconsistentGroupProtocol => {
                if self.since.is_none() {
                    warn!(
                        group,
                        "the group has members of another kind, Kafka Streams for example: stop them; waiting until their session.timeout.ms is over"
                    );
                }
                self.since.get_or_insert(now);
                true
            }
            Ok(events) if !events.is_empty() => {
                if let Some(since) = self.since.take() {
                    info!(group, after_ms = now - since, "the group has let us in");
                }
                false
            }
            _ => false,
        }
    }

    /// They may be stopped already, but not for ever.
    pub(crate) fn check(&self, now: i64, group: &str, patience: Duration) -> Result<(), AppError> {
        let is_over = self.since.is_some_and(|since| now - since >= patience.as_millis() as i64);
        if is_over { Err(AppError::Strangers { group: group.to_owned(), waited: patience }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn refused() -> Result<Vec<GroupEvent>, LogError> {
        Err(LogError::new(ErrorCode::InconsistentGroupProtocol, "app"))
    }

    #[test]
    fn strangers_are_waited_for_and_then_named() {
        let mut strangers = Strangers::default();
        for now in [1_000, 2_000, 60_999] {
            assert!(strangers.hold(now, "app", &refused()));
            assert!(!strangers.hold(now, "app", &Ok(Vec::new())), "between two refusals a member hears nothing");
            strangers.check(now, "app", PATIENCE).unwrap();
        }
        let error = strangers.check(61_000, "app", PATIENCE).unwrap_err().to_string();
        assert!(error.contains("group app") && error.contains("Kafka Streams") && error.contains("60 s"), "{error}");
    }

    #[test]
    fn once_inside_the_patience_is_new() {
        let mut strangers = Strangers::default();
        assert!(strangers.hold(0, "app", &refused()));
        assert!(!strangers.hold(5_000, "app", &Ok(vec![GroupEvent::Lost { partitions: Vec::new() }])));
        assert!(strangers.hold(90_000, "app", &refused()));
        strangers.check(90_000, "app", PATIENCE).unwrap();
    }

    #[test]
    fn other_errors_are_not_about_them() {
        assert!(!Strangers::default().hold(0, "app", &Err(LogError::new(ErrorCode::GroupAuthorization, "app"))));
    }
}
