//! Topics: made, altered, described, deleted.

use std::collections::BTreeMap;

use super::broker::{Broker, Topic};
use super::codec::{Decoder, Encoder};
use super::config::{TopicConfig, is_topic_name};
use super::keys;
use super::partition::Partition;
use crate::log::{ErrorCode, LogError, TopicDescription, TopicPartition, TopicSpec};

/// More partitions than this are taken for a mistake.
const MAX_PARTITIONS: i32 = 100_000;

impl Broker {
    pub(crate) fn create_topic(&mut self, spec: &TopicSpec, now: i64) -> Result<(), ErrorCode> {
        if self.topics.contains_key(spec.name.as_str()) {
            return Err(ErrorCode::TopicAlreadyExists);
        }
        if !is_topic_name(&spec.name) || self.collides(&spec.name) {
            return Err(ErrorCode::InvalidTopic);
        }
        if !(1..=MAX_PARTITIONS).contains(&spec.partitions) {
            return Err(ErrorCode::InvalidPartitions);
        }
        let config = TopicConfig::parse(spec.configs.clone())?;
        let topic = Topic { id: (self.ids)().to_be_bytes(), config, partitions: Vec::new() };
        self.topics.insert(spec.name.as_str().into(), topic);
        self.grow(&spec.name, spec.partitions, now);
        Ok(())
    }

    /// Names that differ in dots and underscores alone are the same to Kafka's metrics.
    fn collides(&self, name: &str) -> bool {
        let unified = |letter: u8| if letter == b'.' { b'_' } else { letter };
        name.contains(['.', '_']) && self.topics.keys().any(|known| known.bytes().map(unified).eq(name.bytes().map(unified)))
    }

    pub(crate) fn create_partitions(&mut self, name: &str, partitions: i32, now: i64) -> Result<(), ErrorCode> {
        let present = self.topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)?.partitions.len();
        if partitions > MAX_PARTITIONS || usize::try_from(partitions).is_ok_and(|wanted| wanted <= present) || partitions < 1 {
            return Err(ErrorCode::InvalidPartitions);
        }
        self.grow(name, partitions, now);
        Ok(())
    }

    fn grow(&mut self, name: &str, partitions: i32, now: i64) {
        let topic = self.topics.get_mut(name).expect("the topic was looked up");
        while topic.partitions.len() < partitions as usize {
            let partition = Partition::new(self.counters.uid, now);
            self.counters.uid += 1;
            partition.save(&mut self.writes);
            topic.partitions.push(partition);
        }
        self.writes.put(keys::named(keys::TOPIC, name), topic.encode());
        self.save_counters();
        self.version += 1;
    }

    pub(crate) fn alter_topic(&mut self, name: &str, changes: &[(&str, Option<&str>)]) -> Result<(), ErrorCode> {
        let topic = self.topics.get_mut(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        topic.config = topic.config.altered(changes)?;
        self.writes.put(keys::named(keys::TOPIC, name), topic.encode());
        Ok(())
    }

    /// The topic goes with all that is about it: records, what is known of producers, committed offsets. Open transactions do not hold it up.
    pub(crate) fn delete_topic(&mut self, name: &str) -> Result<(), ErrorCode> {
        let topic = self.topics.remove(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        for partition in &topic.partitions {
            partition.erase(&mut self.writes);
        }
        self.writes.delete(keys::named(keys::TOPIC, name));
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            let all = self.groups.get(&group).map(|group| group.offset_partitions()).unwrap_or_default();
            for at in all.iter().filter(|at| &*at.topic == name) {
                self.forget_offset(&group, at);
            }
        }
        self.version += 1;
        Ok(())
    }

    pub(crate) fn describe_topic(&self, name: &str) -> Option<TopicDescription> {
        let topic = self.topics.get(name)?;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Some(TopicDescription { partitions, topic_id: topic.id, configs: topic.config.describe() })
    }

    pub(crate) fn delete_records(&mut self, at: &TopicPartition, before: Option<i64>) -> Result<i64, ErrorCode> {
        let (partition, config, writes) = self.partition_mut(at)?;
        let log_start = partition.delete_records(before, config, writes)?;
        self.version += 1;
        Ok(log_start)
    }
}

impl Topic {
    fn encode(&self) -> Vec<u8> {
        let head = Encoder::new().bytes(&self.id).list(self.config.given.iter(), |out, (name, value)| out.str(name).str(value));
        head.list(self.partitions.iter(), |out, partition| out.u32(partition.uid)).done()
    }

    /// The topic without its partitions, and their numbers in storage.
    pub(crate) fn decode(value: &[u8]) -> Result<(Self, Vec<u32>), LogError> {
        let mut from = Decoder::new(value, "a topic");
        let id = from.bytes()?.try_into().map_err(|_| from.corrupt())?;
        let given: BTreeMap<_, _> = from.list(|from| Ok((from.str()?.to_owned(), from.str()?.to_owned())))?.into_iter().collect();
        let config = TopicConfig::parse(given).map_err(|_| from.corrupt())?;
        Ok((Self { id, config, partitions: Vec::new() }, from.list(|from| from.u32())?))
    }
}
