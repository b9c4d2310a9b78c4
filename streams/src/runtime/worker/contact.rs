//! The last contact with the group that proves something, and commits that only make sure of it.
//!
//! Without transactions nothing but this keeps the old values of a process that was stopped beyond its session from being the last ones
//! in a changelog (KAFKA-12693). A poll of the group proves nothing, since a client gives signs of life in the background; an answer to
//! a commit with our identity does, as of the time before the question, and so does an event that brings an identity.

use super::Worker;
use super::commit::CommitState;
use super::doubt::is_about_membership;
use crate::log::{GroupOffset, LogError, MemberIdentity};
use crate::runtime::event::Effect;
use crate::runtime::outage::may_pass;
use crate::runtime::{AppError, Guarantee};
use tracing::{debug, warn};

/// Nobody was ever in contact.
pub(crate) const NO_CONTACT: i64 = i64::MIN / 2;

/// How long to wait before a question that was not answered, or that the group has refused, is asked again.
const ASK_AGAIN_MS: i64 = 500;

/// Committed positions of topics that the group does not subscribe to expire, at the earliest a day after they were committed. So what
/// has nothing new to commit commits the same again.
const RENEW_MS: i64 = 12 * 3_600_000;

/// What is known of the group, and what it is being asked.
#[derive(Debug)]
pub(super) struct Contact {
    last: i64,
    /// As whom the group is being asked.
    asking: Option<MemberIdentity>,
    ask_at: i64,
    renew_at: i64,
}

impl Default for Contact {
    fn default() -> Self {
        Contact { last: NO_CONTACT, asking: None, ask_at: 0, renew_at: i64::MAX }
    }
}

impl Contact {
    pub(super) fn proven(&mut self, at: i64) {
        self.last = self.last.max(at);
    }

    pub(super) fn committed(&mut self, now: i64) {
        self.renew_at = now + RENEW_MS;
    }

    pub(super) fn lost(&mut self) {
        self.last = NO_CONTACT;
    }
}

impl Worker {
    /// Whether records may go out now. Early enough before the executor refuses them, the group is asked.
    pub(super) fn may_send(&mut self, now: i64, effects: &mut Vec<Effect>) -> bool {
        let trusted = self.plan.config.session_timeout.as_millis() as i64 / 3;
        let may = self.plan.config.guarantee == Guarantee::ExactlyOnce || now - self.contact.last < trusted || !self.has_work(now);
        if !may {
            self.confirm(now, effects);
        }
        may
    }

    /// What is not answered by events is asked for: after a refusal whether the group takes us again, and after a long rest whether it
    /// still has our positions.
    pub(super) fn ask_group(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let renews = self.commit.is_idle() && now >= self.contact.renew_at;
        if renews || self.commit == CommitState::AwaitingIdentity {
            self.confirm(now, effects);
        }
    }

    /// Commits once more what is committed already.
    fn confirm(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let Some(identity) = self.identity.clone() else { return };
        if self.contact.asking.is_none() && now >= self.contact.ask_at {
            self.contact.asking = Some(identity.clone());
            effects.push(Effect::Confirm(self.committed_offsets(), identity));
        }
    }

    pub(super) fn take_confirmed(
        &mut self, now: i64, asked_at: i64, outcome: Result<(), LogError>, effects: &mut Vec<Effect>,
    ) -> Result<(), AppError> {
        let asked_as = self.contact.asking.take();
        match outcome {
            Ok(()) => {
                self.contact.proven(asked_at);
                self.contact.committed(now);
                if self.commit == CommitState::AwaitingIdentity {
                    self.commit = CommitState::Idle;
                }
            }
            Err(error) if may_pass(&error) => self.contact.ask_at = now + ASK_AGAIN_MS,
            // A rebalance has come in between, and we are in it: what nobody asked us to give up is still ours.
            Err(error) if is_about_membership(&error) && self.has_moved_on(asked_as.as_ref()) => {
                debug!(%error, "the group has not confirmed what is committed, asking as who we are now");
            }
            Err(error) if is_about_membership(&error) => {
                debug!(%error, "the group does not confirm what is committed");
                self.contact.ask_at = now + ASK_AGAIN_MS;
                if self.plan.config.guarantee == Guarantee::AtLeastOnce && self.commit.is_idle() {
                    warn!(%error, "the group may have given our tasks to others, waiting for it to speak");
                    self.abort_all(effects);
                    self.commit = CommitState::AwaitingIdentity;
                }
            }
            Err(error) => return Err(AppError::log("cannot commit offsets")(error)),
        }
        Ok(())
    }

    /// Whether we are the same member as then, in a later generation.
    fn has_moved_on(&self, then: Option<&MemberIdentity>) -> bool {
        let pair = self.identity.as_ref().zip(then);
        pair.is_some_and(|(now, then)| now.member_id == then.member_id && now.generation > then.generation)
    }

    fn committed_offsets(&self) -> Vec<GroupOffset> {
        self.offsets_of(|task| task.committed_offsets())
    }
}
