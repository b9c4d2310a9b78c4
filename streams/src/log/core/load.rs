//! Reading a log's state from its store.

use super::broker::{Broker, Counters, Ids, Topic};
use super::codec::Decoder;
use super::group::{Committed, Group};
use super::keys;
use super::partition::Partition;
use super::settings::LogSettings;
use super::store::{Next, Store};
use super::transaction::Transaction;
use crate::log::{ErrorCode, LogError, TopicPartition};

impl Broker {
    /// The state that a store holds; an empty store is an empty log. Open transactions are open again, groups without members.
    pub(crate) fn load(store: &dyn Store, settings: LogSettings, ids: Ids) -> Result<Self, LogError> {
        let mut broker = Self::new(settings, ids);
        scan(store, vec![keys::COUNTERS], |_, value| {
            broker.counters = Counters::decode(value)?;
            Ok(())
        })?;
        broker.load_topics(store)?;
        scan(store, vec![keys::TRANSACTION], |key, value| {
            broker.transactions.insert(name(key)?.into(), Transaction::decode(value)?);
            Ok(())
        })?;
        scan(store, vec![keys::GROUP], |key, value| {
            broker.groups.insert(name(key)?.into(), Group::decode(value)?);
            Ok(())
        })?;
        broker.load_offsets(store)?;
        Ok(broker)
    }

    fn load_topics(&mut self, store: &dyn Store) -> Result<(), LogError> {
        let mut topics = Vec::new();
        scan(store, vec![keys::TOPIC], |key, value| {
            topics.push((name(key)?.to_owned(), Topic::decode(value)?));
            Ok(())
        })?;
        for (name, (mut topic, uids)) in topics {
            topic.partitions = uids.into_iter().map(|uid| load_partition(store, uid)).collect::<Result<_, _>>()?;
            self.topics.insert(name.into(), topic);
        }
        Ok(())
    }

    fn load_offsets(&mut self, store: &dyn Store) -> Result<(), LogError> {
        scan(store, vec![keys::OFFSET], |key, value| {
            let (group, at, _) = split_offset(key)?;
            self.groups.entry(group.into()).or_default().commit(at, Committed::decode(value)?);
            Ok(())
        })?;
        scan(store, vec![keys::PENDING], |key, value| {
            let (group, at, producer) = split_offset(key)?;
            let producer = producer.ok_or_else(|| corrupt("a key of a pending offset"))?;
            self.groups.entry(group.into()).or_default().hold(at, producer, Committed::decode(value)?);
            Ok(())
        })
    }
}

fn load_partition(store: &dyn Store, uid: u32) -> Result<Partition, LogError> {
    let mut partition = None;
    scan(store, keys::partition(keys::HEAD, uid), |_, value| {
        partition = Some(Partition::load(uid, value)?);
        Ok(())
    })?;
    let mut partition = partition.ok_or_else(|| corrupt("a partition without a head"))?;
    scan(store, keys::partition(keys::SEGMENT, uid), |_, value| partition.load_segment(value))?;
    scan(store, keys::partition(keys::PRODUCER, uid), |key, value| partition.load_producer(number(key)?, value))?;
    scan(store, keys::partition(keys::ABORTED, uid), |key, value| partition.load_aborted(number(key)?, value))?;
    Ok(partition)
}

/// Shows all pairs whose key begins so.
fn scan(store: &dyn Store, prefix: Vec<u8>, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), LogError>) -> Result<(), LogError> {
    let mut below = prefix.clone();
    while below.pop_if(|last| *last == u8::MAX).is_some() {}
    if let Some(last) = below.last_mut() {
        *last += 1;
    }
    store.scan(&prefix, &below, &mut |key, value| visit(key, value).map(|()| Next::More))
}

fn name(key: &[u8]) -> Result<&str, LogError> {
    std::str::from_utf8(&key[1..]).map_err(|_| corrupt("a name in a key"))
}

fn number(key: &[u8]) -> Result<i64, LogError> {
    keys::split_within(key).map(|(_, number)| number).ok_or_else(|| corrupt("a number in a key"))
}

/// Group, partition and, where there is one, producer id of an offset's key.
fn split_offset(key: &[u8]) -> Result<(&str, TopicPartition, Option<i64>), LogError> {
    let mut from = Decoder::new(&key[1..], "a key of an offset");
    let (group, topic) = (from.short_str()?, from.short_str()?);
    let partition = i32::from_be_bytes(from.array()?);
    let producer = from.array().ok().map(i64::from_be_bytes);
    Ok((group, TopicPartition::new(topic, partition), producer))
}

fn corrupt(what: &str) -> LogError {
    LogError::new(ErrorCode::Corrupt, what)
}
