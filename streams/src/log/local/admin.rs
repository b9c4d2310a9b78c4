//! The administrator's questions and orders.

use std::sync::Arc;

use super::assignor::decode_assignment;
use super::host::Host;
use crate::log::core::broker::Broker;
use crate::log::faults::Request;
use crate::log::{
    Admin, Ends, ErrorCode, GroupDescription, GroupOffset, Isolation, ListedOffset, LogError, MemberIdentity, OffsetQuery,
    TopicDescription, TopicPartition, TopicSpec, TransactionDescription,
};

impl Host {
    fn order<T>(&self, about: &str, order: impl FnOnce(&mut Broker, i64) -> Result<T, ErrorCode>) -> Result<T, LogError> {
        self.change(&Request::Admin, |broker, now| order(broker, now).map_err(|code| LogError::new(code, about)))
    }

    fn ask<T>(&self, ask: impl FnOnce(&Broker) -> Result<T, LogError>) -> Result<T, LogError> {
        self.look(&Request::Admin, ask)
    }
}

impl Admin for Host {
    fn create_topic(&self, spec: &TopicSpec) -> Result<(), LogError> {
        self.order(&spec.name, |broker, now| broker.create_topic(spec, now))
    }

    fn delete_topic(&self, topic: &str) -> Result<(), LogError> {
        self.order(topic, |broker, _| broker.delete_topic(topic))
    }

    fn create_partitions(&self, topic: &str, partitions: i32) -> Result<(), LogError> {
        self.order(topic, |broker, now| broker.create_partitions(topic, partitions, now))
    }

    fn alter_topic(&self, topic: &str, configs: &[(&str, Option<&str>)]) -> Result<(), LogError> {
        self.order(topic, |broker, _| broker.alter_topic(topic, configs))
    }

    fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        self.ask(|broker| Ok(broker.describe_topic(topic)))
    }

    fn topics(&self) -> Result<Vec<Arc<str>>, LogError> {
        self.ask(|broker| Ok(broker.topics.keys().cloned().collect()))
    }

    fn ends(&self, at: &TopicPartition) -> Result<Ends, LogError> {
        self.ask(|broker| broker.ends(at).map_err(|code| LogError::new(code, at)))
    }

    fn list_offset(&self, at: &TopicPartition, query: OffsetQuery, isolation: Isolation) -> Result<Option<ListedOffset>, LogError> {
        self.ask(|broker| broker.list_offset(&*self.store, at, query, isolation))
    }

    fn delete_records(&self, at: &TopicPartition, before: Option<i64>) -> Result<i64, LogError> {
        self.change(&Request::Admin, |broker, _| broker.delete_records(at, before).map_err(|code| LogError::new(code, at)))
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition], require_stable: bool) -> Result<Vec<Option<GroupOffset>>, LogError> {
        self.ask(|broker| {
            let committed = |at| broker.committed(group, at, require_stable).map_err(|code| LogError::new(code, at));
            partitions.iter().map(committed).collect()
        })
    }

    fn commit_offsets(&self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError> {
        let results = self.order(group, |broker, now| broker.commit_offsets(group, offsets, member, now))?;
        first_refusal(results, offsets.iter().map(|offset| &offset.at))
    }

    fn delete_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let results = self.order(group, |broker, _| Ok(partitions.iter().map(|at| broker.delete_offset(group, at)).collect()))?;
        first_refusal(results, partitions.iter())
    }

    fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.order(group, |broker, _| broker.delete_group(group))
    }

    fn describe_group(&self, group: &str) -> Result<Option<GroupDescription>, LogError> {
        // Members of another make have assignments of another form: what they own is unknown.
        let partitions = |assignment: &[u8]| decode_assignment(assignment).unwrap_or_default().into_iter().collect();
        self.ask(|broker| Ok(broker.describe_group(group, partitions)))
    }

    fn describe_transaction(&self, transactional_id: &str) -> Result<Option<TransactionDescription>, LogError> {
        self.ask(|broker| Ok(broker.describe_transaction(transactional_id)))
    }
}

fn first_refusal<'a>(results: Vec<Result<(), ErrorCode>>, about: impl Iterator<Item = &'a TopicPartition>) -> Result<(), LogError> {
    results.into_iter().zip(about).try_for_each(|(result, at)| result.map_err(|code| LogError::new(code, at)))
}
