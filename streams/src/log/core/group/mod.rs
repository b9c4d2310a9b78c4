//! A group: members by the classic protocol, and committed offsets. Kafka: `ClassicGroup` and `GroupMetadataManager`.

mod expiry;
mod join;
mod offsets;

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{Decoder, Encoder};
use crate::log::group_protocol::{GroupTicket, JoinRequest, Joined};
use crate::log::{ErrorCode, LogError, MemberIdentity, TopicPartition};

pub(crate) use offsets::Committed;

/// A group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) state: GroupState,
    /// Counts rebalances; outlives the members.
    pub(crate) generation: i32,
    strategy: String,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Instance id → member id.
    instances: BTreeMap<String, String>,
    /// Ids that were given out and not yet used, with their deadline.
    promised: BTreeMap<String, i64>,
    /// Who has not asked for the assignment of this generation.
    unsynced: BTreeSet<String>,
    /// When the present phase of the rebalance is over, ready or not.
    deadline: Option<i64>,
    offsets: BTreeMap<TopicPartition, Committed>,
    /// Offsets in open transactions, by producer id.
    pending: BTreeMap<TopicPartition, BTreeMap<i64, Committed>>,
}

/// Kafka's states of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum GroupState {
    #[default]
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

#[derive(Debug, Clone)]
struct Member {
    instance_id: Option<String>,
    client_id: String,
    session_timeout_ms: i64,
    rebalance_timeout_ms: i64,
    topics: Vec<String>,
    strategies: Vec<(String, Vec<u8>)>,
    assignment: Vec<u8>,
    /// Without a sign of life until then it is out.
    alive_until: i64,
    awaits_join: Option<GroupTicket>,
    awaits_sync: Option<GroupTicket>,
}

/// Answers to joins and syncs that wait to be fetched.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    next: u64,
    pub(crate) joined: BTreeMap<GroupTicket, Result<Joined, ErrorCode>>,
    pub(crate) synced: BTreeMap<GroupTicket, Result<Vec<u8>, ErrorCode>>,
}

/// Answers that nobody fetches, since the member died, are dropped when so many have come after them.
const MOST_ANSWERS: usize = 4096;

impl Answers {
    pub(crate) fn drop_forgotten(&mut self) {
        while self.joined.len() > MOST_ANSWERS {
            self.joined.pop_first();
        }
        while self.synced.len() > MOST_ANSWERS {
            self.synced.pop_first();
        }
    }

    fn ticket(&mut self) -> GroupTicket {
        self.next += 1;
        GroupTicket(self.next)
    }
}

impl Member {
    fn new(request: JoinRequest, now: i64) -> Self {
        Self {
            instance_id: request.instance_id,
            client_id: request.client_id,
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            topics: request.topics,
            strategies: request.strategies,
            assignment: Vec::new(),
            alive_until: now + request.session_timeout_ms,
            awaits_join: None,
            awaits_sync: None,
        }
    }

    fn lives(&mut self, now: i64) {
        self.alive_until = now + self.session_timeout_ms;
    }

    fn metadata(&self, strategy: &str) -> Vec<u8> {
        self.strategies.iter().find(|(name, _)| name == strategy).map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    fn supports(&self, strategy: &str) -> bool {
        self.strategies.iter().any(|(name, _)| name == strategy)
    }
}

impl Group {
    /// Kafka's word for its state.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.state {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
        }
    }

    /// The members' ids, in order.
    pub(crate) fn member_ids(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// Members by id, with what they call themselves and the leader's word on what they own.
    pub(crate) fn described(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        let is_stable = self.state == GroupState::Stable;
        self.members.iter().map(move |(id, member)| {
            let assignment: &[u8] = if is_stable { &member.assignment } else { &[] };
            (&**id, &*member.client_id, assignment)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state == GroupState::Empty
    }

    pub(crate) fn subscribes_to(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.topics.iter().any(|name| name == topic))
    }

    /// A member's request for its assignment.
    pub(crate) fn sync(
        &mut self, who: &MemberIdentity, assignments: Vec<(String, Vec<u8>)>, now: i64, answers: &mut Answers,
    ) -> Result<GroupTicket, ErrorCode> {
        self.check_member(who)?;
        self.check_generation(who)?;
        let ticket = answers.ticket();
        match self.state {
            GroupState::Empty => return Err(ErrorCode::UnknownMemberId),
            GroupState::PreparingRebalance => return Err(ErrorCode::RebalanceInProgress),
            GroupState::CompletingRebalance => {
                self.unsynced.remove(&who.member_id);
                self.member(&who.member_id).awaits_sync = Some(ticket);
                if self.leader.as_ref() == Some(&who.member_id) {
                    self.assign(assignments, now, answers);
                }
            }
            GroupState::Stable => {
                self.unsynced.remove(&who.member_id);
                let member = self.member(&who.member_id);
                member.lives(now);
                answers.synced.insert(ticket, Ok(member.assignment.clone()));
            }
        }
        Ok(ticket)
    }

    /// A sign of life; says also whether the member has to join again.
    pub(crate) fn heartbeat(&mut self, who: &MemberIdentity, now: i64) -> Result<(), ErrorCode> {
        self.check_member(who)?;
        self.check_generation(who)?;
        self.member(&who.member_id).lives(now);
        match self.state {
            GroupState::Empty => Err(ErrorCode::UnknownMemberId),
            GroupState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        }
    }

    /// A member goes.
    pub(crate) fn leave(&mut self, who: &MemberIdentity, now: i64, answers: &mut Answers) -> Result<(), ErrorCode> {
        if self.promised.remove(&who.member_id).is_some() {
            self.complete_if_all_joined(now, answers);
            return Ok(());
        }
        self.check_member(who)?;
        self.remove(&who.member_id, ErrorCode::UnknownMemberId, answers);
        self.rebalance(now, answers);
        Ok(())
    }

    fn assign(&mut self, assignments: Vec<(String, Vec<u8>)>, now: i64, answers: &mut Answers) {
        let mut assignments: BTreeMap<_, _> = assignments.into_iter().collect();
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
            if let Some(ticket) = member.awaits_sync.take() {
                member.lives(now);
                answers.synced.insert(ticket, Ok(member.assignment.clone()));
            }
        }
        self.state = GroupState::Stable;
    }

    /// Takes a member out and tells it so if it waits for something.
    fn remove(&mut self, id: &str, reason: ErrorCode, answers: &mut Answers) {
        let Some(member) = self.members.remove(id) else { return };
        self.unsynced.remove(id);
        if let Some(ticket) = member.awaits_join {
            answers.joined.insert(ticket, Err(reason));
        }
        if let Some(ticket) = member.awaits_sync {
            answers.synced.insert(ticket, Err(reason));
        }
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance).is_some_and(|owner| owner == id)
        {
            self.instances.remove(instance);
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// Whether it is a member, and the one that its instance id says.
    fn check_member(&self, who: &MemberIdentity) -> Result<(), ErrorCode> {
        if let Some(instance) = &who.instance_id {
            match self.instances.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(id) if *id != who.member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(&who.member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    fn check_generation(&self, who: &MemberIdentity) -> Result<(), ErrorCode> {
        if who.generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    fn member(&mut self, id: &str) -> &mut Member {
        self.members.get_mut(id).expect("the member was checked")
    }

    /// What outlives the members; offsets stand under keys of their own.
    pub(crate) fn encode(&self) -> Vec<u8> {
        Encoder::new().u32(self.generation as u32).done()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, LogError> {
        let generation = Decoder::new(value, "a group").u32()? as i32;
        Ok(Self { generation, ..Self::default() })
    }
}
