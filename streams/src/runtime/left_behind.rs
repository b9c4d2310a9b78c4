//! What a foreign-key join of Kafka Streams has left under our application id, in topics that we do not read.

use super::AppError;
use crate::graph::{TopicName, Topology};
use crate::log::{Admin, TopicPartition};

/// What our foreign-key joins call the topic of their subscriptions, behind their names.
const OURS: &str = "-subscriptions-repartition";

/// What Kafka Streams calls their changelog: behind the join's name, or around a number of ten digits (`KTableImpl`).
const NAMED: &str = "-subscription-store-changelog";
const NUMBERED: (&str, &str) = ("KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-", "-changelog");

/// A join that went on without the subscriptions of its left rows would tell nobody of changes on its right. So it does not begin.
pub(super) fn refuse_subscriptions(admin: &dyn Admin, topology: &Topology, application_id: &str) -> Result<(), AppError> {
    let joins: Vec<_> = topology.repartitions().iter().filter_map(|plan| name_of(&plan.topic)).collect();
    if joins.is_empty() {
        return Ok(());
    }
    let topics = admin.topics().map_err(AppError::log("cannot list the topics"))?;
    for topic in topics {
        let Some(internal) = topic.strip_prefix(application_id).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let is_named = internal.strip_suffix(NAMED).is_some_and(|name| joins.contains(&name));
        if (is_named || is_numbered(internal)) && !is_empty(admin, &topic)? {
            return Err(AppError::Topics(format!(
                "topic {topic} holds subscriptions of a foreign-key join of Kafka Streams, in a layout that is not ours: without them changes of the right \
                 table would reach no row; start under another application id, which reads its inputs from the beginning, or, if they are not needed \
                 any more, delete the topic"
            )));
        }
    }
    Ok(())
}

fn name_of(topic: &TopicName) -> Option<&str> {
    match topic {
        TopicName::Internal(name) => name.strip_suffix(OURS),
        TopicName::Fixed(_) => None,
    }
}

fn is_numbered(internal: &str) -> bool {
    let number = internal.strip_prefix(NUMBERED.0).and_then(|rest| rest.strip_suffix(NUMBERED.1));
    number.is_some_and(|number| number.len() == 10 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

fn is_empty(admin: &dyn Admin, topic: &str) -> Result<bool, AppError> {
    let failed = |error| AppError::log(format!("cannot ask what topic {topic} holds"))(error);
    let count = admin.describe_topic(topic).map_err(failed)?.map_or(0, |found| found.partitions);
    for partition in 0..count {
        let ends = admin.ends(&TopicPartition::new(topic, partition)).map_err(failed)?;
        if ends.earliest < ends.latest {
            return Ok(false);
        }
    }
    Ok(true)
}
