//! A group's committed offsets, and those that open transactions hold ready.

use super::super::codec::{Decoder, Encoder};
use super::{Group, GroupState};
use crate::log::{ErrorCode, LogError, MemberIdentity, TopicPartition};

/// The most UTF-16 units of metadata (Kafka: `offset.metadata.max.bytes`, which counts those).
const MAX_METADATA: usize = 4096;

/// An offset with the place of its commit among all commits: the one that was sent last counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
    pub(crate) sequence: i64,
}

impl Group {
    /// Whether a commit of this member is taken. Kafka: `ClassicGroup.validateOffsetCommit`.
    pub(crate) fn check_commit(&self, who: &MemberIdentity, transactional: bool) -> Result<(), ErrorCode> {
        if who.generation < 0 && self.is_empty() {
            return Ok(());
        }
        if who.generation >= 0 || !who.member_id.is_empty() || who.instance_id.is_some() {
            self.check_member(who)?;
            self.check_generation(who)?;
        } else if !transactional && !self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if !transactional && self.state == GroupState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A plain commit is a sign of life; a transactional one is not.
    pub(crate) fn noticed(&mut self, who: &MemberIdentity, now: i64) {
        if let Some(member) = self.members.get_mut(&who.member_id) {
            member.lives(now);
        }
    }

    pub(crate) fn committed(&self, at: &TopicPartition) -> Option<&Committed> {
        self.offsets.get(at)
    }

    pub(crate) fn is_pending(&self, at: &TopicPartition) -> bool {
        self.pending.contains_key(at)
    }

    pub(crate) fn commit(&mut self, at: TopicPartition, offset: Committed) {
        self.offsets.insert(at, offset);
    }

    pub(crate) fn hold(&mut self, at: TopicPartition, producer_id: i64, offset: Committed) {
        self.pending.entry(at).or_default().insert(producer_id, offset);
    }

    /// Ends a producer's transaction: gives out what it held, and what of it counts from now on.
    pub(crate) fn settle(&mut self, producer_id: i64, commit: bool) -> Vec<(TopicPartition, Option<Committed>)> {
        let mut settled = Vec::new();
        self.pending.retain(|at, held| {
            if let Some(offset) = held.remove(&producer_id) {
                let newest = self.offsets.get(at).is_none_or(|old| old.sequence < offset.sequence);
                settled.push((at.clone(), Some(offset).filter(|_| commit && newest)));
            }
            !held.is_empty()
        });
        for (at, offset) in &settled {
            if let Some(offset) = offset {
                self.offsets.insert(at.clone(), offset.clone());
            }
        }
        settled
    }

    /// Forgets an offset and what transactions hold for it; gives out the producers that held something.
    pub(crate) fn forget(&mut self, at: &TopicPartition) -> Vec<i64> {
        self.offsets.remove(at);
        self.pending.remove(at).map(|held| held.into_keys().collect()).unwrap_or_default()
    }

    /// All partitions for which there is something.
    pub(crate) fn offset_partitions(&self) -> Vec<TopicPartition> {
        let mut all: Vec<_> = self.offsets.keys().chain(self.pending.keys()).cloned().collect();
        all.sort();
        all.dedup();
        all
    }
}

impl Committed {
    pub(crate) fn check_metadata(metadata: &str) -> Result<(), ErrorCode> {
        let too_long = metadata.len() > MAX_METADATA && metadata.encode_utf16().count() > MAX_METADATA;
        if too_long { Err(ErrorCode::OffsetMetadataTooLarge) } else { Ok(()) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        Encoder::new().i64(self.offset).i64(self.sequence).str(&self.metadata).done()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, LogError> {
        let mut from = Decoder::new(value, "a committed offset");
        let (offset, sequence) = (from.i64()?, from.i64()?);
        Ok(Self { offset, sequence, metadata: from.str()?.into() })
    }
}
