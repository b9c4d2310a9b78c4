//! What time does to a group: silent members go, rebalances end.

use super::{Answers, Group, GroupState};
use crate::log::ErrorCode;

impl Group {
    /// The next moment at which [`expire`](Group::expire) may have something to do.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        let sessions = self.members.values().filter(|member| !member.waits()).map(|member| member.alive_until);
        sessions.chain(self.promised.values().copied()).chain(self.deadline).min()
    }

    /// Lets go whoever was silent for too long. Says whether anything changed.
    pub(crate) fn expire(&mut self, now: i64, answers: &mut Answers) -> bool {
        if self.next_expiry().is_none_or(|next| next > now) {
            return false;
        }
        self.promised.retain(|_, until| *until > now);
        let silent = self.members.iter().filter(|(_, member)| !member.waits() && member.alive_until <= now);
        let silent: Vec<String> = silent.map(|(id, _)| id.clone()).collect();
        for id in &silent {
            self.remove(id, ErrorCode::UnknownMemberId, answers);
        }
        if !silent.is_empty() {
            self.rebalance(now, answers);
        }
        self.complete_if_all_joined(now, answers);
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.end_phase(now, answers);
        }
        true
    }

    /// A phase of a rebalance took too long: it goes on without those who were waited for.
    fn end_phase(&mut self, now: i64, answers: &mut Answers) {
        self.deadline = None;
        match self.state {
            GroupState::PreparingRebalance => self.complete_join(now, answers),
            GroupState::CompletingRebalance | GroupState::Stable => {
                let late = std::mem::take(&mut self.unsynced);
                for id in &late {
                    self.remove(id, ErrorCode::UnknownMemberId, answers);
                }
                if !late.is_empty() {
                    self.rebalance(now, answers);
                }
            }
            GroupState::Empty => {}
        }
    }
}

impl super::Member {
    /// Who waits for an answer of the group is not silent.
    fn waits(&self) -> bool {
        self.awaits_join.is_some() || self.awaits_sync.is_some()
    }
}
