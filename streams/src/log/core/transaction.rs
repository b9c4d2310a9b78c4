//! Transactional ids and their transactions, as Kafka's coordinator keeps them (protocol version 1, which librdkafka speaks).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::codec::{Decoder, Encoder};
use crate::log::{ErrorCode, LogError, TopicPartition};

/// The largest epoch that is given out; behind it the id gets another producer id.
const LAST_EPOCH: i16 = i16::MAX - 1;

/// One transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) timeout_ms: i64,
    pub(crate) state: State,
    /// When the open transaction began, by the log's clock.
    pub(crate) begun: i64,
    /// What takes part in the open transaction.
    pub(crate) partitions: BTreeSet<TopicPartition>,
    pub(crate) groups: BTreeSet<Arc<str>>,
}

/// Kafka's states; the states between an end and its markers do not occur, since both are one write here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Empty,
    Ongoing,
    CompleteCommit,
    CompleteAbort,
}

impl Transaction {
    pub(crate) fn new(producer_id: i64, timeout_ms: i64) -> Self {
        Self { producer_id, epoch: 0, timeout_ms, state: State::Empty, begun: 0, partitions: BTreeSet::new(), groups: BTreeSet::new() }
    }

    /// Refuses whoever is not the present owner.
    pub(crate) fn check(&self, (id, epoch): (i64, i16)) -> Result<(), ErrorCode> {
        if id != self.producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if epoch != self.epoch { Err(ErrorCode::ProducerFenced) } else { Ok(()) }
    }

    /// The next owner's epoch, and where the epochs are used up, another producer id.
    pub(crate) fn pass_on(&mut self, fresh_id: impl FnOnce() -> i64) {
        if self.epoch >= LAST_EPOCH {
            (self.producer_id, self.epoch) = (fresh_id(), 0);
        } else {
            self.epoch += 1;
        }
        self.state = State::Empty;
    }

    /// The first thing that takes part begins the transaction.
    pub(crate) fn take_part(&mut self, now: i64) {
        if self.state != State::Ongoing {
            (self.state, self.begun) = (State::Ongoing, now);
        }
    }

    pub(crate) fn is_overdue(&self, now: i64) -> bool {
        self.state == State::Ongoing && now - self.begun > self.timeout_ms
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let state = match self.state {
            State::Empty => 0,
            State::Ongoing => 1,
            State::CompleteCommit => 2,
            State::CompleteAbort => 3,
        };
        let out = Encoder::new().u8(state).i64(self.producer_id).i16(self.epoch).i64(self.timeout_ms).i64(self.begun);
        let out = out.list(self.partitions.iter(), |out, at| out.str(&at.topic).u32(at.partition as u32));
        out.list(self.groups.iter(), |out, group| out.str(group)).done()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, LogError> {
        let mut from = Decoder::new(value, "a transactional id");
        let state = match from.u8()? {
            0 => State::Empty,
            1 => State::Ongoing,
            2 => State::CompleteCommit,
            3 => State::CompleteAbort,
            _ => return Err(from.corrupt()),
        };
        let (producer_id, epoch, timeout_ms, begun) = (from.i64()?, from.i16()?, from.i64()?, from.i64()?);
        let partitions = from.list(|from| Ok(TopicPartition::new(from.str()?, from.u32()? as i32)))?;
        let groups = from.list(|from| Ok(from.str()?.into()))?;
        let (partitions, groups) = (partitions.into_iter().collect(), groups.into_iter().collect());
        Ok(Self { producer_id, epoch, timeout_ms, state, begun, partitions, groups })
    }
}

impl State {
    /// Kafka's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::Ongoing => "Ongoing",
            State::CompleteCommit => "CompleteCommit",
            State::CompleteAbort => "CompleteAbort",
        }
    }
}
