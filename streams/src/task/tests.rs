//! A task behind a repartition, fed by hand: what its upstream tasks had said of their times when a commit came to nothing.

use super::marker::Marker;
use super::{ChangelogEnd, Destinations, Globals, Restoring, Task, TaskId, TaskInputs, TaskSettings};
use crate::log::{Fetched, Headers, Records, TopicPartition};
use crate::prelude::{Repartitioned, StreamsBuilder, Topic, Tumbling, WindowStore};
use crate::record::Timestamp;
use crate::runtime::Config;
use headwater_state::{Disk, MemoryDisk};
use std::collections::BTreeMap;
use std::sync::Arc;

const IN: Topic<String, u64> = Topic::new("in");
const COUNTS: WindowStore<String, u64> = WindowStore::new("counts");
const MINUTE: i64 = 60_000;

/// What stands in the repartition topic: records by their times, and what the two upstream tasks say.
#[derive(Clone, Copy)]
enum Entry {
    Record(Timestamp),
    Word(i32, Timestamp),
}
use Entry::{Record, Word};

/// A task that counts by the minute, under the default rule of time, and its only input.
struct Downstream {
    task: Task,
    input: Vec<Entry>,
    late: usize,
}

impl Downstream {
    fn open() -> Downstream {
        let app = StreamsBuilder::new();
        let _counts =
            app.stream(IN).repartition(Repartitioned::named("r")).group_by_key().windowed_by(Tumbling::of_ms(MINUTE)).count(COUNTS);
        let of = TaskInputs {
            topology: &app.build().unwrap(),
            application_id: &"app".into(),
            dead_letter_topic: &"app-dlq".into(),
            rules: Config::new("app").rules(),
            settings: TaskSettings { far_future_ms: i64::MAX, idle_timeout_ms: 5_000, marker_interval_ms: 1_000, partitions: 2 },
            destinations: &Arc::new(Destinations::Any),
            globals: &Globals::default(),
            partitions_of: &|_| 2,
        };
        let id = TaskId { sub_topology: 1, partition: 0 };
        let changelog = ChangelogEnd {
            store: COUNTS.name(),
            at: TopicPartition::new("app-counts-changelog", 0),
            topic_id: [0; 16],
            earliest: 0,
            end: 0,
            delete_retention_ms: i64::MAX,
            is_source: false,
        };
        let (disk, input) = (Disk::Memory(MemoryDisk::new()), (at(), None, 0));
        let task = Restoring::open(id, of, &disk, vec![changelog], &[input], 0).unwrap().into_task(of, 0).unwrap();
        Downstream { task, input: Vec::new(), late: 0 }
    }

    /// These come in behind what the input has, and are processed.
    fn read(&mut self, entries: &[Entry]) {
        let from = self.input.len();
        self.input.extend(entries);
        self.process_from(from);
    }

    fn process_from(&mut self, offset: usize) {
        let mut records = Records::new();
        for (offset, entry) in self.input.iter().enumerate().skip(offset) {
            match *entry {
                Record(time) => records.push(offset as i64, time, Some(b"k"), Some(&[0; 8]), &Headers::EMPTY),
                Word(partition, watermark) => {
                    let marker = Marker { sub_topology: 0, partition, partitions: 2, watermark, idle: false };
                    records.push(offset as i64, watermark, None, None, &marker.to_headers());
                }
            }
        }
        self.task.enqueue(Fetched { partition: at(), records, next: self.input.len() as i64, at_end: true, error: None });
        self.task.process(0, usize::MAX).unwrap();
    }

    fn commit(&mut self) {
        self.prepare();
        self.task.committed(&BTreeMap::new(), 0).unwrap();
    }

    fn prepare(&mut self) {
        self.task.prepare_commit(0).unwrap();
        self.task.hand_over(|to, records| self.late += if &*to.topic == "app-dlq" { records.len() } else { 0 });
    }

    /// The transaction fails at its end: what it was about is read again.
    fn fail(&mut self) {
        self.prepare();
        self.late = 0;
        let positions = self.task.abort();
        self.process_from(positions[0].1 as usize);
    }

    fn time(&self) -> Timestamp {
        self.task.clock.stream_time()
    }
}

fn at() -> TopicPartition {
    TopicPartition::new("app-r-repartition", 0)
}

/// Seen where the first commit met a rebalance: 66 of 158,000 records were late.
#[test]
fn records_are_on_time_again_after_the_first_commit_has_failed() {
    let mut downstream = Downstream::open();
    downstream.read(&[Record(0), Record(9 * MINUTE), Word(0, 9 * MINUTE), Word(1, 9 * MINUTE)]);
    downstream.fail();
    downstream.commit();
    assert_eq!((downstream.late, downstream.time()), (0, 9 * MINUTE));
    downstream.read(&[Record(1)]);
    downstream.commit();
    assert_eq!(downstream.late, 1, "behind the words it is late");
}

#[test]
fn records_are_on_time_again_after_a_later_commit_has_failed() {
    let mut downstream = Downstream::open();
    downstream.read(&[Word(0, 5 * MINUTE), Word(1, 0)]);
    downstream.commit();
    downstream.read(&[Record(1), Word(1, 9 * MINUTE)]);
    downstream.fail();
    downstream.commit();
    assert_eq!((downstream.late, downstream.time()), (0, 5 * MINUTE), "what was said before the commit still counts");
}
