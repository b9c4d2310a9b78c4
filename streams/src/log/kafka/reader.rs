//! The reader of the Kafka binding.

mod outage;
mod place;

use super::error::failed;
use super::{KafkaConfig, tuning};
use crate::log::kafka_ffi::{Consumer, Wake};
use crate::log::{FetchLimit, Fetched, LogError, Reader, ReaderConfig, Records, StartAt, TopicPartition};
use outage::Outage;
use place::Place;
use rdkafka::ClientConfig;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many arenas are kept for later fetches.
const MOST_SPARE: usize = 32;

/// Even without news a poll looks at what librdkafka says this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether silent partitions are still there is asked at most this often, and so long the answer may take.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASKING: Duration = Duration::from_millis(500);

/// After a question that was not answered.
const ASK_AGAIN_IN_VAIN: Duration = Duration::from_secs(10);

/// A reader of a cluster. It connects with the first assignment.
pub(super) struct KafkaReader {
    client: ClientConfig,
    config: ReaderConfig,
    /// Before the consumer, which they hang on.
    places: Vec<Place>,
    consumer: Option<Consumer>,
    wake: Arc<Wake>,
    outage: Outage,
    /// When the cluster may be asked again whether something is there.
    next_question: Instant,
    /// The place that is first in the next poll.
    turn: usize,
    spare: Vec<Records>,
}

impl KafkaReader {
    pub(super) fn new(kafka: &KafkaConfig, config: ReaderConfig) -> Result<Self, LogError> {
        Ok(Self {
            client: tuning::reader(kafka, &config),
            config,
            places: Vec::new(),
            consumer: None,
            wake: Arc::default(),
            outage: Outage::default(),
            next_question: Instant::now(),
            turn: 0,
            spare: Vec::new(),
        })
    }

    fn place(&mut self, at: &TopicPartition) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.at == *at)
    }

    fn connect(&mut self) -> Result<(), LogError> {
        if self.consumer.is_none() && !self.places.is_empty() {
            let made = Consumer::new(&self.client, Arc::clone(&self.wake));
            self.consumer = Some(made.map_err(|failure| failed(&failure, "cannot make a consumer"))?);
        }
        Ok(())
    }

    /// Looks once at all places.
    fn poll_once(&mut self, limit: FetchLimit, out: &mut Vec<Fetched>) -> Result<(), LogError> {
        self.connect()?;
        let Some(consumer) = &self.consumer else { return Ok(()) };
        self.outage.listen(&consumer.take_troubles())?;
        let count = self.places.len();
        let (mut records_left, mut bytes_left) = (limit.records, limit.bytes);
        for step in 0..count {
            let place = &mut self.places[(self.turn + step) % count];
            let others = count - step;
            let share = FetchLimit { records: records_left.div_ceil(others), bytes: bytes_left.div_ceil(others) };
            if share.records == 0 || share.bytes == 0 {
                break;
            }
            let mut records = self.spare.pop().unwrap_or_default();
            let found = place.look(consumer, &self.config, share, &mut records);
            if found.is_alive() {
                self.outage.is_over();
            }
            if !found.is_worth_telling() {
                self.spare.push(records);
                continue;
            }
            records_left = records_left.saturating_sub(records.len());
            bytes_left = bytes_left.saturating_sub(records.byte_len());
            out.push(place.fetched(records, found));
        }
        self.turn = if count == 0 { 0 } else { (self.turn + 1) % count };
        self.look_for_missing(out);
        Ok(())
    }

    /// librdkafka waits for partitions that are gone, in silence: so the cluster is asked for one that was silent for long.
    fn look_for_missing(&mut self, out: &mut Vec<Fetched>) {
        let now = Instant::now();
        if now < self.next_question {
            return;
        }
        let Some(silent) = self.places.iter().find(|place| place.is_silent(now)) else { return };
        let topic = Arc::clone(&silent.at.topic);
        let Ok(partitions) = silent.ask(ASKING) else {
            self.next_question = now + ASK_AGAIN_IN_VAIN;
            return;
        };
        self.next_question = now + ASK_AGAIN;
        self.outage.is_over();
        let of_topic = self.places.iter_mut().filter(|place| place.at.topic == topic);
        out.extend(of_topic.filter_map(|place| place.learn(now, partitions)));
    }
}

impl Reader for KafkaReader {
    fn assign(&mut self, at: &TopicPartition, start: StartAt) {
        self.unassign(at);
        self.places.push(Place::new(at.clone(), start));
    }

    fn unassign(&mut self, at: &TopicPartition) {
        self.places.retain(|place| place.at != *at);
        self.turn = 0;
    }

    fn pause(&mut self, at: &TopicPartition) {
        if let Some(place) = self.place(at) {
            place.pause();
        }
    }

    fn resume(&mut self, at: &TopicPartition) {
        if let Some(place) = self.place(at) {
            place.resume();
        }
    }

    fn position(&self, at: &TopicPartition) -> Option<i64> {
        self.places.iter().find(|place| place.at == *at).and_then(Place::next)
    }

    fn poll(&mut self, limit: FetchLimit, wait: Duration, out: &mut Vec<Fetched>) -> Result<(), LogError> {
        let (until, before) = (Instant::now() + wait, out.len());
        loop {
            let seen = self.wake.rings();
            self.poll_once(limit, out)?;
            let now = Instant::now();
            if out.len() > before || now >= until {
                return Ok(());
            }
            self.wake.wait(seen, until.min(now + LOOK_AGAIN));
        }
    }

    fn recycle(&mut self, mut records: Records) {
        if self.spare.len() < MOST_SPARE {
            records.clear();
            self.spare.push(records);
        }
    }
}
