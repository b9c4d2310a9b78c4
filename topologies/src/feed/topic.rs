//! Records into a topic: delivery confirmed, going on where the topic ends.
//!
//! A partition that nobody else writes holds exactly the records of its keys in order, so its end offset says which come next,
//! even if a kill tore a batch. That nobody else wrote is checked: the last record must be the one that belongs there.

use super::{Destination, Standing};
use headwater_streams::log::{
    Delivery, ErrorCode, FetchLimit, Headers, Isolation, Log, LogError, NO_OFFSET, NO_TIMESTAMP, Producer, ProducerConfig, ReaderConfig,
    Records, StartAt, TopicPartition, TopicSpec,
};
use headwater_streams::task::partition_of_key;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of one partition that are sent together.
const SEND_BYTES: usize = 1 << 18;

/// Sends that may be on their way before the next waits for them.
const IN_FLIGHT_MAX: usize = 64;

/// How long a log may be away before a feed gives up: what Kafka's own producers take (delivery.timeout.ms), time for a broker to restart.
const AWAY: Duration = Duration::from_secs(120);

/// How long the last record of a partition may take to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a topic takes no more.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Records were refused. Everything before them in their partition is stored.
    #[error("{to} refused a record: {error}")]
    Refused {
        /// The partition.
        to: TopicPartition,
        /// Why.
        error: LogError,
    },
    /// The topic holds records of somebody else, or of other settings.
    #[error("{at} holds other records than these settings make: its last one, at offset {offset}, is not record {index} of this generator")]
    Foreign {
        /// The partition.
        at: TopicPartition,
        /// Where its last record stands.
        offset: i64,
        /// The record that belongs there.
        index: u64,
    },
    /// The topic has another number of partitions than was asked for.
    #[error("topic {topic} has {found} partitions, not {asked}")]
    Partitions {
        /// The topic.
        topic: String,
        /// What it has.
        found: i32,
        /// What was asked for.
        asked: i32,
    },
    /// A record that should be there could not be read.
    #[error("{at} does not give out its last record, offset {offset}")]
    Unreadable {
        /// The partition.
        at: TopicPartition,
        /// Where its last record stands.
        offset: i64,
    },
}

/// Sends to one topic.
pub struct TopicFeed {
    log: Arc<dyn Log>,
    producer: Box<dyn Producer>,
    partitions: Vec<Partition>,
    in_flight: usize,
    deliveries: Vec<Delivery>,
}

struct Partition {
    at: TopicPartition,
    /// Records that it held at the start and that have not been met yet.
    unmet: i64,
    /// How many it held at the start; checked when the last of them is met.
    held: i64,
    gathered: Records,
}

impl TopicFeed {
    /// Makes the topic if it is not there. `asked` is the number of partitions that a person has asked for.
    pub fn open(log: Arc<dyn Log>, spec: &TopicSpec, asked: Option<i32>) -> Result<Self, FeedError> {
        let admin = log.admin();
        let found = match admin.describe_topic(&spec.name)? {
            Some(topic) => topic.partitions,
            None => {
                let partitions = asked.unwrap_or(spec.partitions);
                admin.create_topic(&TopicSpec { partitions, ..spec.clone() })?;
                partitions
            }
        };
        if let Some(asked) = asked.filter(|asked| *asked != found) {
            return Err(FeedError::Partitions { topic: spec.name.clone(), found, asked });
        }
        let partition = |number| {
            let at = TopicPartition::new(spec.name.as_str(), number);
            let held = admin.ends(&at)?.latest;
            Ok(Partition { at, unmet: held, held, gathered: Records::new() })
        };
        let partitions = (0..found).map(partition).collect::<Result<_, FeedError>>()?;
        // There are no transactions, but a record is given up after four fifths of the time that one might take.
        let producer = log.producer(ProducerConfig { transaction_timeout: AWAY * 5 / 4, ..ProducerConfig::default() })?;
        Ok(TopicFeed { log, producer, partitions, in_flight: 0, deliveries: Vec::new() })
    }

    /// How many records the topic held at the start.
    pub fn held(&self) -> i64 {
        self.partitions.iter().map(|partition| partition.held).sum()
    }

    fn partition_of(&mut self, key: &[u8]) -> &mut Partition {
        let number = partition_of_key(key, self.partitions.len() as i32);
        &mut self.partitions[number as usize]
    }

    /// Waits until all that was sent is stored, or given up.
    fn flush(&mut self) -> Result<(), FeedError> {
        let until = Instant::now() + AWAY;
        loop {
            match self.producer.flush() {
                // The log is away, and what is on its way to it stays there.
                Err(error) if error.code() == ErrorCode::TimedOut && Instant::now() < until => {}
                flushed => return Ok(flushed?),
            }
        }
    }

    fn collect(&mut self) -> Result<(), FeedError> {
        self.producer.deliveries(&mut self.deliveries);
        self.in_flight -= self.deliveries.len();
        match self.deliveries.drain(..).find_map(|delivery| delivery.outcome.err().map(|refused| (delivery.to, refused.error))) {
            Some((to, error)) => Err(FeedError::Refused { to, error }),
            None => Ok(()),
        }
    }
}

impl Destination for TopicFeed {
    type Error = FeedError;

    fn standing(&mut self, key: &[u8]) -> Standing {
        let partition = self.partition_of(key);
        let before = partition.unmet;
        partition.unmet = (before - 1).max(0);
        match before {
            0 => Standing::Missing,
            1 => Standing::LastThere,
            _ => Standing::There,
        }
    }

    fn check(&mut self, index: u64, key: &[u8], value: &[u8]) -> Result<(), FeedError> {
        let log = self.log.clone();
        let Partition { at, held, .. } = self.partition_of(key);
        let offset = *held - 1;
        if log.admin().ends(at)?.earliest > offset {
            // Retention has taken what could be compared.
            return Ok(());
        }
        let is_ours = read_one(&*log, at, offset, |found| found == (Some(key), Some(value)))?;
        if is_ours { Ok(()) } else { Err(FeedError::Foreign { at: at.clone(), offset, index }) }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), FeedError> {
        let partition = self.partition_of(key);
        // Stamped by the producer: the record's timestamp is when it was sent, its event time is in the value.
        partition.gathered.push(NO_OFFSET, NO_TIMESTAMP, Some(key), Some(value), &Headers::EMPTY);
        if partition.gathered.byte_len() >= SEND_BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), FeedError> {
        for partition in self.partitions.iter_mut().filter(|partition| !partition.gathered.is_empty()) {
            self.producer.send(&partition.at, &mut partition.gathered)?;
            self.in_flight += 1;
        }
        if self.in_flight > IN_FLIGHT_MAX {
            self.flush()?;
        }
        self.collect()
    }

    fn finish(&mut self) -> Result<(), FeedError> {
        self.send()?;
        self.flush()?;
        self.collect()
    }
}

/// What `judge` says of the key and the value that stand at `offset`.
fn read_one(
    log: &dyn Log, at: &TopicPartition, offset: i64, judge: impl Fn((Option<&[u8]>, Option<&[u8]>)) -> bool,
) -> Result<bool, FeedError> {
    let mut reader = log.reader(ReaderConfig { isolation: Isolation::Uncommitted, ..ReaderConfig::default() })?;
    reader.assign(at, StartAt::Offset(offset));
    let deadline = Instant::now() + READ_TIMEOUT;
    let mut fetched = Vec::new();
    while Instant::now() < deadline {
        reader.poll(FetchLimit { records: 1, ..FetchLimit::default() }, Duration::from_millis(100), &mut fetched)?;
        for part in fetched.drain(..) {
            if let Some(error) = part.error {
                return Err(error.into());
            }
            if let Some(record) = part.records.iter().find(|record| record.offset == offset) {
                return Ok(judge((record.key, record.value)));
            }
        }
    }
    Err(FeedError::Unreadable { at: at.clone(), offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category_sales::{Transactions, transactions_topic};
    use crate::feed::{Accompanied, Beside, Feed, Watch};
    use crate::generator::{Generator, Settings};
    use crate::sales_stream::{FraudLabels, SalesStream, fraud_labels_topic, sales_stream_topic};
    use headwater_streams::log::{EmbeddedLog, GroupOffset, MemberIdentity, Ticket};

    /// A producer whose log is away for so many flushes.
    struct Away {
        producer: Box<dyn Producer>,
        flushes: u32,
    }

    impl Producer for Away {
        fn init_transactions(&mut self) -> Result<(), LogError> {
            self.producer.init_transactions()
        }

        fn begin(&mut self) -> Result<(), LogError> {
            self.producer.begin()
        }

        fn send(&mut self, to: &TopicPartition, records: &mut Records) -> Result<Ticket, LogError> {
            self.producer.send(to, records)
        }

        fn flush(&mut self) -> Result<(), LogError> {
            match self.flushes.checked_sub(1) {
                Some(rest) => {
                    self.flushes = rest;
                    Err(LogError::new(ErrorCode::TimedOut, "flush"))
                }
                None => self.producer.flush(),
            }
        }

        fn deliveries(&mut self, out: &mut Vec<Delivery>) {
            self.producer.deliveries(out);
        }

        fn send_offsets(&mut self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError> {
            self.producer.send_offsets(group, offsets, member)
        }

        fn commit(&mut self) -> Result<(), LogError> {
            self.producer.commit()
        }

        fn abort(&mut self) -> Result<(), LogError> {
            self.producer.abort()
        }
    }

    struct NobodyStops;

    impl Watch for NobodyStops {
        fn stops_within(&self, _: Duration) -> bool {
            false
        }

        fn reached(&self, _: u64) {}
    }

    fn feed(log: &Arc<dyn Log>, seed: u64, count: u64, asked: Option<i32>) -> Result<u64, FeedError> {
        let settings = Settings { seed, start: 0, step: Duration::from_millis(1), late: 0.1, bad: 0.1 };
        let feed = Feed { generator: &Transactions::new(settings), settings, count: Some(count), rate: 0 };
        feed.run(&mut TopicFeed::open(log.clone(), &transactions_topic(), asked)?, &NobodyStops)
    }

    fn log_in(directory: &tempfile::TempDir) -> Arc<dyn Log> {
        Arc::new(EmbeddedLog::open(directory.path()).unwrap())
    }

    #[test]
    fn goes_on_where_every_partition_ends() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(feed(&log_in(&directory), 1, 2_500, Some(3)).unwrap(), 2_500);
        let log = log_in(&directory);
        assert_eq!(feed(&log, 1, 4_000, None).unwrap(), 1_500);
        assert_eq!(TopicFeed::open(log, &transactions_topic(), Some(3)).unwrap().held(), 4_000);
    }

    #[test]
    fn waits_for_a_log_that_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let log = log_in(&directory);
        let mut topic = TopicFeed::open(log.clone(), &transactions_topic(), None).unwrap();
        topic.producer = Box::new(Away { producer: log.producer(ProducerConfig::default()).unwrap(), flushes: 3 });
        topic.add(b"key", b"value").unwrap();
        topic.finish().unwrap();
        assert_eq!(TopicFeed::open(log, &transactions_topic(), None).unwrap().held(), 1);
    }

    #[test]
    fn refuses_a_topic_of_other_settings_or_another_count() {
        let directory = tempfile::tempdir().unwrap();
        let log = log_in(&directory);
        feed(&log, 1, 100, None).unwrap();
        assert!(matches!(feed(&log, 2, 200, None), Err(FeedError::Foreign { offset: 99, index: 99, .. })));
        assert!(matches!(feed(&log, 1, 200, Some(2)), Err(FeedError::Partitions { found: 1, asked: 2, .. })));
        assert_eq!(feed(&log, 1, 200, None).unwrap(), 100);
    }

    #[test]
    fn labels_go_on_beside_their_transactions() {
        let settings = Settings { seed: 1, start: 0, step: Duration::from_secs(1), late: 0.1, bad: 0.1 };
        let feed = |log: &Arc<dyn Log>, count: u64| {
            let open = |spec: &TopicSpec| TopicFeed::open(log.clone(), spec, None).unwrap();
            let beside = Beside { to: open(&fraud_labels_topic()), generator: Box::new(FraudLabels::new(settings)) };
            let mut topics = Accompanied::new(open(&sales_stream_topic()), Some(beside));
            let feed = Feed { generator: &SalesStream::new(settings), settings, count: Some(count), rate: 0 };
            feed.run(&mut topics, &NobodyStops).unwrap()
        };
        let held = |log: &Arc<dyn Log>| TopicFeed::open(log.clone(), &fraud_labels_topic(), None).unwrap().held() as usize;
        let labelled = |count: u64| (0..count).filter(|index| FraudLabels::new(settings).has(*index)).count();
        let directory = tempfile::tempdir().unwrap();
        let log = log_in(&directory);
        assert_eq!((feed(&log, 2_500), held(&log)), (2_500, labelled(2_500)));
        assert_eq!((feed(&log, 6_000), held(&log)), (3_500, labelled(6_000)));
        assert!(labelled(2_500) > 0 && labelled(6_000) > labelled(2_500));
    }
}
