//! Settings of an application, read once.

use super::{Late, OnFailure, Policies, Recovery, TimeRule};
use crate::log::AssignmentPolicy;
use crate::task::Rules;
use std::time::Duration;

/// What a commit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Guarantee {
    /// Outputs, changelogs and positions stand or fall together (KIP-98, KIP-447).
    #[default]
    ExactlyOnce,
    /// Nothing is lost; after a death, what was processed since the last commit is processed again.
    AtLeastOnce,
}

/// How an application runs. The defaults are those of production; only the id has none.
#[derive(Clone, Debug)]
pub struct Config {
    /// Group id, and prefix of internal topics. Kafka: `application.id`.
    pub application_id: String,
    /// What a commit promises.
    pub guarantee: Guarantee,
    /// How long work is collected before it is committed: 100 ms under exactly-once, 1 s otherwise.
    pub commit_interval: Duration,
    /// How time is kept.
    pub time_rule: TimeRule,
    /// What becomes of records that fail, wherever the next four say nothing else.
    pub on_failure: OnFailure,
    /// What becomes of records whose bytes do not decode. Kafka: `deserialization.exception.handler`.
    pub on_undecodable: Option<OnFailure>,
    /// What becomes of records without a usable time: a negative one, or one that is too far in the future. Kafka stops, unless the
    /// timestamp extractor itself skips or mends them.
    pub on_invalid_time: Option<OnFailure>,
    /// What becomes of records that an operator or a punctuation cannot process. Kafka: `processing.exception.handler` (KIP-1033).
    pub on_processing_failure: Option<OnFailure>,
    /// What becomes of records whose outputs cannot be written or are refused by the log. Kafka: `production.exception.handler`.
    pub on_send_failure: Option<OnFailure>,
    /// What stays of a record that failed half way.
    pub recovery: Recovery,
    /// What becomes of records whose window has closed.
    pub late: Late,
    /// Event time further than this after a record's own log timestamp is refused as `far future`.
    pub far_future: Duration,
    /// A partition at whose end its task has stood for this long holds nobody's time.
    pub idle_timeout: Duration,
    /// How often a task tells downstream tasks its time.
    pub marker_interval: Duration,
    /// Records that may wait per input partition before reading pauses. Kafka: `buffered.records.per.partition`.
    pub buffered_records: usize,
    /// Uncommitted bytes at which a commit comes early.
    pub uncommitted_bytes: usize,
    /// How often repartition topics are purged below the committed position. Kafka: `repartition.purge.interval.ms`.
    pub purge_interval: Duration,
    /// How long the group waits for a sign of life.
    pub session_timeout: Duration,
    /// The log aborts a transaction that is open for longer; a dead instance holds its readers and successors up for so long.
    pub transaction_timeout: Duration,
    /// How long a producer gathers records before it sends them; commits and flushes do not wait. Kafka: `linger.ms`.
    pub linger: Duration,
    /// How long a start waits for a log that does not answer, and for members of another kind to leave the group: a Kafka Streams application
    /// that was closed stays there for its `session.timeout.ms`. Once it runs, an application waits for the log as long as it takes.
    pub start_patience: Duration,
    /// Under at-least-once: how long a coalescing store holds updates back before they go on. Under exactly-once a commit sends them.
    pub flush_interval: Duration,
    /// How long it takes until each input was looked at once more: whether it has grown, was deleted or made anew, and how far behind we are.
    pub watch_interval: Duration,
    /// How partitions are shared out.
    pub policy: AssignmentPolicy,
    /// How long a rebalance waits for an instance to give up what it must, and a silent stream thread is trusted. Kafka: `max.poll.interval.ms`.
    pub rebalance_timeout: Duration,
    /// Where other instances and clients reach this one, as `host:port`: what a query is told that must go elsewhere. It stands in the
    /// group's member list for all to see, as this member's client id. Kafka: `application.server`.
    pub advertised_address: Option<String>,
    /// A fixed name in the group: a quick restart causes no rebalance (KIP-345).
    pub instance_id: Option<String>,
}

impl Config {
    /// The defaults under exactly-once.
    pub fn new(application_id: impl Into<String>) -> Self {
        Config {
            application_id: application_id.into(),
            guarantee: Guarantee::ExactlyOnce,
            commit_interval: Duration::from_millis(100),
            time_rule: TimeRule::default(),
            on_failure: OnFailure::default(),
            on_undecodable: None,
            on_invalid_time: None,
            on_processing_failure: None,
            on_send_failure: None,
            recovery: Recovery::default(),
            late: Late::default(),
            far_future: Duration::from_secs(3600),
            idle_timeout: Duration::from_secs(5),
            marker_interval: Duration::from_secs(1),
            buffered_records: 20_000,
            uncommitted_bytes: 64 << 20,
            purge_interval: Duration::from_secs(5),
            session_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(10),
            linger: Duration::from_millis(5),
            start_patience: Duration::from_secs(60),
            flush_interval: Duration::from_millis(20),
            watch_interval: Duration::from_secs(30),
            policy: AssignmentPolicy::CooperativeSticky,
            rebalance_timeout: Duration::from_secs(60),
            advertised_address: None,
            instance_id: None,
        }
    }

    /// How tasks are to treat time and failures.
    pub(crate) fn rules(&self) -> Rules {
        let or_default = |policy: Option<OnFailure>| policy.unwrap_or(self.on_failure);
        let failures = Policies {
            undecodable: or_default(self.on_undecodable),
            time: or_default(self.on_invalid_time),
            processing: or_default(self.on_processing_failure),
            sending: or_default(self.on_send_failure),
        };
        Rules { time: self.time_rule, failures, recovery: self.recovery, late: self.late }
    }

    /// At-least-once with its default interval.
    #[must_use]
    pub fn at_least_once(self) -> Self {
        Config { guarantee: Guarantee::AtLeastOnce, commit_interval: Duration::from_secs(1), ..self }
    }
}
