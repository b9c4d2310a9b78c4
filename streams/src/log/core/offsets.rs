//! Committed offsets and groups, as the whole log sees them.

use std::sync::Arc;

use super::broker::Broker;
use super::group::{Committed, Group};
use super::keys;
use super::produce::ProducerKey;
use crate::log::group_protocol::{GroupTicket, JoinRequest};
use crate::log::{ErrorCode, GroupDescription, GroupOffset, MemberDescription, MemberIdentity, TopicPartition};

use super::settings::millis;

impl Broker {
    /// A plain commit, with one result per offset.
    pub(crate) fn commit_offsets(
        &mut self, name: &str, offsets: &[GroupOffset], who: &MemberIdentity, now: i64,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        self.group_for_commit(name, who, false)?.noticed(who, now);
        let taken = offsets.iter().map(|offset| {
            let committed = self.check_offset(offset)?;
            self.writes.put(keys::offset(keys::OFFSET, name, &offset.at.topic, offset.at.partition), committed.encode());
            self.group(name).commit(offset.at.clone(), committed);
            Ok(())
        });
        Ok(taken.collect())
    }

    /// Offsets of a transaction are held ready until it ends.
    pub(crate) fn hold_offsets(
        &mut self, name: &str, owner: ProducerKey, offsets: &[GroupOffset], who: &MemberIdentity,
    ) -> Result<(), ErrorCode> {
        self.group_for_commit(name, who, true)?;
        let mut refused = None;
        for offset in offsets {
            match self.check_offset(offset) {
                Ok(held) => {
                    self.writes.put(keys::pending(name, &offset.at.topic, offset.at.partition, owner.0), held.encode());
                    self.group(name).hold(offset.at.clone(), owner.0, held);
                }
                Err(code) => refused = refused.or(Some(code)),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// A group's offset for one partition; with `stable`, not while a transaction holds another one ready.
    pub(crate) fn committed(&self, name: &str, at: &TopicPartition, stable: bool) -> Result<Option<GroupOffset>, ErrorCode> {
        let Some(group) = self.groups.get(name) else { return Ok(None) };
        if stable && group.is_pending(at) {
            return Err(ErrorCode::UnstableOffsetCommit);
        }
        let committed = group.committed(at).filter(|committed| committed.offset >= 0);
        Ok(committed.map(|found| GroupOffset { at: at.clone(), offset: found.offset, metadata: found.metadata.clone() }))
    }

    pub(crate) fn delete_offset(&mut self, name: &str, at: &TopicPartition) -> Result<(), ErrorCode> {
        let group = self.groups.get(name).ok_or(ErrorCode::GroupIdNotFound)?;
        if group.subscribes_to(&at.topic) {
            return Err(ErrorCode::GroupSubscribedToTopic);
        }
        self.forget_offset(&Arc::from(name), at);
        Ok(())
    }

    pub(crate) fn delete_group(&mut self, name: &str) -> Result<(), ErrorCode> {
        let group = self.groups.get(name).ok_or(ErrorCode::GroupIdNotFound)?;
        if !group.is_empty() {
            return Err(ErrorCode::NonEmptyGroup);
        }
        let shared = Arc::from(name);
        for at in group.offset_partitions() {
            self.forget_offset(&shared, &at);
        }
        self.groups.remove(name);
        self.writes.delete(keys::named(keys::GROUP, name));
        Ok(())
    }

    /// What the leader has written for a member only members can read: `partitions_of`.
    pub(crate) fn describe_group(&self, name: &str, partitions_of: impl Fn(&[u8]) -> Vec<TopicPartition>) -> Option<GroupDescription> {
        let group = self.groups.get(name)?;
        let member = |(member_id, client_id, assignment): (&str, &str, &[u8])| MemberDescription {
            member_id: member_id.into(),
            client_id: client_id.into(),
            partitions: partitions_of(assignment),
        };
        Some(GroupDescription { state: group.state_name().into(), members: group.described().map(member).collect() })
    }

    pub(crate) fn join(&mut self, request: JoinRequest, now: i64) -> Result<GroupTicket, (ErrorCode, String)> {
        let refuse = |code| Err((code, String::new()));
        let bounds = millis(self.settings.min_session_timeout)..=millis(self.settings.max_session_timeout);
        if !bounds.contains(&request.session_timeout_ms) {
            return refuse(ErrorCode::InvalidSessionTimeout);
        }
        if request.group.is_empty() {
            return refuse(ErrorCode::InvalidGroupId);
        }
        if !self.groups.contains_key(request.group.as_str()) && !request.member_id.is_empty() {
            return refuse(ErrorCode::UnknownMemberId);
        }
        let prefix = request.instance_id.as_deref().unwrap_or("member");
        let fresh = format!("{prefix}-{:032x}", (self.ids)());
        let name = request.group.clone();
        if !self.group(&name).admits(&request) {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        self.with_group(&name, |group, answers| group.join(request, fresh, now, answers))
    }

    pub(crate) fn sync(
        &mut self, name: &str, who: &MemberIdentity, assignments: Vec<(String, Vec<u8>)>, now: i64,
    ) -> Result<GroupTicket, ErrorCode> {
        self.known_group(name)?;
        self.with_group(name, |group, answers| group.sync(who, assignments, now, answers))
    }

    pub(crate) fn heartbeat(&mut self, name: &str, who: &MemberIdentity, now: i64) -> Result<(), ErrorCode> {
        self.known_group(name)?;
        self.with_group(name, |group, _| group.heartbeat(who, now))
    }

    pub(crate) fn leave(&mut self, name: &str, who: &MemberIdentity, now: i64) -> Result<(), ErrorCode> {
        self.known_group(name)?;
        self.with_group(name, |group, answers| group.leave(who, now, answers))
    }

    /// Lets members go whose time is over.
    pub(crate) fn expire_members(&mut self, now: i64) {
        let due = |group: &Group| group.next_expiry().is_some_and(|next| next <= now);
        for name in self.groups.iter().filter(|(_, group)| due(group)).map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.with_group(&name, |group, answers| group.expire(now, answers));
        }
    }

    pub(crate) fn settle_offsets(&mut self, name: &str, producer_id: i64, commit: bool) {
        let Some(group) = self.groups.get_mut(name) else { return };
        for (at, offset) in group.settle(producer_id, commit) {
            self.writes.delete(keys::pending(name, &at.topic, at.partition, producer_id));
            if let Some(offset) = offset {
                self.writes.put(keys::offset(keys::OFFSET, name, &at.topic, at.partition), offset.encode());
            }
        }
    }

    pub(crate) fn forget_offset(&mut self, name: &Arc<str>, at: &TopicPartition) {
        let Some(group) = self.groups.get_mut(name) else { return };
        for producer_id in group.forget(at) {
            self.writes.delete(keys::pending(name, &at.topic, at.partition, producer_id));
        }
        self.writes.delete(keys::offset(keys::OFFSET, name, &at.topic, at.partition));
    }

    /// Something about a group; its generation is stored when it changes.
    fn with_group<T>(&mut self, name: &str, change: impl FnOnce(&mut Group, &mut super::group::Answers) -> T) -> T {
        let group = self.groups.entry(name.into()).or_default();
        let before = group.generation;
        let result = change(group, &mut self.answers);
        if group.generation != before {
            self.writes.put(keys::named(keys::GROUP, name), group.encode());
        }
        result
    }

    /// The group, made where there is none.
    fn group(&mut self, name: &str) -> &mut Group {
        if !self.groups.contains_key(name) {
            let group = Group::default();
            self.writes.put(keys::named(keys::GROUP, name), group.encode());
            self.groups.insert(name.into(), group);
        }
        self.groups.get_mut(name).expect("the group is there")
    }

    fn known_group(&self, name: &str) -> Result<(), ErrorCode> {
        if self.groups.contains_key(name) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// A group comes into being with the first commit from outside.
    fn group_for_commit(&mut self, name: &str, who: &MemberIdentity, transactional: bool) -> Result<&mut Group, ErrorCode> {
        if let Some(group) = self.groups.get(name) {
            group.check_commit(who, transactional)?;
        } else if who.generation >= 0 {
            return Err(if transactional { ErrorCode::IllegalGeneration } else { ErrorCode::GroupIdNotFound });
        }
        Ok(self.group(name))
    }

    fn check_offset(&mut self, offset: &GroupOffset) -> Result<Committed, ErrorCode> {
        self.partition(&offset.at)?;
        Committed::check_metadata(&offset.metadata)?;
        self.counters.sequence += 1;
        self.save_counters();
        Ok(Committed { offset: offset.offset, metadata: offset.metadata.clone(), sequence: self.counters.sequence })
    }
}
