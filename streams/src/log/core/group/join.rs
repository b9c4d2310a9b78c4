//! Joining: who is in the next generation.

use super::{Answers, Group, GroupState, Member};
use crate::log::ErrorCode;
use crate::log::group_protocol::{GroupTicket, JoinRequest, Joined};

impl Group {
    /// Whether somebody with these strategies fits to those who are there.
    pub(crate) fn admits(&self, request: &JoinRequest) -> bool {
        let common = |name: &str| self.members.values().all(|member| member.supports(name));
        request.strategies.iter().any(|(name, _)| common(name))
    }

    /// Somebody asks to be a member. `fresh_id` is the id of a new one.
    pub(crate) fn join(
        &mut self, request: JoinRequest, fresh_id: String, now: i64, answers: &mut Answers,
    ) -> Result<GroupTicket, (ErrorCode, String)> {
        if !request.member_id.is_empty() {
            let again = self.join_again(request, now, answers);
            return again.map_err(|code| (code, String::new()));
        }
        let Some(instance) = request.instance_id.clone() else {
            self.promised.insert(fresh_id.clone(), now + request.session_timeout_ms);
            return Err((ErrorCode::MemberIdRequired, fresh_id));
        };
        match self.instances.insert(instance, fresh_id.clone()) {
            Some(old) => Ok(self.replace(&old, fresh_id, request, now, answers)),
            None => Ok(self.add(fresh_id, request, now, answers)),
        }
    }

    fn join_again(&mut self, request: JoinRequest, now: i64, answers: &mut Answers) -> Result<GroupTicket, ErrorCode> {
        let id = request.member_id.clone();
        if self.promised.remove(&id).is_some() {
            return Ok(self.add(id, request, now, answers));
        }
        if let Some(owner) = request.instance_id.as_ref().and_then(|instance| self.instances.get(instance))
            && *owner != id
        {
            return Err(ErrorCode::FencedInstanceId);
        }
        let Some(member) = self.members.get(&id) else { return Err(ErrorCode::UnknownMemberId) };
        let unchanged = member.strategies == request.strategies;
        let answered = match self.state {
            GroupState::Empty | GroupState::PreparingRebalance => false,
            GroupState::CompletingRebalance => unchanged,
            // The leader joins again to make the group assign anew.
            GroupState::Stable => unchanged && self.leader.as_ref() != Some(&id),
        };
        if answered {
            let ticket = answers.ticket();
            self.member(&id).lives(now);
            answers.joined.insert(ticket, Ok(self.answer(&id)));
            return Ok(ticket);
        }
        Ok(self.update(&id, request, now, answers))
    }

    fn add(&mut self, id: String, request: JoinRequest, now: i64, answers: &mut Answers) -> GroupTicket {
        self.members.insert(id.clone(), Member::new(request, now));
        self.leader.get_or_insert_with(|| id.clone());
        self.await_join(&id, now, answers)
    }

    fn update(&mut self, id: &str, request: JoinRequest, now: i64, answers: &mut Answers) -> GroupTicket {
        let member = self.member(id);
        let assignment = std::mem::take(&mut member.assignment);
        *member = Member { assignment, awaits_sync: member.awaits_sync, ..Member::new(request, now) };
        self.await_join(id, now, answers)
    }

    fn await_join(&mut self, id: &str, now: i64, answers: &mut Answers) -> GroupTicket {
        let ticket = answers.ticket();
        self.member(id).awaits_join = Some(ticket);
        self.rebalance(now, answers);
        ticket
    }

    /// A static member came back under another member id: it takes the old one's place, and a stable group does not rebalance for it.
    fn replace(&mut self, old: &str, id: String, request: JoinRequest, now: i64, answers: &mut Answers) -> GroupTicket {
        let led = self.leader.as_deref() == Some(old);
        let assignment = self.members.get(old).map(|member| member.assignment.clone()).unwrap_or_default();
        self.remove(old, ErrorCode::FencedInstanceId, answers);
        let instance = request.instance_id.clone();
        self.members.insert(id.clone(), Member { assignment, ..Member::new(request, now) });
        self.instances.extend(instance.map(|instance| (instance, id.clone())));
        if led || self.leader.is_none() {
            self.leader = Some(id.clone());
        }
        if self.state == GroupState::Stable && self.choose_strategy() == self.strategy {
            let ticket = answers.ticket();
            answers.joined.insert(ticket, Ok(self.answer(&id)));
            return ticket;
        }
        self.await_join(&id, now, answers)
    }

    /// Begins a rebalance where none runs, and ends it where nobody is waited for.
    pub(super) fn rebalance(&mut self, now: i64, answers: &mut Answers) {
        if self.state == GroupState::CompletingRebalance {
            for ticket in self.members.values_mut().filter_map(|member| member.awaits_sync.take()) {
                answers.synced.insert(ticket, Err(ErrorCode::RebalanceInProgress));
            }
        }
        if self.state != GroupState::PreparingRebalance {
            self.state = GroupState::PreparingRebalance;
            self.unsynced.clear();
            self.deadline = Some(now + self.longest_rebalance_timeout());
        }
        self.complete_if_all_joined(now, answers);
    }

    pub(super) fn complete_if_all_joined(&mut self, now: i64, answers: &mut Answers) {
        let all = self.promised.is_empty() && self.members.values().all(|member| member.awaits_join.is_some());
        if self.state == GroupState::PreparingRebalance && all {
            self.complete_join(now, answers);
        }
    }

    /// The next generation begins with those who have joined, and with static members, who may still come back.
    pub(super) fn complete_join(&mut self, now: i64, answers: &mut Answers) {
        let absent = self.members.iter().filter(|(_, member)| member.awaits_join.is_none() && member.instance_id.is_none());
        for id in absent.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id, ErrorCode::UnknownMemberId, answers);
        }
        if !self.elect() && !self.members.is_empty() {
            self.deadline = Some(now + self.longest_rebalance_timeout());
            return;
        }
        self.generation += 1;
        if self.members.is_empty() {
            (self.state, self.leader, self.deadline) = (GroupState::Empty, None, None);
            return;
        }
        self.state = GroupState::CompletingRebalance;
        self.strategy = self.choose_strategy();
        self.deadline = Some(now + self.longest_rebalance_timeout());
        self.unsynced = self.members.keys().cloned().collect();
        for id in self.member_ids() {
            let answer = self.answer(&id);
            let member = self.member(&id);
            member.lives(now);
            if let Some(ticket) = member.awaits_join.take() {
                answers.joined.insert(ticket, Ok(answer));
            }
        }
    }

    /// The leader must have joined; if it has not, somebody who has leads.
    fn elect(&mut self) -> bool {
        let joined = |id: &String| self.members.get(id).is_some_and(|member| member.awaits_join.is_some());
        if !self.leader.as_ref().is_some_and(joined) {
            let Some(next) = self.members.keys().find(|id| joined(id)) else { return false };
            self.leader = Some(next.clone());
        }
        true
    }

    /// The strategy that all support and most prefer.
    fn choose_strategy(&self) -> String {
        let common = |name: &str| self.members.values().all(|member| member.supports(name));
        let votes =
            |name: &str| self.members.values().filter(|member| member.strategies.first().is_some_and(|(first, _)| first == name)).count();
        let candidates = self.members.values().flat_map(|member| &member.strategies).map(|(name, _)| name).filter(|name| common(name));
        candidates.max_by_key(|name| votes(name)).cloned().unwrap_or_default()
    }

    fn longest_rebalance_timeout(&self) -> i64 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or_default()
    }

    fn answer(&self, id: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let all = || self.members.iter().map(|(id, member)| (id.clone(), member.instance_id.clone(), member.metadata(&self.strategy)));
        let members = if leader == id { all().collect() } else { Vec::new() };
        Joined { member_id: id.into(), generation: self.generation, leader, strategy: self.strategy.clone(), members }
    }
}
