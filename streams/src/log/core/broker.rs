//! The state of a whole log: topics, transactional ids, groups. What it does with them stands in the modules beside this one.
//!
//! No clock, no thread, no randomness: the time comes with each call, fresh ids from whoever made the broker. What a call changes
//! is gathered in [`Broker::writes`], one atomic set per call.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::codec::{Decoder, Encoder};
use super::config::TopicConfig;
use super::group::{Answers, Group};
use super::keys;
use super::partition::Partition;
use super::settings::LogSettings;
use super::store::WriteSet;
use super::transaction::Transaction;
use crate::log::{ErrorCode, TopicPartition};

/// Gives out numbers that nobody else has.
pub(crate) type Ids = Box<dyn FnMut() -> u128 + Send>;

/// A log's state in memory.
pub(crate) struct Broker {
    pub(crate) settings: LogSettings,
    pub(crate) topics: BTreeMap<Arc<str>, Topic>,
    pub(crate) transactions: BTreeMap<Arc<str>, Transaction>,
    pub(crate) groups: BTreeMap<Arc<str>, Group>,
    pub(crate) answers: Answers,
    pub(crate) counters: Counters,
    pub(crate) due: Due,
    pub(crate) ids: Ids,
    /// What the present call has changed and is to be stored.
    pub(crate) writes: WriteSet,
    /// Grows when there may be something new to read.
    pub(crate) version: u64,
    /// A write failed: what stands here is not what is stored.
    pub(crate) broken: bool,
}

/// A topic.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) id: [u8; 16],
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<Partition>,
}

/// Numbers that are counted up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// The next partition's number in storage.
    pub(crate) uid: u32,
    /// The next producer id.
    pub(crate) producer_id: i64,
    /// The place of the last commit of offsets.
    pub(crate) sequence: i64,
}

/// When regular work is due next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Due {
    pub(crate) retention: i64,
    pub(crate) transactions: i64,
    pub(crate) compaction: i64,
}

/// The form of what is stored. A log with another form is not opened.
pub(crate) const FORMAT: u32 = 1;

impl Broker {
    pub(crate) fn new(settings: LogSettings, ids: Ids) -> Self {
        Self {
            settings,
            topics: BTreeMap::new(),
            transactions: BTreeMap::new(),
            groups: BTreeMap::new(),
            answers: Answers::default(),
            counters: Counters::default(),
            due: Due::default(),
            ids,
            writes: WriteSet::default(),
            version: 0,
            broken: false,
        }
    }

    /// A topic's partition with what is needed to change it.
    pub(crate) fn partition_mut(&mut self, at: &TopicPartition) -> Result<(&mut Partition, &TopicConfig, &mut WriteSet), ErrorCode> {
        let topic = self.topics.get_mut(&at.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let number = usize::try_from(at.partition).ok();
        let partition = number.and_then(|number| topic.partitions.get_mut(number)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok((partition, &topic.config, &mut self.writes))
    }

    pub(crate) fn partition(&self, at: &TopicPartition) -> Result<&Partition, ErrorCode> {
        let topic = self.topics.get(&at.topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let number = usize::try_from(at.partition).ok();
        number.and_then(|number| topic.partitions.get(number)).ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    pub(crate) fn fresh_producer_id(&mut self) -> i64 {
        let id = self.counters.producer_id;
        self.counters.producer_id += 1;
        self.save_counters();
        id
    }

    pub(crate) fn save_counters(&mut self) {
        self.writes.put(keys::single(keys::COUNTERS), self.counters.encode());
    }
}

impl Counters {
    fn encode(self) -> Vec<u8> {
        Encoder::new().u32(FORMAT).u32(self.uid).i64(self.producer_id).i64(self.sequence).done()
    }

    /// Refuses what another version of this library has written.
    pub(crate) fn decode(value: &[u8]) -> Result<Self, crate::log::LogError> {
        let mut from = Decoder::new(value, "the counters of the log");
        if from.u32()? != FORMAT {
            return Err(from.corrupt());
        }
        Ok(Self { uid: from.u32()?, producer_id: from.i64()?, sequence: from.i64()? })
    }
}
