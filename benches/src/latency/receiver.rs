//! The receiver: reads what is committed in the output topic and knows when each record behind it was due.

use super::now_us;
use super::replay::Windows;
use super::{Load, replay};
use hdrhistogram::Histogram;
use headwater_streams::format::{Data, Format};
use headwater_streams::log::{FetchLimit, Isolation, Log, Reader, ReaderConfig, RecordRef, StartAt, TopicPartition};
use headwater_topologies::category_sales::CategorySales;
use std::error::Error;
use std::time::Duration;

/// How an output record names the records that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Each is one input record; its timestamp is when that was due.
    Timestamps,
    /// It is a row of `category-sales`, whose count says how many records of its window it holds. Exact with one input partition.
    Counts,
}

/// Latencies of the records that are due within a span of time.
pub struct Receiver {
    reader: Box<dyn Reader>,
    matching: Box<dyn FnMut(RecordRef<'_>, &mut dyn FnMut(i64)) -> Result<(), Box<dyn Error + Send + Sync>> + Send>,
    from_ms: i64,
    until_ms: i64,
    latencies_us: Histogram<u64>,
    received: u64,
}

/// Poll at most this long; the binding hands records out as they come.
const POLL: Duration = Duration::from_millis(5);
/// A minute and a half: more is a failure, not a latency.
const MOST_US: u64 = 90_000_000;

impl Receiver {
    /// Stands at the end of the output topic. Records due before `warm_up` are seen and not counted.
    ///
    /// # Errors
    /// The topic is not there.
    pub fn open(
        log: &dyn Log, topic: &str, matching: Matching, load: &Load, warm_up: Duration,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut reader = log.reader(ReaderConfig { isolation: Isolation::Committed, ..ReaderConfig::default() })?;
        let found = log.admin().describe_topic(topic)?.ok_or_else(|| format!("topic {topic} does not exist"))?;
        for partition in 0..found.partitions {
            let at = TopicPartition::new(topic, partition);
            let end = log.admin().ends(&at)?.latest;
            reader.assign(&at, StartAt::Offset(end));
        }
        let from_ms = load.start_ms + warm_up.as_millis() as i64;
        let latencies_us = Histogram::new_with_bounds(1, MOST_US, 3)?;
        let matching = matcher(matching, load.schedule());
        Ok(Receiver { reader, matching, from_ms, until_ms: load.start_ms + load.length_ms, latencies_us, received: 0 })
    }

    /// Takes what has come, waiting a little if nothing has.
    ///
    /// # Errors
    /// The log does not answer, or a record is not what the matching says.
    pub fn poll(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut fetched = Vec::new();
        self.reader.poll(FetchLimit::default(), POLL, &mut fetched)?;
        let now = now_us();
        for batch in fetched {
            if let Some(error) = batch.error {
                return Err(error.into());
            }
            for record in batch.records.iter() {
                let (span, latencies, received) = (self.from_ms..self.until_ms, &mut self.latencies_us, &mut self.received);
                (self.matching)(record, &mut |due| {
                    *received += 1;
                    if span.contains(&due) {
                        latencies.saturating_record((now - due * 1_000).max(1) as u64);
                    }
                })?;
            }
            self.reader.recycle(batch.records);
        }
        Ok(())
    }

    /// How many input records were answered, those of the warm-up included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The latencies, in microseconds.
    pub fn latencies_us(&self) -> &Histogram<u64> {
        &self.latencies_us
    }
}

fn matcher(
    matching: Matching, schedule: replay::Schedule,
) -> Box<dyn FnMut(RecordRef<'_>, &mut dyn FnMut(i64)) -> Result<(), Box<dyn Error + Send + Sync>> + Send> {
    match matching {
        Matching::Timestamps => Box::new(|record, seen| {
            seen(record.timestamp);
            Ok(())
        }),
        Matching::Counts => {
            let mut windows = Windows::new(schedule);
            Box::new(move |record, seen| {
                let Some(value) = record.value else { return Ok(()) };
                let row: CategorySales = <CategorySales as Data>::Format::default().decode(value)?;
                windows.show(row.window.start, row.window.key, row.sales.count, seen);
                Ok(())
            })
        }
    }
}
