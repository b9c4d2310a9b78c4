//! The topics of an application: those that exist are checked, those that are missing are created as stated.
//!
//! Broker retention sets the wall clock against event time, so nothing that state depends on may expire by it.

use super::left_behind::refuse_subscriptions;
use super::plan::{Plan, TopicInfo};
use super::{AppError, Config, TimeRule};
use crate::connector::DeadLetter;
use crate::graph::{Changelog, InputRole, TopicName, Topology};
use crate::log::{Admin, ErrorCode, TopicDescription, TopicSpec};
use crate::task::{CommitMetadata, Destinations, Globals, METADATA_LIMIT};
use crate::topic::{Cleanup, Retention, TopicDeclaration};
use headwater_state::Layout;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::info;

/// Kafka's default of `delete.retention.ms`: one day.
const DELETE_RETENTION_MS: i64 = 86_400_000;

/// Checks and creates; the result knows every partition count.
pub(crate) fn prepare_topics(admin: &dyn Admin, topology: Topology, config: Config) -> Result<Plan, AppError> {
    check_times(&topology, &config)?;
    let application_id: Arc<str> = config.application_id.as_str().into();
    let dead_letter_topic: Arc<str> = DeadLetter::topic_of(&application_id).into();
    let mut topics = Topics { admin, application_id: application_id.clone(), known: BTreeMap::new() };
    topics.declared(&topology)?;
    let topology = topics.matched(topology)?;
    refuse_subscriptions(admin, &topology, &application_id)?;
    // A letter is a little longer than what it is about, and is kept until somebody has dealt with it.
    topics.ensure(
        &dead_letter_topic,
        1,
        &[("retention.ms", "-1"), ("max.message.bytes", "10485760"), ("message.timestamp.after.max.ms", MAX)],
    )?;
    topics.sources(&topology)?;
    topics.repartitions(&topology)?;
    topics.copartitioned(&topology)?;
    topics.retentions(&topology)?;
    let known = std::mem::take(&mut topics.known);
    let destinations = Arc::new(Destinations::Known(topics.destinations(&topology)?));
    let globals = Globals::of(&topology);
    let mut plan = Plan { topology, config, application_id, dead_letter_topic, topics: known, destinations, globals };
    let mut topics = Topics { admin, application_id: plan.application_id.clone(), known: std::mem::take(&mut plan.topics) };
    topics.changelogs(&plan.topology)?;
    plan.topics = topics.known;
    Ok(plan)
}

/// Times stand in the metadata of a committed offset, and a broker refuses what is too long there: rather now than with the first commit.
fn check_times(topology: &Topology, config: &Config) -> Result<(), AppError> {
    for sub in topology.sub_topologies() {
        // Under Kafka's rule a window store and the operator that fills it have a time each; a store of events counts them, what waits in a join has
        // a least time, and what closes has one up to which it was emitted.
        let windows = sub.stores.iter().filter(|store| store.needed_ms.is_some()).count();
        let clocks = if config.time_rule == TimeRule::Kafka { 4 * windows } else { 2 * windows };
        let longest = CommitMetadata::longest(sub.inputs.len(), clocks);
        if longest > METADATA_LIMIT {
            return Err(AppError::Topics(format!(
                "sub-topology {} reads {} topics and keeps {clocks} times: beside its offsets that may take {longest} characters, and {METADATA_LIMIT} are allowed; put a repartition(..) between",
                sub.index,
                sub.inputs.len(),
            )));
        }
    }
    Ok(())
}

/// Kafka: `VersionedChangelogTopicConfig`.
const VERSIONED_CHANGELOG_LAG_MS: i64 = 24 * 60 * 60 * 1_000;

struct Topics<'a> {
    admin: &'a dyn Admin,
    application_id: Arc<str>,
    known: BTreeMap<Arc<str>, TopicInfo>,
}

impl Topics<'_> {
    fn declared(&mut self, topology: &Topology) -> Result<(), AppError> {
        for topic in topology.declared_topics() {
            self.ensure(&Arc::from(topic.name), topic.partitions.unwrap_or(1), &configs_of(topic))?;
        }
        Ok(())
    }

    /// Patterns are resolved now: the topics they match decide what tasks there are.
    fn matched(&self, topology: Topology) -> Result<Topology, AppError> {
        if !topology.has_patterns() {
            return Ok(topology);
        }
        let names = self.admin.topics().map_err(AppError::log("cannot list the topics for the patterns"))?;
        topology.with_topics(&names, &self.application_id).map_err(AppError::Topics)
    }

    /// All topics but our internal ones, where data may choose; it is asked only then.
    fn destinations(&self, topology: &Topology) -> Result<BTreeMap<Arc<str>, i32>, AppError> {
        if !topology.lets_data_choose() {
            return Ok(BTreeMap::new());
        }
        let ours = format!("{}-", self.application_id);
        let names = self.admin.topics().map_err(AppError::log("cannot list the topics that data may choose"))?;
        let mut counts = BTreeMap::new();
        for name in names.into_iter().filter(|name| !name.starts_with(&ours)) {
            counts.extend(self.describe(&name)?.map(|found| (name, found.partitions)));
        }
        Ok(counts)
    }

    /// Every topic that others fill or read must be there by now.
    fn sources(&mut self, topology: &Topology) -> Result<(), AppError> {
        for table in topology.globals() {
            self.existing(&Arc::from(table.topic), "read")?;
        }
        for sub in topology.sub_topologies() {
            for input in sub.inputs.iter().filter(|input| matches!(input.topic, TopicName::Fixed(_))) {
                let topic = input.topic.resolve(&self.application_id);
                let found = self.existing(&topic, "read")?;
                if input.role == InputRole::Stream && found.configs.get("cleanup.policy").is_some_and(|policy| policy == "compact") {
                    return Err(AppError::Topics(format!(
                        "topic {topic} is compacted, but read as a stream: updates may vanish before they are read; read it with table(..), or set its cleanup.policy to delete"
                    )));
                }
            }
            for output in sub.outputs.iter().filter(|output| matches!(output, TopicName::Fixed(_))) {
                self.existing(&output.resolve(&self.application_id), "written")?;
            }
        }
        Ok(())
    }

    /// Upstream first, as the plan lists them: a count that is not given is that of the topics it is joined with, or the largest upstream.
    fn repartitions(&mut self, topology: &Topology) -> Result<(), AppError> {
        for plan in topology.repartitions() {
            let topic = plan.topic.resolve(&self.application_id);
            let largest = |topics: &mut dyn Iterator<Item = &TopicName>| {
                topics.filter_map(|topic| self.known.get(&topic.resolve(&self.application_id))).map(|known| known.partitions).max()
            };
            let group = topology.copartition_groups().iter().find(|group| group.contains(&plan.topic));
            let of_group = group.and_then(|group| largest(&mut group.iter()));
            let of_upstream = || largest(&mut topology.sub_topologies()[plan.upstream].inputs.iter().map(|input| &input.topic));
            let wanted = plan.partitions.or(of_group).or_else(of_upstream).unwrap_or(1);
            let configs =
                [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1"), ("message.timestamp.after.max.ms", MAX)];
            let found = self.ensure_as(&topic, wanted, &configs)?;
            if plan.partitions.is_some_and(|explicit| explicit != found) {
                return Err(AppError::Topics(format!(
                    "repartition topic {topic} has {found} partitions, the topology asks for {wanted}: drop the explicit count, or delete the topic while the application is stopped and drained"
                )));
            }
        }
        Ok(())
    }

    fn changelogs(&mut self, topology: &Topology) -> Result<(), AppError> {
        for sub in topology.sub_topologies() {
            let inputs = sub.inputs.iter().filter_map(|input| self.known.get(&input.topic.resolve(&self.application_id)));
            let tasks = inputs.map(|known| known.partitions).max().unwrap_or(1);
            for store in &sub.stores {
                let Changelog::Internal { topic, window } = &store.changelog else { continue };
                let topic = topic.resolve(&self.application_id);
                let policy = if *window { "compact,delete" } else { "compact" };
                let mut configs = vec![("cleanup.policy", policy), ("retention.ms", "-1"), ("message.timestamp.after.max.ms", MAX)];
                // Earlier versions are not superseded by later ones until the history has passed. Kafka adds a day as well.
                let lag = match store.spec.layout {
                    Layout::Versioned { history_ms, .. } => Some(history_ms.saturating_add(VERSIONED_CHANGELOG_LAG_MS).to_string()),
                    Layout::KeyValue | Layout::Window { .. } | Layout::Session { .. } => None,
                };
                configs.extend(lag.iter().map(|lag| ("min.compaction.lag.ms", lag.as_str())));
                let found = self.ensure_as(&topic, tasks, &configs)?;
                if found != tasks {
                    return Err(AppError::Topics(format!(
                        "changelog {topic} has {found} partitions for {tasks} tasks: its input has changed its partition count, which moves keys away from their state; use another application id, or put the old count back"
                    )));
                }
            }
        }
        Ok(())
    }

    /// A record that is not late must still be there when it is read after an outage.
    fn retentions(&self, topology: &Topology) -> Result<(), AppError> {
        for sub in topology.sub_topologies() {
            let Some((store, needed)) = longest_windows(topology, sub.index) else { continue };
            // Ours are kept for ever.
            let streams = sub.inputs.iter().filter(|input| input.role == InputRole::Stream && matches!(input.topic, TopicName::Fixed(_)));
            for input in streams {
                let topic = input.topic.resolve(&self.application_id);
                let kept = self.known.get(&topic).and_then(|known| known.retention_ms);
                if let Some(kept) = kept.filter(|kept| *kept < needed) {
                    return Err(AppError::Topics(format!(
                        "topic {topic} keeps records for {kept} ms, but windows of store {store} take them for {needed} ms (size and grace): what is not late yet may be gone before it is read; raise its retention.ms to at least {needed}"
                    )));
                }
            }
        }
        Ok(())
    }

    fn copartitioned(&self, topology: &Topology) -> Result<(), AppError> {
        for group in topology.copartition_groups() {
            let counts: Vec<_> = group
                .iter()
                .map(|topic| topic.resolve(&self.application_id))
                .map(|topic| (self.known.get(&topic).map_or(0, |known| known.partitions), topic))
                .collect();
            if counts.windows(2).any(|pair| pair[0].0 != pair[1].0) {
                let list: Vec<_> = counts.iter().map(|(count, topic)| format!("{topic} ({count})")).collect();
                return Err(AppError::Topics(format!(
                    "topics that are joined must have the same number of partitions: {}; repartition(..) the smaller side",
                    list.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn existing(&mut self, topic: &Arc<str>, done: &str) -> Result<TopicDescription, AppError> {
        let found = self.describe(topic)?;
        let found = found.ok_or_else(|| {
            AppError::Topics(format!("topic {topic} is {done} but does not exist: create it, or declare it in the topology"))
        })?;
        self.remember(topic, &found);
        Ok(found)
    }

    /// Takes a topic with the partitions it has, or creates it. Returns how many it has.
    fn ensure<V: AsRef<str>>(&mut self, topic: &Arc<str>, partitions: i32, configs: &[(&str, V)]) -> Result<i32, AppError> {
        if let Some(found) = self.describe(topic)? {
            self.remember(topic, &found);
            return Ok(found.partitions);
        }
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().to_owned())).collect();
        match self.admin.create_topic(&TopicSpec { name: topic.to_string(), partitions, configs }) {
            Ok(()) => info!(topic = %topic, partitions, "created topic"),
            // Another instance was faster.
            Err(error) if error.code() == ErrorCode::TopicAlreadyExists => {}
            Err(error) => return Err(AppError::log(format!("cannot create topic {topic}"))(error)),
        }
        self.existing(topic, "needed").map(|found| found.partitions)
    }

    /// The same for a topic of ours: one that exists already, made by Kafka Streams or by somebody's hand, gets the configurations that
    /// state depends on before anything relies on them.
    fn ensure_as(&mut self, topic: &Arc<str>, partitions: i32, configs: &[(&str, &str)]) -> Result<i32, AppError> {
        let partitions = self.ensure(topic, partitions, configs)?;
        let found = self.existing(topic, "needed")?;
        let differs = |name: &str, wanted: &str| found.configs.get(name).is_none_or(|value| words(value) != words(wanted));
        let wrong: Vec<_> =
            configs.iter().filter(|(name, wanted)| differs(name, wanted)).map(|(name, wanted)| (*name, Some(*wanted))).collect();
        if !wrong.is_empty() {
            let list: Vec<_> = wrong.iter().filter_map(|(name, wanted)| Some(format!("{name}={}", (*wanted)?))).collect();
            info!(%topic, configs = list.join(" "), "taking an existing topic over");
            self.admin
                .alter_topic(topic, &wrong)
                .map_err(AppError::log(format!("topic {topic} must have {}, and cannot be given it", list.join(", "))))?;
        }
        Ok(partitions)
    }

    fn describe(&self, topic: &Arc<str>) -> Result<Option<TopicDescription>, AppError> {
        self.admin.describe_topic(topic).map_err(AppError::log(format!("cannot describe topic {topic}")))
    }

    fn remember(&mut self, topic: &Arc<str>, found: &TopicDescription) {
        let number = |name: &str| found.configs.get(name).and_then(|text| text.parse::<i64>().ok());
        let delete_retention_ms = number("delete.retention.ms").unwrap_or(DELETE_RETENTION_MS);
        let deletes = found.configs.get("cleanup.policy").is_none_or(|policy| words(policy).contains("delete"));
        let retention_ms = number("retention.ms").filter(|kept| deletes && *kept >= 0);
        self.known
            .insert(topic.clone(), TopicInfo { partitions: found.partitions, topic_id: found.topic_id, delete_retention_ms, retention_ms });
    }
}

/// The store whose windows take records for longest, of a sub-topology and of those that it feeds.
fn longest_windows(topology: &Topology, index: usize) -> Option<(&'static str, i64)> {
    let own = topology.sub_topologies()[index].stores.iter().filter_map(|store| Some((store.name, store.needed_ms?)));
    // Repartitions of events lead downstream only, so this ends; those of rows may lead back.
    let fed = topology.repartitions().iter().filter(|plan| plan.upstream == index && plan.role == InputRole::Stream);
    own.chain(fed.filter_map(|plan| longest_windows(topology, plan.downstream))).max_by_key(|(_, needed)| *needed)
}

/// Lists of words in any order.
fn words(value: &str) -> BTreeSet<&str> {
    value.split(',').map(str::trim).collect()
}

/// The log measures retention by record times: where it is finite they must be those of the log, not of the events.
fn configs_of(topic: &TopicDeclaration) -> Vec<(&'static str, String)> {
    let mut configs = Vec::new();
    match topic.cleanup {
        Cleanup::Compact => configs.push(("cleanup.policy", "compact".to_owned())),
        Cleanup::Delete => match topic.retention {
            Retention::Forever => configs.push(("retention.ms", "-1".to_owned())),
            Retention::Default => configs.push(("message.timestamp.type", "LogAppendTime".to_owned())),
            Retention::Time(time) => {
                configs.push(("retention.ms", time.as_millis().to_string()));
                configs.push(("message.timestamp.type", "LogAppendTime".to_owned()));
            }
        },
    }
    configs
}

/// Internal topics carry event times: the broker must not judge them by its wall clock.
const MAX: &str = "9223372036854775807";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::{Repartitioned, StreamsBuilder, Tumbling, WindowStore};
    use crate::log::{Log, LogSettings, SimulatedLog, VirtualClock};
    use crate::topic::Topic;
    use headwater_state::MemoryDisk;
    use std::time::Duration;

    const IN: Topic<String, u64> = Topic::new("in");

    fn log() -> SimulatedLog {
        SimulatedLog::open(&MemoryDisk::new(), VirtualClock::at(0), LogSettings::default(), 1).unwrap()
    }

    fn create(log: &SimulatedLog, name: &str, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        log.admin().create_topic(&TopicSpec { name: name.into(), partitions: 1, configs }).unwrap();
    }

    fn windows() -> Topology {
        let app = StreamsBuilder::new();
        let hours = Tumbling::of(Duration::from_secs(3600)).grace(Duration::from_secs(3600));
        let counts = app.stream(IN).repartition(Repartitioned::named("r")).group_by_key().windowed_by(hours);
        let _ = counts.count(WindowStore::new("hours"));
        app.build().unwrap()
    }

    #[test]
    fn an_input_that_forgets_what_is_not_late_yet_is_an_error_before_the_start() {
        let log = log();
        create(&log, "in", &[("retention.ms", "7199999")]);
        let error = prepare_topics(log.admin(), windows(), Config::new("app")).unwrap_err().to_string();
        assert!(error.contains("topic in keeps records for 7199999 ms") && error.contains("hours") && error.contains("7200000"), "{error}");
        log.admin().alter_topic("in", &[("retention.ms", Some("7200000"))]).unwrap();
        prepare_topics(log.admin(), windows(), Config::new("app")).unwrap();
    }

    #[test]
    fn internal_topics_that_exist_get_what_state_depends_on() {
        let log = log();
        create(&log, "in", &[("retention.ms", "-1")]);
        create(&log, "app-hours-changelog", &[("cleanup.policy", "compact"), ("retention.ms", "1000")]);
        create(&log, "app-r-repartition", &[("retention.ms", "1000")]);
        prepare_topics(log.admin(), windows(), Config::new("app")).unwrap();
        let config = |topic: &str, name: &str| log.admin().describe_topic(topic).unwrap().unwrap().configs[name].clone();
        assert_eq!(words(&config("app-hours-changelog", "cleanup.policy")), words("compact,delete"));
        assert_eq!(config("app-hours-changelog", "retention.ms"), "-1");
        assert_eq!(config("app-r-repartition", "retention.ms"), "-1");
    }
}
