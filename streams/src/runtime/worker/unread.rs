//! Inputs that cannot be read on. Not every error is the end: a log that is away comes back, and a position may be gone only because
//! another member owns the partition by now and the group has not told us yet.

use super::Worker;
use crate::log::{ErrorCode, LogError, StartAt, TopicPartition};
use crate::runtime::AppError;
use crate::runtime::event::{Effect, ReaderOf};
use crate::runtime::outage::is_away;
use tracing::warn;

/// How long to wait before an input is read again that could not be read.
const PAUSE_MS: i64 = 500;

/// An input that could not be read.
#[derive(Debug)]
pub(super) struct Unread {
    offset: i64,
    /// How often the log has said no. The group tells within the session timeout whether that is our business.
    refusals: i64,
    again_at: i64,
}

impl Worker {
    pub(super) fn cannot_read(
        &mut self, now: i64, place: (ReaderOf, TopicPartition), offset: i64, error: LogError,
    ) -> Result<(), AppError> {
        let known = self.unread.get(&place).map(|unread| unread.refusals);
        let refusals = known.unwrap_or(0) + i64::from(!is_away(&error));
        // Counted, not timed: while the log is away the group tells nothing either.
        if refusals > self.plan.config.session_timeout.as_millis() as i64 / PAUSE_MS {
            return Err(AppError::log(why(&place.1, offset, &error))(error));
        }
        if known.is_none() {
            warn!(input = %place.1, offset, %error, "cannot be read, trying again");
        }
        self.unread.insert(place, Unread { offset, refusals, again_at: now + PAUSE_MS });
        Ok(())
    }

    pub(super) fn read_again(&mut self, now: i64, effects: &mut Vec<Effect>) {
        for ((of, at), unread) in self.unread.iter_mut().filter(|(_, unread)| now >= unread.again_at) {
            unread.again_at = i64::MAX;
            effects.push(Effect::Read(*of, at.clone(), StartAt::Offset(unread.offset)));
        }
    }
}

fn why(at: &TopicPartition, offset: i64, error: &LogError) -> String {
    match error.code() {
        ErrorCode::AutoOffsetReset | ErrorCode::OffsetOutOfRange => format!(
            "cannot read {at} at offset {offset}: the topic's records there are gone before they were processed, by its retention or because it was made anew; to go on without them, move the group's offset"
        ),
        ErrorCode::UnknownTopicOrPartition => {
            format!("cannot read {at} at offset {offset}: the topic was deleted while the application ran; nothing is reset silently")
        }
        _ => format!("cannot read {at} at offset {offset}"),
    }
}
