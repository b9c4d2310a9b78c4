//! The admin of the Kafka binding: one client, asked from any thread, each call with an end.

use super::KafkaConfig;
use super::error::{code_of, error_of, refused};
use super::reach::reach;
use crate::log::kafka_ffi::{Client, Failure, OffsetSpec};
use crate::log::{
    Admin, Ends, ErrorCode, GroupDescription, GroupOffset, Isolation, ListedOffset, LogError, MemberIdentity, OffsetQuery,
    TopicDescription, TopicPartition, TopicSpec, TransactionDescription,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long one call may take. A coordinator that moves, or a broker that starts, is given this long.
const LIMIT: Duration = Duration::from_secs(15);

/// How long a change may take to be seen by the broker that is asked.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// How long leaders and coordinators may be on the move before the caller hears of it.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);

/// How often a change is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A group that nobody joins.
const NO_GROUP: &str = "headwater-admin";

pub(super) struct KafkaAdmin {
    client: Client,
}

impl KafkaAdmin {
    pub(super) fn connect(config: &KafkaConfig) -> Result<Self, LogError> {
        config.check()?;
        let mut settings = config.client();
        // A client that names no group dies of a null pointer where a coordinator says that it is one no more, as a broker that has just
        // started does (`rd_kafka_handle_OffsetFetch` of librdkafka 2.12.1). This one joins nothing and commits nothing.
        settings.set("group.id", NO_GROUP);
        let client = Client::consumer(&config.finish(settings)).map_err(|failure| refused(&failure, &config.brokers))?;
        reach(&client, config)?;
        Ok(Self { client })
    }

    /// Carries a call out, again while leaders or coordinators are on the move.
    fn call<T>(&self, at: impl fmt::Display, call: impl Fn(&Client) -> Result<T, Failure>) -> Result<T, LogError> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            match call(&self.client) {
                Ok(answer) => return Ok(answer),
                Err(failure) if is_moving(code_of(failure.code)) && Instant::now() < deadline => self.look_again(code_of(failure.code)),
                Err(failure) => return Err(self.explained(failure, at)),
            }
        }
    }

    /// After a broker's restart partitions have another leader epoch. librdkafka (2.12.1) asks with the one it has cached, for a quarter of
    /// an hour, and drops it for every refusal but that of the epoch: unless it reads the metadata of all topics, no call comes through.
    fn look_again(&self, refused: ErrorCode) {
        if matches!(refused, ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch) {
            // Where this fails, the next call does too, and tells why.
            let _ = self.client.topics(LIMIT);
        }
        thread::park_timeout(LOOK_EVERY);
    }

    /// What the client complained of meanwhile explains why it had no answer.
    fn explained(&self, failure: Failure, at: impl fmt::Display) -> LogError {
        let complaints = self.client.complaints();
        match (code_of(failure.code), complaints.last()) {
            (ErrorCode::TimedOut, Some(complaint)) => error_of(ErrorCode::TimedOut, format_args!("{at}: {}", complaint.text.trim())),
            _ => refused(&failure, at),
        }
    }

    /// Waits until the broker that answers us shows what the controller has decided.
    fn wait_until_seen(&self, topic: &str, seen: impl Fn(Option<i32>) -> bool) -> Result<(), LogError> {
        let deadline = Instant::now() + VISIBLE_WITHIN;
        loop {
            let partitions = match self.client.describe_topic(topic, LIMIT) {
                Ok(found) if found.is_led => Some(Some(found.partitions)),
                Ok(_) => None,
                Err(failure) if code_of(failure.code) == ErrorCode::UnknownTopicOrPartition => Some(None),
                Err(_) => None,
            };
            if partitions.is_some_and(&seen) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(LogError::new(ErrorCode::TimedOut, format_args!("topic {topic}: changed, but the brokers do not show it")));
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    fn listed(&self, at: &TopicPartition, spec: OffsetSpec, isolation: Isolation) -> Result<(i64, i64), LogError> {
        self.call(at, |client| {
            let listed = client.list_offsets(std::slice::from_ref(at), spec, isolation, LIMIT)?;
            listed.into_iter().next().map_or(Ok((-1, -1)), |(_, listed)| listed)
        })
    }
}

impl Admin for KafkaAdmin {
    fn create_topic(&self, spec: &TopicSpec) -> Result<(), LogError> {
        let at = format_args!("topic {}", spec.name);
        let made = self.call(at, |client| client.create_topic(&spec.name, spec.partitions, &spec.configs, LIMIT));
        if made.as_ref().is_err_and(|error| error.code() == ErrorCode::TopicAlreadyExists) {
            // Another client was faster a moment ago: whoever hears that the topic exists asks for it next, and must find it.
            self.wait_until_seen(&spec.name, |partitions| partitions.is_some())?;
        }
        made?;
        self.wait_until_seen(&spec.name, |partitions| partitions == Some(spec.partitions))
    }

    fn delete_topic(&self, topic: &str) -> Result<(), LogError> {
        self.call(format_args!("topic {topic}"), |client| client.delete_topic(topic, LIMIT))?;
        self.wait_until_seen(topic, |partitions| partitions.is_none())
    }

    fn create_partitions(&self, topic: &str, partitions: i32) -> Result<(), LogError> {
        self.call(format_args!("topic {topic}"), |client| client.create_partitions(topic, partitions, LIMIT))?;
        self.wait_until_seen(topic, |seen| seen.is_some_and(|seen| seen >= partitions))
    }

    fn alter_topic(&self, topic: &str, configs: &[(&str, Option<&str>)]) -> Result<(), LogError> {
        self.call(format_args!("topic {topic}"), |client| client.alter_topic(topic, configs, LIMIT))
    }

    fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, LogError> {
        let at = format_args!("topic {topic}");
        let seen = match self.call(at, |client| client.describe_topic(topic, LIMIT)) {
            Err(error) if error.code() == ErrorCode::UnknownTopicOrPartition => return Ok(None),
            seen => seen?,
        };
        match self.call(at, |client| client.topic_configs(topic, LIMIT)) {
            // Deleted between the two questions.
            Err(error) if error.code() == ErrorCode::UnknownTopicOrPartition => Ok(None),
            configs => Ok(Some(TopicDescription { partitions: seen.partitions, topic_id: seen.topic_id, configs: configs? })),
        }
    }

    fn topics(&self) -> Result<Vec<Arc<str>>, LogError> {
        let mut names = self.call("all topics", |client| client.topics(LIMIT))?;
        names.sort();
        Ok(names.into_iter().map(Arc::from).collect())
    }

    fn ends(&self, at: &TopicPartition) -> Result<Ends, LogError> {
        // In this order: the end may move on meanwhile, but neither the beginning nor the stable end is ever behind it.
        let (earliest, _) = self.listed(at, OffsetSpec::Earliest, Isolation::Uncommitted)?;
        let (stable, _) = self.listed(at, OffsetSpec::Latest, Isolation::Committed)?;
        let (latest, _) = self.listed(at, OffsetSpec::Latest, Isolation::Uncommitted)?;
        Ok(Ends { earliest, latest, stable })
    }

    fn latest(&self, of: &[TopicPartition], within: Duration) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let found = self.client.list_offsets(of, OffsetSpec::Latest, Isolation::Uncommitted, within);
        let found = found.map_err(|failure| self.explained(failure, "ends of partitions"))?;
        let (answered, refused): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, listed)| listed.is_ok());
        let answered: Vec<_> = answered.into_iter().filter_map(|(at, listed)| Some((at, listed.ok()?.0))).collect();
        match refused.into_iter().find_map(|(at, listed)| Some((at, listed.err()?))) {
            Some((at, failure)) if answered.is_empty() => {
                // It may be that its leader has moved, and this client knows the old one.
                self.look_again(code_of(failure.code));
                Err(self.explained(failure, at))
            }
            _ => Ok(answered),
        }
    }

    fn list_offset(&self, at: &TopicPartition, query: OffsetQuery, isolation: Isolation) -> Result<Option<ListedOffset>, LogError> {
        let spec = match query {
            OffsetQuery::Earliest => OffsetSpec::Earliest,
            OffsetQuery::Latest => OffsetSpec::Latest,
            OffsetQuery::MaxTimestamp => OffsetSpec::MaxTimestamp,
            OffsetQuery::Time(time) => OffsetSpec::Time(time),
        };
        let (offset, timestamp) = self.listed(at, spec, isolation)?;
        let found = ListedOffset { offset, timestamp: (timestamp >= 0).then_some(timestamp) };
        Ok((offset >= 0).then_some(found))
    }

    fn delete_records(&self, at: &TopicPartition, before: Option<i64>) -> Result<i64, LogError> {
        self.call(at, |client| client.delete_records(&at.topic, at.partition, before, LIMIT))
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition], require_stable: bool) -> Result<Vec<Option<GroupOffset>>, LogError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.call(format_args!("group {group}"), |client| client.committed(group, partitions, require_stable, LIMIT))?;
        let mut found: BTreeMap<_, _> = found.into_iter().map(|offset| (offset.at.clone(), offset)).collect();
        Ok(partitions.iter().map(|at| found.remove(at)).collect())
    }

    fn commit_offsets(&self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError> {
        let at = format_args!("group {group}");
        if *member != MemberIdentity::outside() {
            return Err(LogError::new(
                ErrorCode::UnsupportedFeature,
                format_args!("{at}: only a member itself can commit with its generation"),
            ));
        }
        let outcomes = self.call(at, |client| client.commit_offsets(group, offsets, LIMIT))?;
        first_refusal(outcomes, offsets.iter().map(|offset| &offset.at))
    }

    fn delete_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<(), LogError> {
        let outcomes = self.call(format_args!("group {group}"), |client| client.delete_offsets(group, partitions, LIMIT))?;
        first_refusal(outcomes, partitions.iter())
    }

    fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.call(format_args!("group {group}"), |client| client.delete_group(group, LIMIT))
    }

    fn describe_group(&self, group: &str) -> Result<Option<GroupDescription>, LogError> {
        match self.call(format_args!("group {group}"), |client| client.describe_group(group, LIMIT)) {
            Err(error) if error.code() == ErrorCode::GroupIdNotFound => Ok(None),
            // What a broker says of a group that it does not know, by the older question.
            Ok(seen) if seen.state == "Dead" && seen.members.is_empty() => Ok(None),
            Ok(mut seen) => {
                seen.members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
                Ok(Some(GroupDescription { state: seen.state, members: seen.members }))
            }
            Err(error) => Err(error),
        }
    }

    fn describe_transaction(&self, transactional_id: &str) -> Result<Option<TransactionDescription>, LogError> {
        let at = format_args!("transactional id {transactional_id}: use kafka-transactions.sh describe");
        Err(LogError::new(ErrorCode::UnsupportedFeature, at))
    }
}

/// A topic that was just made or a broker that has just started answers so for a moment.
fn is_moving(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(
        code,
        NotLeader
            | LeaderNotAvailable
            | FencedLeaderEpoch
            | UnknownLeaderEpoch
            | OffsetNotAvailable
            | NotController
            | CoordinatorLoadInProgress
            | CoordinatorNotAvailable
            | NotCoordinator
    )
}

/// The first refusal in the order in which it was asked.
fn first_refusal<'a>(
    outcomes: Vec<(TopicPartition, Result<(), Failure>)>, asked: impl Iterator<Item = &'a TopicPartition>,
) -> Result<(), LogError> {
    let mut outcomes: BTreeMap<_, _> = outcomes.into_iter().collect();
    asked.into_iter().try_for_each(|at| outcomes.remove(at).unwrap_or(Ok(())).map_err(|failure| refused(&failure, at)))
}
