//! How an application is doing, readable from any thread.

use crate::connector::ConnectorError;
use crate::log::TopicPartition;
use metrics::SharedString;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters of one running application.
#[derive(Debug)]
pub struct Status {
    /// The label that tells the metrics of applications in one process apart.
    application: SharedString,
    records: AtomicU64,
    commits: AtomicU64,
    restored: AtomicU64,
    sunk: AtomicU64,
    dropped: AtomicU64,
    aborted: AtomicU64,
    aborted_in_a_row: AtomicU64,
    producers: AtomicU64,
    rebalances: AtomicU64,
    sink_errors: AtomicU64,
    lags: Mutex<BTreeMap<TopicPartition, u64>>,
    /// Steps in a row that found nothing to do.
    rest: AtomicU64,
    /// Commits by the power of two that their latency (milliseconds) lies below.
    latencies: [AtomicU64; BUCKETS],
}

const BUCKETS: usize = 40;

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records that tasks have processed, those of repartition topics included.
    pub records: u64,
    /// Commits that stand.
    pub commits: u64,
    /// Changelog records that were read to restore stores.
    pub restored: u64,
    /// Rows that sinks have written.
    pub sunk: u64,
    /// Records that were dropped without a dead letter. Kafka: `dropped-records-total`.
    pub dropped: u64,
    /// Commits that failed and were done again.
    pub aborted: u64,
    /// The most of them that followed each other.
    pub aborted_in_a_row: u64,
    /// Producers that were made; the first is one of them.
    pub producers: u64,
    /// Generations of the group that we have seen.
    pub rebalances: u64,
    /// Times that a sink's target did not answer, or that another instance wrote to it.
    pub sink_errors: u64,
    /// Half of all commits held no record older than this many milliseconds.
    pub latency_p50_ms: u64,
    /// 99 % of all commits held no record older than this many milliseconds.
    pub latency_p99_ms: u64,
}

impl Status {
    /// All at zero, for the application of this id.
    pub(crate) fn of(application_id: &str) -> Self {
        let zero = AtomicU64::default;
        Status {
            application: SharedString::from_shared(application_id.into()),
            records: zero(),
            commits: zero(),
            restored: zero(),
            sunk: zero(),
            dropped: zero(),
            aborted: zero(),
            aborted_in_a_row: zero(),
            producers: zero(),
            rebalances: zero(),
            sink_errors: zero(),
            lags: Mutex::default(),
            rest: zero(),
            latencies: std::array::from_fn(|_| zero()),
        }
    }
}

impl Status {
    /// Reads all counters.
    pub fn progress(&self) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            records: read(&self.records),
            commits: read(&self.commits),
            restored: read(&self.restored),
            sunk: read(&self.sunk),
            dropped: read(&self.dropped),
            aborted: read(&self.aborted),
            aborted_in_a_row: read(&self.aborted_in_a_row),
            producers: read(&self.producers),
            rebalances: read(&self.rebalances),
            sink_errors: read(&self.sink_errors),
            latency_p50_ms: self.quantile(50),
            latency_p99_ms: self.quantile(99),
        }
    }

    /// A step found nothing to do: all input is read, processed, committed and written by the sinks.
    pub(crate) fn rests(&self) {
        add(&self.rest, 1);
    }

    /// There is, or was just now, something to do.
    pub(crate) fn works(&self) {
        self.rest.store(0, Ordering::Release);
    }

    /// Steps in a row that found nothing to do.
    pub(crate) fn rest(&self) -> u64 {
        self.rest.load(Ordering::Acquire)
    }

    pub(crate) fn processed(&self, records: usize) {
        add(&self.records, records);
        metrics::counter!("headwater_records_total", "application" => self.application.clone()).increment(records as u64);
    }

    pub(crate) fn committed(&self) {
        add(&self.commits, 1);
        metrics::counter!("headwater_commits_total", "application" => self.application.clone()).increment(1);
        metrics::gauge!("headwater_aborted_commits_in_a_row", "application" => self.application.clone()).set(0.0);
    }

    /// A commit has failed, the `in_a_row`th without one that stands between.
    pub(crate) fn aborted(&self, in_a_row: u64) {
        add(&self.aborted, 1);
        self.aborted_in_a_row.fetch_max(in_a_row, Ordering::Relaxed);
        metrics::counter!("headwater_aborted_commits_total", "application" => self.application.clone()).increment(1);
        metrics::gauge!("headwater_aborted_commits_in_a_row", "application" => self.application.clone()).set(in_a_row as f64);
    }

    /// Records between the position of a task and the end of its input, as of the last look (`Config::watch_interval`), for the inputs of
    /// the tasks of this process.
    pub fn lag(&self) -> Vec<(TopicPartition, u64)> {
        let lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        lags.iter().map(|(at, lag)| (at.clone(), *lag)).collect()
    }

    pub(crate) fn lags(&self, at: &TopicPartition, records: u64) {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone(), records);
    }

    /// A partition is somebody else's.
    pub(crate) fn forgets(&self, at: &TopicPartition) {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).remove(at);
    }

    pub(crate) fn made_producer(&self) {
        add(&self.producers, 1);
        metrics::counter!("headwater_producers_total", "application" => self.application.clone()).increment(1);
    }

    pub(crate) fn restored(&self, records: usize) {
        add(&self.restored, records);
        metrics::counter!("headwater_restored_records_total", "application" => self.application.clone()).increment(records as u64);
    }

    /// So many changelog records are still to be read before all tasks work.
    pub(crate) fn restoring(&self, remaining: i64) {
        metrics::gauge!("headwater_restore_remaining_records", "application" => self.application.clone()).set(remaining as f64);
    }

    /// The group is in another generation.
    pub(crate) fn rebalanced(&self) {
        add(&self.rebalances, 1);
        metrics::counter!("headwater_rebalances_total", "application" => self.application.clone()).increment(1);
    }

    /// A sink's target did not take what it was given.
    pub(crate) fn sink_failed(&self, error: &ConnectorError) {
        let (sink, kind) = match error {
            ConnectorError::Unavailable { sink, .. } => (sink, "unavailable"),
            ConnectorError::Fenced { sink, .. } => (sink, "fenced"),
            ConnectorError::Refused { sink, .. } => (sink, "refused"),
        };
        add(&self.sink_errors, 1);
        metrics::counter!("headwater_sink_errors_total", "application" => self.application.clone(), "sink" => sink.clone(), "kind" => kind)
            .increment(1);
    }

    pub(crate) fn sunk(&self, rows: usize) {
        add(&self.sunk, rows);
        metrics::counter!("headwater_sink_rows_total", "application" => self.application.clone()).increment(rows as u64);
    }

    pub(crate) fn dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
        metrics::counter!("headwater_dropped_records_total", "application" => self.application.clone()).increment(records);
    }

    /// A commit is done whose oldest record came into the log this long ago.
    pub(crate) fn latency(&self, ms: i64) {
        let ms = ms.max(0) as u64;
        let bucket = (u64::BITS - ms.leading_zeros()) as usize;
        add(&self.latencies[bucket.min(BUCKETS - 1)], 1);
        metrics::histogram!("headwater_commit_latency_seconds", "application" => self.application.clone()).record(ms as f64 / 1000.0);
    }

    fn quantile(&self, percent: u64) -> u64 {
        let counts: Vec<_> = self.latencies.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() * percent;
        let mut seen = 0;
        for (bucket, count) in counts.iter().enumerate() {
            seen += count * 100;
            if seen >= wanted && seen > 0 {
                return 1 << bucket;
            }
        }
        0
    }
}

fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}
