//! Commits of a member that are on their way, answered in the order in which they were asked for.

use crate::log::{ErrorCode, LogError, MemberIdentity};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// After this time without an answer nobody knows whether a commit stands.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What was asked and not told yet. Each question has a number, counted from zero.
#[derive(Default)]
pub(super) struct Commits {
    told: u64,
    asked: VecDeque<Asked>,
}

struct Asked {
    at: Instant,
    identity: MemberIdentity,
    answer: Option<Result<(), LogError>>,
}

impl Commits {
    /// The number that the next question will have.
    pub(super) fn next(&self) -> u64 {
        self.told + self.asked.len() as u64
    }

    /// With an answer if it is known already.
    pub(super) fn ask(&mut self, at: Instant, identity: &MemberIdentity, answer: Option<Result<(), LogError>>) {
        self.asked.push_back(Asked { at, identity: identity.clone(), answer });
    }

    /// `judge` says whether the one who asked is still who it was: else nobody knows as whom it was answered. An answer that comes after
    /// its time is nobody's any more.
    pub(super) fn answer(
        &mut self, number: u64, answer: Result<(), LogError>, judge: impl FnOnce(&MemberIdentity) -> Result<(), LogError>,
    ) {
        let place = number.checked_sub(self.told).and_then(|place| usize::try_from(place).ok());
        if let Some(asked) = place.and_then(|place| self.asked.get_mut(place)) {
            asked.answer = Some(answer.and_then(|()| judge(&asked.identity)));
        }
    }

    /// The answer to the oldest question.
    pub(super) fn tell(&mut self, now: Instant) -> Option<Result<(), LogError>> {
        let oldest = self.asked.front()?;
        let is_overdue = now.saturating_duration_since(oldest.at) >= ANSWERED_WITHIN;
        if oldest.answer.is_none() && !is_overdue {
            return None;
        }
        let unanswered = || Err(LogError::new(ErrorCode::TimedOut, "no answer to a commit in time"));
        self.told += 1;
        self.asked.pop_front().map(|asked| asked.answer.unwrap_or_else(unanswered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_nobody_else(_: &MemberIdentity) -> Result<(), LogError> {
        Ok(())
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        let outside = MemberIdentity::outside();
        commits.ask(now, &outside, None);
        commits.ask(now, &outside, Some(Err(LogError::new(ErrorCode::IllegalGeneration, "second"))));
        assert_eq!(commits.tell(now), None);
        commits.answer(0, Ok(()), is_nobody_else);
        assert_eq!(commits.tell(now), Some(Ok(())));
        assert_eq!(commits.tell(now).unwrap().unwrap_err().code(), ErrorCode::IllegalGeneration);
        assert_eq!((commits.tell(now), commits.next()), (None, 2));
    }

    #[test]
    fn success_counts_only_for_who_has_asked() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.ask(now, &MemberIdentity::outside(), None);
        commits.answer(0, Ok(()), |_| Err(LogError::new(ErrorCode::UnknownMemberId, "another one by now")));
        assert_eq!(commits.tell(now).unwrap().unwrap_err().code(), ErrorCode::UnknownMemberId);
    }

    #[test]
    fn what_is_not_answered_in_time_is_unknown_and_its_late_answer_is_nobodys() {
        let (mut commits, now) = (Commits::default(), Instant::now());
        commits.ask(now, &MemberIdentity::outside(), None);
        let later = now + ANSWERED_WITHIN;
        commits.ask(later, &MemberIdentity::outside(), None);
        assert_eq!(commits.tell(later).unwrap().unwrap_err().code(), ErrorCode::TimedOut);
        commits.answer(0, Ok(()), is_nobody_else);
        assert_eq!(commits.tell(later), None);
        commits.answer(1, Ok(()), is_nobody_else);
        assert_eq!(commits.tell(later), Some(Ok(())));
    }
}
