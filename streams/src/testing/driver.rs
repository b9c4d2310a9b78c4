//! The driver: sends records, lets the tasks work until nothing is left, shows what they wrote.

use super::Given;
use super::log::Topics;
use crate::connector::DeadLetter;
use crate::dsl::{Store, WindowStore};
use crate::format::{Format, Nullable, Row};
use crate::graph::{Changelog, StorePlan, SubTopology, Topology};
use crate::log::{Fetched, Headers, Records, TopicPartition};
use crate::record::Timestamp;
use crate::runtime::Config;
use crate::task::{ChangelogEnd, Restoring, Task, TaskError, TaskId, TaskInputs, TaskSettings};
use crate::topic::{Topic, encode};
use headwater_state::{Disk, MemoryDisk, TaskState};
use std::cell::Ref;
use std::collections::BTreeMap;
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
    dead_letter_topic: Arc<str>,
    tasks: Vec<Task>,
    topics: Topics,
    /// The timestamp of the next record.
    time: Timestamp,
    wall_time: Timestamp,
    commits: Commits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commits {
    EachRecord,
    OnDemand,
}

/// A record that was written: key, value and timestamp.
type Written<K, V> = (Option<<K as Nullable>::Present>, Option<<V as Nullable>::Present>, Timestamp);

impl TestDriver {
    /// A driver with the settings of production, but that no event time is too far in the future.
    pub fn new(topology: Topology) -> Self {
        TestDriver::with_config(topology, &Config { far_future: std::time::Duration::MAX, ..Config::new("test") })
    }

    /// A driver that treats time, failures and late records as `config` says.
    pub fn with_config(topology: Topology, config: &Config) -> Self {
        let application_id: Arc<str> = config.application_id.as_str().into();
        let dead_letter_topic: Arc<str> = format!("{application_id}-dlq").into();
        let disk = Disk::Memory(MemoryDisk::new());
        let tasks = topology.sub_topologies().iter().filter(|sub| sub.connector.is_none());
        let tasks = tasks.map(|sub| {
            let of = TaskInputs {
                topology: &topology,
                application_id: &application_id,
                dead_letter_topic: &dead_letter_topic,
                rules: config.rules(),
                settings: settings(config),
                partitions_of: &|_| 1,
            };
            open_task(sub, of, &disk).unwrap_or_else(|error| panic!("cannot open task {}: {error}", sub.index))
        });
        let tasks = tasks.collect();
        TestDriver { dead_letter_topic, tasks, topics: Topics::default(), time: 0, wall_time: 0, commits: Commits::EachRecord }
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
        self.wall_time += 1;
        let committed = (0..self.tasks.len()).try_for_each(|task| self.commit_task(task)).and_then(|()| self.try_settle());
        committed.unwrap_or_else(|error| panic!("the application stopped: {error}"));
        self
    }

    /// The value that was last written to a topic under a key; none: nothing was, or a tombstone.
    ///
    /// # Panics
    /// Where what was written cannot be read.
    pub fn latest<K: Nullable, V: Nullable>(&self, topic: Topic<K, V>, key: impl Given<K::Present>) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let last = self.topics.records(topic.name()).filter(|record| record.key == Some(&bytes[..])).last()?;
        last.value.map(|value| V::Format::default().decode(value).expect("the value of a topic can be read"))
    }

    /// Everything that was written to a topic, in order.
    ///
    /// # Panics
    /// Where what was written cannot be read.
    pub fn all<K: Nullable, V: Nullable>(&self, topic: Topic<K, V>) -> Vec<Written<K, V>> {
        let (keys, values) = (K::Format::default(), V::Format::default());
        let key = |bytes| keys.decode(bytes).expect("the key of a topic can be read");
        let value = |bytes| values.decode(bytes).expect("the value of a topic can be read");
        self.topics.records(topic.name()).map(|record| (record.key.map(key), record.value.map(value), record.timestamp)).collect()
    }

    /// Headers of everything that was written to a topic, in order.
    pub fn headers<K, V>(&self, topic: Topic<K, V>) -> Vec<Headers> {
        self.topics.records(topic.name()).map(|record| record.headers.to_headers()).collect()
    }

    /// The names of the topics that hold anything; internal ones begin with the application id.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.names()
    }

    /// The dead letters so far.
    ///
    /// # Panics
    /// Where something else than dead letters was written to their topic.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let letter = |record| DeadLetter::from_record(record).expect("only dead letters are written here").1;
        self.topics.records(&self.dead_letter_topic).map(letter).collect()
    }

    /// How many records were dropped without a letter.
    pub fn dropped(&self) -> u64 {
        self.tasks.iter().map(Task::dropped).sum()
    }

    /// The committed row of a store.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn row<K: Row, V: Nullable>(&self, store: Store<K, V>, key: impl Given<K>) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let state = self.state_with(|state| state.key_value(store.name()).is_some());
        let handle = state.key_value(store.name()).expect("it was just found");
        let read =
            |found: Option<(Timestamp, &[u8])>| found.map(|(_, value)| V::Format::default().decode(value).expect("a row can be read"));
        handle.get(&bytes, read).expect("memory can be read")
    }

    /// The committed row of a window.
    ///
    /// # Panics
    /// Where no such store exists or its row cannot be read.
    pub fn window_row<K: Row, V: Nullable>(&self, store: WindowStore<K, V>, key: impl Given<K>, start: Timestamp) -> Option<V::Present> {
        let mut bytes = Vec::new();
        K::Format::default().encode(&key.give(), &mut bytes).expect("a test's key can be written");
        let state = self.state_with(|state| state.window(store.name()).is_some());
        let handle = state.window(store.name()).expect("it was just found");
        let read =
            |found: Option<(Timestamp, &[u8])>| found.map(|(_, value)| V::Format::default().decode(value).expect("a row can be read"));
        handle.get(&bytes, start, read).expect("memory can be read")
    }

    fn state_with(&self, has: impl Fn(&TaskState) -> bool) -> Ref<'_, TaskState> {
        let states = self.tasks.iter().map(|task| task.state());
        states.into_iter().find(|state| has(state)).expect("the topology has the store")
    }

    fn settle(&mut self) {
        self.try_settle().unwrap_or_else(|error| panic!("the application stopped: {error}"));
    }

    /// Rounds of work until one changes nothing. Time passes by a millisecond a round, so that upstream tasks tell downstream ones their times.
    fn try_settle(&mut self) -> Result<(), TaskError> {
        loop {
            self.wall_time += 1;
            let mut done = 0;
            for task in 0..self.tasks.len() {
                done += self.run(task)?;
            }
            if done == 0 {
                return Ok(());
            }
        }
    }

    /// Lets one task process what waits, record by record, and hands on what it produced.
    fn run(&mut self, task: usize) -> Result<usize, TaskError> {
        let mut done = usize::from(self.tasks[task].punctuate(self.wall_time)?);
        while self.tasks[task].process(self.wall_time, 1)? > 0 {
            done += 1;
            match self.commits {
                Commits::EachRecord => self.commit_task(task)?,
                Commits::OnDemand => self.hand_over(task),
            }
        }
        // What ends before the operators (markers, letters of undecodable bytes) is no record that was processed, nor is a punctuation.
        match self.commits {
            Commits::EachRecord if self.tasks[task].needs_commit(self.wall_time) => self.commit_task(task)?,
            Commits::EachRecord => {}
            Commits::OnDemand => self.hand_over(task),
        }
        Ok(done)
    }

    fn commit_task(&mut self, task: usize) -> Result<(), TaskError> {
        self.tasks[task].prepare_commit(self.wall_time)?;
        self.hand_over(task);
        let topics = self.topics.names().filter_map(|name| Some((name.to_owned(), self.topics.last_offset(name)?)));
        let stored: BTreeMap<_, _> = topics.map(|(name, offset)| (TopicPartition::new(name, 0), offset)).collect();
        self.tasks[task].committed(&stored, self.wall_time)
    }

    fn hand_over(&mut self, task: usize) {
        let mut fetched = Vec::new();
        self.tasks[task].hand_over(|at, records| fetched.extend(records.iter().map(|record| self.topics.append(&at.topic, record))));
        fetched.iter().for_each(|fetched| self.deliver(fetched));
    }

    fn deliver(&mut self, fetched: &Fetched) {
        let readers = self.tasks.iter_mut().filter(|task| task.queued().any(|(at, _)| *at == fetched.partition));
        readers.for_each(|task| task.enqueue(fetched.clone()));
    }
}

fn settings(config: &Config) -> TaskSettings {
    let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    TaskSettings { far_future_ms: ms(config.far_future), idle_timeout_ms: ms(config.idle_timeout), marker_interval_ms: 1, partitions: 1 }
}

/// A task with empty stores that stands at the end of its empty inputs.
fn open_task(sub: &SubTopology, of: TaskInputs<'_>, disk: &Disk) -> Result<Task, TaskError> {
    let id = TaskId { sub_topology: sub.index as u32, partition: 0 };
    let at = |topic| TopicPartition { topic, partition: 0 };
    let mut inputs: Vec<_> = sub.inputs.iter().map(|input| at(input.topic.resolve(of.application_id))).collect();
    inputs.sort();
    inputs.dedup();
    let found: Vec<_> = inputs.iter().map(|at| (at.clone(), None, 0)).collect();
    let restoring = Restoring::open(id, of, disk, empty_changelogs(sub, of.application_id), &found, 0)?;
    let mut task = restoring.into_task(of, 0)?;
    for partition in inputs {
        task.enqueue(Fetched { partition, records: Records::new(), next: 0, at_end: true, error: None });
    }
    Ok(task)
}

fn empty_changelogs(sub: &SubTopology, application_id: &str) -> Vec<ChangelogEnd> {
    let changelog = |store: &StorePlan| {
        let (topic, is_source) = match &store.changelog {
            Changelog::None => return None,
            Changelog::Internal { topic, .. } => (topic, false),
            Changelog::Source { topic } => (topic, true),
        };
        let at = TopicPartition { topic: topic.resolve(application_id), partition: 0 };
        Some(ChangelogEnd { store: store.name, at, topic_id: [0; 16], earliest: 0, end: 0, delete_retention_ms: i64::MAX, is_source })
    };
    sub.stores.iter().filter_map(changelog).collect()
}
