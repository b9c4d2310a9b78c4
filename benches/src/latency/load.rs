//! The load: at every millisecond the records that are due in it, whether or not the application keeps up.

use super::now_us;
use super::replay::{self, Schedule};
use headwater_streams::log::{Delivery, Headers, Log, LogError, NO_OFFSET, Producer, ProducerConfig, Records, TopicPartition};
use headwater_streams::task::partition_of_key;
use std::error::Error;
use std::time::Duration;

/// An open loop on one topic.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to.
    pub topic: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Records a second.
    pub rate: u64,
    /// The millisecond since the epoch at which the first is due.
    pub start_ms: i64,
    /// For how many milliseconds.
    pub length_ms: i64,
}

/// What became of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// How many records were sent.
    pub records: u64,
    /// The most that the load was behind its own schedule: its own fault, which is in the figures.
    pub worst_lateness: Duration,
}

impl Load {
    pub(super) fn schedule(&self) -> Schedule {
        Schedule { start_ms: self.start_ms, rate: self.rate }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The log does not take a record.
    pub fn run(&self, log: &dyn Log) -> Result<Sent, Box<dyn Error + Send + Sync>> {
        let mut lanes: Vec<_> = (0..self.partitions).map(|number| (TopicPartition::new(&*self.topic, number), Records::new())).collect();
        let mut producer = log.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() })?;
        let (mut key, mut value, mut deliveries, mut sent) = (Vec::new(), Vec::new(), Vec::new(), Sent::default());
        for ms in self.start_ms..self.start_ms + self.length_ms {
            sent.worst_lateness = sent.worst_lateness.max(wait_until(ms));
            for i in sent.records..self.schedule().due_by(ms) {
                let due = self.schedule().due(i);
                replay::write(i, due, &mut key, &mut value)?;
                let (_, records) = &mut lanes[partition_of_key(&key, self.partitions) as usize];
                records.push(NO_OFFSET, due, Some(&key), Some(&value), &Headers::EMPTY);
            }
            sent.records = self.schedule().due_by(ms);
            for (at, records) in lanes.iter_mut().filter(|(_, records)| !records.is_empty()) {
                producer.send(at, records)?;
            }
            check(&mut *producer, &mut deliveries)?;
        }
        producer.flush()?;
        check(&mut *producer, &mut deliveries)?;
        Ok(sent)
    }
}

/// Sleeps until the millisecond begins; returns how long ago that was.
fn wait_until(ms: i64) -> Duration {
    let left = ms * 1_000 - now_us();
    if left > 0 {
        // The load is offered by the clock, whatever the application does: that is what is measured.
        std::thread::sleep(Duration::from_micros(left as u64));
    }
    Duration::from_micros((now_us() - ms * 1_000).max(0) as u64)
}

fn check(producer: &mut dyn Producer, deliveries: &mut Vec<Delivery>) -> Result<(), LogError> {
    producer.deliveries(deliveries);
    deliveries.drain(..).try_for_each(|delivery| delivery.outcome.map(drop).map_err(|refused| refused.error))
}
