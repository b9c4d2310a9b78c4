//! The driver: how it is opened, what is sent, when it commits, moves its clock and starts anew.

use super::Given;
use super::log::Topics;
use super::opening::Opening;
use crate::format::Nullable;
use crate::graph::Topology;
use crate::log::{Headers, Records};
use crate::record::Timestamp;
use crate::runtime::Config;
use crate::task::{Task, TaskError, TaskId};
use crate::topic::{Topic, encode};
use headwater_state::{Disk, MemoryDisk};
use std::sync::Arc;

/// Runs the tasks of a topology, one partition each, on topics in memory. Each record that is sent is processed to the end, through all
/// repartition topics, and committed. Kafka: `TopologyTestDriver`.
///
/// ```
/// use headwater_streams::prelude::*;
/// use headwater_streams::testing::TestDriver;
/// const LINES: Topic<String, String> = Topic::new("lines");
/// const COUNTS: Topic<String, u64> = Topic::new("word-counts");
///
/// let app = StreamsBuilder::new();
/// let words = app.stream(LINES).flat_map_values(|_, line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
/// words.group_by(|_, word| word.clone()).count(Store::new("words")).to(COUNTS);
///
/// let mut driver = TestDriver::new(app.build().unwrap());
/// driver.send(LINES, "a", "to be or").send(LINES, "b", "not to be");
/// assert_eq!(driver.latest(COUNTS, "be"), Some(2));
/// ```
pub struct TestDriver {
    pub(super) opening: Opening,
    disk: Disk,
    pub(super) tasks: Vec<Task>,
    pub(super) topics: Topics,
    /// Where the records stand that the tasks have written since that was last asked.
    pub(super) written: Vec<(Arc<str>, i64)>,
    /// The timestamp of the next record.
    time: Timestamp,
    pub(super) wall_time: Timestamp,
    pub(super) commits: Commits,
    /// What tasks had dropped that are no more.
    pub(super) dropped_before: u64,
    /// Records of global tables that could not be read.
    pub(super) unread: u64,
    /// Such a record, where the policy is to stop.
    pub(super) stopped: Option<TaskError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    EachRecord,
    OnDemand,
}

impl TestDriver {
    /// A driver with the settings of production, but that no event time is too far in the future.
    pub fn new(topology: Topology) -> Self {
        TestDriver::with_config(topology, &Config { far_future: std::time::Duration::MAX, ..Config::new("test") })
    }

    /// A driver that treats time, failures and late records as `config` says.
    ///
    /// # Panics
    /// Where a task cannot be opened.
    pub fn with_config(topology: Topology, config: &Config) -> Self {
        TestDriver::open(topology, config).unwrap_or_else(|error| panic!("cannot open: {error}"))
    }

    /// A driver in which the whole topology is one task, what it writes to itself through internal topics included: one stream time, one order
    /// of records over all inputs, one commit, as in Kafka's own `TopologyTestDriver`. The wall clock starts at 0 and moves only by
    /// [`advance_wall_clock`](TestDriver::advance_wall_clock) under [`TimeRule::Kafka`](crate::runtime::TimeRule::Kafka).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::runtime::{Config, TimeRule};
    /// use headwater_streams::testing::TestDriver;
    /// const WORDS: Topic<u64, String> = Topic::new("words");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(WORDS).group_by(|_, word| word.clone()).count(Store::new("words"));
    ///
    /// let config = Config { time_rule: TimeRule::Kafka, ..Config::new("app") };
    /// let mut driver = TestDriver::one_task(&app.build()?, &config)?;
    /// driver.send(WORDS, 1, "to").send(WORDS, 2, "to");
    /// let topics: Vec<_> = driver.take_written().into_iter().map(|record| record.topic).collect();
    /// assert_eq!(topics[..2], ["app-words-repartition", "app-words-changelog"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn one_task(topology: &Topology, config: &Config) -> Result<Self, TaskError> {
        TestDriver::open(topology.as_one_task(), config)
    }

    fn open(topology: Topology, config: &Config) -> Result<Self, TaskError> {
        let declared: Vec<Arc<str>> = topology.declared_topics().iter().map(|topic| topic.name.into()).collect();
        let nobody = TaskId { sub_topology: 0, partition: 0 };
        let resolved = topology.with_topics(&declared, &config.application_id);
        let topology = resolved.map_err(|reason| TaskError::Log { task: nobody, reason })?;
        let (opening, disk, topics) = (Opening::new(topology, config), empty_disk(), Topics::default());
        let tasks = opening.tasks(&disk, &topics, &[], 0)?;
        let (written, commits) = (Vec::new(), Commits::EachRecord);
        Ok(TestDriver {
            opening,
            disk,
            tasks,
            topics,
            written,
            time: 0,
            wall_time: 0,
            commits,
            dropped_before: 0,
            unread: 0,
            stopped: None,
        })
    }

    /// The same with its state on this disk, which is empty; [`restart_elsewhere`](TestDriver::restart_elsewhere) leaves it for memory.
    ///
    /// # Errors
    /// Where a task cannot be opened there.
    pub fn with_state_on(mut self, disk: Disk) -> Result<Self, TaskError> {
        self.tasks = self.opening.tasks(&disk, &self.topics, &[], 0)?;
        self.disk = disk;
        Ok(self)
    }

    /// Leaves commits to [`commit`](TestDriver::commit): until then cached stores hold their updates back.
    #[must_use]
    pub fn commit_on_demand(self) -> Self {
        TestDriver { commits: Commits::OnDemand, ..self }
    }

    /// The records that are sent from here on have this timestamp.
    pub fn at(&mut self, time: Timestamp) -> &mut Self {
        self.time = time;
        self
    }

    /// Moves the wall clock, and lets the tasks notice.
    ///
    /// # Panics
    /// As [`send`](TestDriver::send).
    pub fn advance_wall_clock(&mut self, by_ms: i64) -> &mut Self {
        self.wall_time += by_ms;
        self.settle();
        self
    }

    /// Sends a record and lets the tasks work until nothing is left to do.
    ///
    /// # Panics
    /// Where key or value cannot be written, or where the application would stop: [`try_send`](TestDriver::try_send) returns that instead.
    pub fn send<K: Nullable, V: Nullable>(&mut self, topic: Topic<K, V>, key: impl Given<K>, value: impl Given<V>) -> &mut Self {
        self.try_send(topic, key, value).unwrap_or_else(|error| panic!("the application stopped: {error}"));
        self
    }

    /// Sends a record; an error is what would stop the application.
    ///
    /// # Panics
    /// Where key or value cannot be written.
    pub fn try_send<K: Nullable, V: Nullable>(
        &mut self, topic: Topic<K, V>, key: impl Given<K>, value: impl Given<V>,
    ) -> Result<(), TaskError> {
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        let has_key = encode::<K>(&key.give(), &mut key_bytes).expect("a test's key can be written");
        let has_value = encode::<V>(&value.give(), &mut value_bytes).expect("a test's value can be written");
        self.try_send_bytes(topic.name(), has_key.then_some(&key_bytes[..]), has_value.then_some(&value_bytes[..]))
    }

    /// Sends bytes as they are, for what no topic's types can say.
    ///
    /// # Panics
    /// Where the application would stop.
    pub fn send_bytes(&mut self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>) -> &mut Self {
        self.try_send_bytes(topic, key, value).unwrap_or_else(|error| panic!("the application stopped: {error}"));
        self
    }

    fn try_send_bytes(&mut self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), TaskError> {
        self.try_send_record(topic, key, value, &Headers::EMPTY)
    }

    /// Sends bytes with headers.
    pub fn try_send_record(&mut self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> Result<(), TaskError> {
        let mut records = Records::new();
        records.push(0, self.time, key, value, headers);
        let fetched = self.topics.append(&topic.into(), records.get(0).expect("one record was pushed"));
        self.deliver(&fetched);
        self.try_settle()
    }

    /// Commits: cached stores pass on what they held back.
    ///
    /// # Panics
    /// As [`send`](TestDriver::send).
    pub fn commit(&mut self) -> &mut Self {
        self.try_commit().unwrap_or_else(|error| panic!("the application stopped: {error}"));
        self
    }

    /// Commits; an error is what would stop the application.
    pub fn try_commit(&mut self) -> Result<(), TaskError> {
        self.tick();
        (0..self.tasks.len()).try_for_each(|task| self.commit_task(task)).and_then(|()| self.try_settle())
    }

    /// Commits, ends all tasks at once, and opens them again from what their disk has kept: of the work since the commit nothing is left, as
    /// after a `kill -9`. What the commit wrote is read again from the topics.
    ///
    /// ```
    /// # use headwater_streams::prelude::*;
    /// # use headwater_streams::testing::TestDriver;
    /// const LINES: Topic<String, String> = Topic::new("lines");
    /// const COUNTS: Topic<String, u64> = Topic::new("line-counts");
    /// let app = StreamsBuilder::new();
    /// app.stream(LINES).group_by_key().count(Store::new("lines")).to(COUNTS);
    /// let mut driver = TestDriver::new(app.build()?);
    /// driver.send(LINES, "a", "one");
    /// driver.restart()?;
    /// driver.send(LINES, "a", "two");
    /// driver.restart_elsewhere()?;
    /// driver.send(LINES, "a", "three");
    /// assert_eq!(driver.latest(COUNTS, "a"), Some(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restart(&mut self) -> Result<(), TaskError> {
        self.tick();
        (0..self.tasks.len()).try_for_each(|task| self.commit_task(task))?;
        let committed: Vec<_> = self.tasks.iter().flat_map(Task::committed_offsets).collect();
        self.dropped_before = self.dropped() - self.unread - self.opening.globals.dropped();
        self.tasks.clear();
        self.opening.read_globals(&self.topics, self.wall_time);
        self.tasks = self.opening.tasks(&self.disk, &self.topics, &committed, self.wall_time)?;
        self.try_settle()
    }

    /// The same on another machine: the disk is empty, and the stores come back from their changelogs.
    pub fn restart_elsewhere(&mut self) -> Result<(), TaskError> {
        self.disk = empty_disk();
        self.restart()
    }

    /// Moves the wall clock; an error is what would stop the application.
    pub fn try_advance_wall_clock(&mut self, by_ms: i64) -> Result<(), TaskError> {
        self.wall_time += by_ms;
        self.try_settle()
    }

    /// Whether a task or a global table reads this topic.
    pub fn reads(&self, topic: &str) -> bool {
        self.opening.globals.topics().any(|of| of == topic)
            || self.tasks.iter().any(|task| task.queued().any(|(at, _)| *at.topic == *topic))
    }
}

fn empty_disk() -> Disk {
    Disk::Memory(MemoryDisk::new())
}
