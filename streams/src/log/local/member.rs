//! A member of a group: joins, syncs, gives signs of life, and tells what changed hands. Kafka: `ConsumerCoordinator`, KIP-429.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::assignor::{Subscription, assign, decode_assignment, encode_assignment, strategy};
use super::host::Host;
use crate::log::core::settings::millis;
use crate::log::{
    Admin, AssignmentPolicy, ErrorCode, GroupEvent, GroupOffset, GroupProtocol, GroupTicket, JoinRequest, Joined, LogError, Member,
    MemberConfig, MemberIdentity, TopicPartition,
};

/// A member of a group of the embedded or the simulated log.
pub(crate) struct LocalMember {
    host: Arc<Host>,
    config: MemberConfig,
    identity: MemberIdentity,
    phase: Phase,
    owned: BTreeSet<TopicPartition>,
    /// What is to be given up and has not been let go of.
    revoking: BTreeSet<TopicPartition>,
    /// Once nothing is left to let go of, it joins again.
    rejoins: bool,
    next_heartbeat: i64,
    /// As leader: the partitions that were shared out.
    shared_out: Option<BTreeMap<String, i32>>,
    /// To commits, not told yet.
    answers: VecDeque<Result<(), LogError>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Outside,
    Joining(GroupTicket),
    Syncing(GroupTicket),
    Inside,
    Left,
}

impl LocalMember {
    pub(crate) fn new(host: Arc<Host>, config: MemberConfig) -> Self {
        let identity = MemberIdentity { instance_id: config.instance_id.clone(), ..MemberIdentity::outside() };
        Self {
            host,
            config,
            identity,
            phase: Phase::Outside,
            owned: BTreeSet::new(),
            revoking: BTreeSet::new(),
            rejoins: false,
            next_heartbeat: 0,
            shared_out: None,
            answers: VecDeque::new(),
        }
    }

    /// One step; says whether another one may follow at once.
    fn step(&mut self, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        match self.phase {
            Phase::Left => Ok(false),
            Phase::Outside => self.join(events),
            Phase::Joining(ticket) => match self.host.joined(ticket) {
                None => Ok(false),
                Some(Ok(joined)) => self.sync(joined, events),
                Some(Err(error)) => self.recover(error, events),
            },
            Phase::Syncing(ticket) => match self.host.synced(ticket) {
                None => Ok(false),
                Some(Ok(assignment)) => self.take_over(decode_assignment(&assignment)?, events),
                Some(Err(error)) => self.recover(error, events),
            },
            Phase::Inside if self.rejoins && self.revoking.is_empty() => {
                self.rejoins = false;
                self.phase = Phase::Outside;
                Ok(true)
            }
            Phase::Inside => self.heartbeat(events),
        }
    }

    fn join(&mut self, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        let owned = if self.config.policy == AssignmentPolicy::CooperativeSticky { self.owned.clone() } else { BTreeSet::new() };
        let subscription = Subscription { topics: self.config.topics.clone(), owned, generation: self.identity.generation };
        let request = JoinRequest {
            group: self.config.group.clone(),
            member_id: self.identity.member_id.clone(),
            instance_id: self.config.instance_id.clone(),
            client_id: self.config.client_id.clone().unwrap_or_default(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.rebalance_timeout),
            topics: self.config.topics.clone(),
            strategies: vec![(strategy(self.config.policy).into(), subscription.encode())],
        };
        match self.host.join(request) {
            Ok(ticket) => self.phase = Phase::Joining(ticket),
            Err(refusal) if refusal.error.code() == ErrorCode::MemberIdRequired => self.identity.member_id = refusal.member_id,
            Err(refusal) => return self.recover(refusal.error, events),
        }
        Ok(true)
    }

    fn sync(&mut self, joined: Joined, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        self.identity.member_id.clone_from(&joined.member_id);
        self.identity.generation = joined.generation;
        self.shared_out = None;
        let mut assignments = Vec::new();
        if joined.leader == joined.member_id {
            let members = joined.members.iter().map(|(id, _, subscription)| Ok((id.clone(), Subscription::decode(subscription)?)));
            let members = members.collect::<Result<BTreeMap<_, _>, LogError>>()?;
            let counts = match self.partition_counts(members.values().flat_map(|member| &member.topics)) {
                Ok(counts) => counts,
                Err(error) => return self.recover(error, events),
            };
            let assigned = assign(self.config.policy, &members, &counts);
            assignments = assigned.into_iter().map(|(id, partitions)| (id, encode_assignment(&partitions))).collect();
            self.shared_out = Some(counts);
        }
        match self.host.sync(&self.config.group, &self.identity, assignments) {
            Ok(ticket) => self.phase = Phase::Syncing(ticket),
            Err(error) => return self.recover(error, events),
        }
        Ok(true)
    }

    /// Tells what is gone and what is new.
    fn take_over(&mut self, assigned: BTreeSet<TopicPartition>, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        self.phase = Phase::Inside;
        self.next_heartbeat = self.host.clock.now_ms() + millis(self.config.heartbeat_interval());
        let gone: BTreeSet<_> = self.owned.difference(&assigned).cloned().collect();
        let new: Vec<_> = assigned.difference(&self.owned).cloned().collect();
        self.owned.extend(new.iter().cloned());
        let identity = self.identity.clone();
        if !gone.is_empty() {
            self.rejoins = true;
            self.revoke(gone, events);
        }
        if new.is_empty() {
            events.push(GroupEvent::Generation { identity });
        } else {
            events.push(GroupEvent::Assigned { partitions: new, identity });
        }
        Ok(true)
    }

    fn revoke(&mut self, partitions: BTreeSet<TopicPartition>, events: &mut Vec<GroupEvent>) {
        let identity = self.identity.clone();
        events.push(GroupEvent::Revoked { partitions: partitions.iter().cloned().collect(), identity });
        self.revoking = partitions;
    }

    fn heartbeat(&mut self, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        let now = self.host.clock.now_ms();
        if now < self.next_heartbeat {
            return Ok(false);
        }
        self.next_heartbeat = now + millis(self.config.heartbeat_interval());
        if let Err(error) = self.host.heartbeat(&self.config.group, &self.identity) {
            return self.recover(error, events);
        }
        if let Some(counts) = &self.shared_out
            && self.partition_counts(counts.keys())? != *counts
        {
            self.begin_rejoin(events); // The leader has seen topics grow, and joins to share them out.
            return Ok(true);
        }
        Ok(false)
    }

    /// Under `Range` everything is given up before joining; what is being given up already is waited for.
    fn begin_rejoin(&mut self, events: &mut Vec<GroupEvent>) {
        if self.config.policy == AssignmentPolicy::Range && self.revoking.is_empty() && !self.owned.is_empty() {
            self.revoke(self.owned.clone(), events);
        }
        self.phase = Phase::Inside;
        self.rejoins = true;
    }

    /// What an error of the group means; says whether to go on at once.
    fn recover(&mut self, error: LogError, events: &mut Vec<GroupEvent>) -> Result<bool, LogError> {
        match error.code() {
            ErrorCode::RebalanceInProgress => self.begin_rejoin(events),
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                let partitions: Vec<_> = std::mem::take(&mut self.owned).into_iter().collect();
                if !partitions.is_empty() {
                    events.push(GroupEvent::Lost { partitions });
                }
                if error.code() == ErrorCode::UnknownMemberId {
                    self.identity.member_id.clear();
                }
                self.identity.generation = -1;
                self.revoking.clear();
                self.rejoins = false;
                self.phase = Phase::Outside;
            }
            ErrorCode::TimedOut => {
                // Lost on the way: the next poll asks again. The answer to a join comes once, so what follows it begins with a join.
                if matches!(self.phase, Phase::Joining(_) | Phase::Syncing(_)) {
                    self.phase = Phase::Outside;
                }
                return Ok(false);
            }
            ErrorCode::FencedInstanceId => {
                self.phase = Phase::Left;
                return Err(error.fatal());
            }
            _ => return Err(error),
        }
        Ok(true)
    }

    fn partition_counts<'t>(&self, topics: impl Iterator<Item = &'t String>) -> Result<BTreeMap<String, i32>, LogError> {
        let count = |topic: &String| Ok((topic.clone(), self.host.describe_topic(topic)?.map_or(0, |found| found.partitions)));
        topics.map(count).collect()
    }
}

impl Member for LocalMember {
    fn poll(&mut self) -> Result<Vec<GroupEvent>, LogError> {
        let mut events = Vec::new();
        while self.step(&mut events)? {}
        Ok(events)
    }

    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        for at in partitions {
            if self.revoking.remove(at) {
                self.owned.remove(at);
            }
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[GroupOffset], identity: &MemberIdentity) {
        let answer = self.host.commit_offsets(&self.config.group, offsets, identity);
        self.answers.push_back(answer);
    }

    fn committed(&mut self) -> Option<Result<(), LogError>> {
        self.answers.pop_front()
    }

    fn leave(&mut self) -> Result<(), LogError> {
        if self.phase == Phase::Left || self.identity.member_id.is_empty() {
            self.phase = Phase::Left;
            return Ok(());
        }
        self.phase = Phase::Left;
        match self.host.leave(&self.config.group, &self.identity) {
            Err(error) if error.code() == ErrorCode::UnknownMemberId => Ok(()),
            other => other,
        }
    }
}
