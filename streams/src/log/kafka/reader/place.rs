//! One assigned partition of a reader.

use super::super::error::failed;
use crate::log::kafka_ffi::{Consumer, Drained, Failure, Feed};
use crate::log::{ErrorCode, FetchLimit, Fetched, LogError, ReaderConfig, Records, Reset, StartAt, TopicPartition};
use std::time::{Duration, Instant};
use tracing::debug;

/// librdkafka's words for the beginning, the end, the group's committed offset.
const BEGINNING: i64 = -2;
const END: i64 = -1;
const STORED: i64 = -1000;

/// A partition of which nothing is heard for so long may be gone, which librdkafka does not always tell.
const SILENCE: Duration = Duration::from_secs(10);

/// A broker that has just started may not know all partitions yet.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// A partition that is read.
pub(super) struct Place {
    pub(super) at: TopicPartition,
    start: StartAt,
    feed: Option<Feed>,
    next: Option<i64>,
    paused: bool,
    /// The end was told of and nothing has come since.
    told_end: bool,
    /// It failed, which was told, and is to be assigned anew.
    failed: bool,
    /// librdkafka's position, when it was last asked.
    taken: Option<i64>,
    /// A record or an end has come since the start. Before that librdkafka's position may be that of a marker fetched for an earlier start,
    /// which it takes note of although it throws the records of that fetch away.
    begun: bool,
    /// When something was heard of it.
    heard: Instant,
    /// librdkafka does not find it. Brokers are asked before that is believed: it may be one that has just started.
    doubted: bool,
    /// Since when brokers say that there is no such partition.
    absent: Option<Instant>,
}

/// What one look has found.
#[derive(Default)]
pub(super) struct Found {
    any: bool,
    moved: bool,
    at_end: bool,
    error: Option<LogError>,
}

impl Found {
    /// Whether the cluster has said anything.
    pub(super) fn is_alive(&self) -> bool {
        self.any
    }

    pub(super) fn is_worth_telling(&self) -> bool {
        self.moved || self.at_end || self.error.is_some()
    }
}

impl Place {
    pub(super) fn new(at: TopicPartition, start: StartAt) -> Self {
        let next = if let StartAt::Offset(offset) = start { Some(offset) } else { None };
        let heard = Instant::now();
        Self {
            at,
            start,
            feed: None,
            next,
            paused: false,
            told_end: false,
            failed: false,
            taken: None,
            begun: false,
            heard,
            doubted: false,
            absent: None,
        }
    }

    pub(super) fn next(&self) -> Option<i64> {
        self.next
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume(&mut self) {
        self.paused = false;
    }

    pub(super) fn fetched(&self, records: Records, found: Found) -> Fetched {
        let next = self.next.unwrap_or_default();
        Fetched { partition: self.at.clone(), records, next, at_end: found.at_end, error: found.error }
    }

    /// Moves what was fetched to `records`.
    pub(super) fn look(&mut self, consumer: &Consumer, config: &ReaderConfig, limit: FetchLimit, records: &mut Records) -> Found {
        if self.paused || self.failed {
            return Found::default();
        }
        let feed = match &mut self.feed {
            Some(feed) => feed,
            none => match consumer.start(&self.at, logical(self.start, config)) {
                Ok(feed) => none.insert(feed),
                Err(failure) => return self.fail(failed(&failure, &self.at)),
            },
        };
        let drained = feed.drain(limit, records);
        if drained.any { self.take(drained, records) } else { Found::default() }
    }

    /// Whether nothing was heard of it for long, so that it may be gone.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        !self.paused && !self.failed && self.feed.is_some() && (self.doubted || now >= self.heard + SILENCE)
    }

    /// How many partitions the cluster says its topic has.
    pub(super) fn ask(&self, limit: Duration) -> Result<usize, Failure> {
        self.feed.as_ref().map_or_else(|| Ok(usize::MAX), |feed| feed.partitions(limit))
    }

    /// Takes note of how many partitions its topic has; the error is told once.
    pub(super) fn learn(&mut self, now: Instant, partitions: usize) -> Option<Fetched> {
        if usize::try_from(self.at.partition).is_ok_and(|partition| partition < partitions) {
            (self.heard, self.doubted, self.absent) = (now, false, None);
            return None;
        }
        let since = *self.absent.get_or_insert(now);
        if self.failed || now < since + GONE_AFTER {
            return None;
        }
        let found = self.fail(LogError::new(ErrorCode::UnknownTopicOrPartition, &self.at));
        Some(self.fetched(Records::new(), found))
    }

    fn take(&mut self, drained: Drained, records: &Records) -> Found {
        let Some(feed) = &mut self.feed else { return Found::default() };
        let mut found = Found { any: true, ..Found::default() };
        // The position passes markers and what was aborted; records alone would not.
        self.begun |= drained.end.is_some() || !records.is_empty();
        let taken = feed.position().filter(|_| self.begun);
        let position = drained.end.or(taken.filter(|_| taken != self.taken));
        self.taken = taken;
        if drained.failure.is_none() {
            (self.heard, self.doubted, self.absent) = (Instant::now(), false, None);
        }
        if position.is_some() && position != self.next || !records.is_empty() {
            (self.next, found.moved, self.told_end) = (position.or(self.next), true, false);
        }
        // The last answer tells where the log ends, so nobody has to wait for the next one, which only says that there is no more.
        let ends = drained.end.is_some() || !drained.limited && position.is_some() && position >= feed.known_end();
        if ends {
            (found.at_end, self.told_end) = (!self.told_end, true);
        }
        if let Some(failure) = drained.failure {
            self.judge(&failure, &mut found);
        }
        found
    }

    /// What a failure means: wait, look again, or give up.
    fn judge(&mut self, failure: &Failure, found: &mut Found) {
        let error = failed(failure, &self.at);
        match error.code() {
            ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownPartition => {
                debug!(at = %self.at, %error, "partition not found");
                self.doubted = true;
            }
            _ if error.is_retriable() => debug!(at = %self.at, %error, "cannot be read now, trying on"),
            _ => {
                self.failed = true;
                found.error = Some(error);
            }
        }
    }

    fn fail(&mut self, error: LogError) -> Found {
        self.failed = true;
        Found { error: Some(error), ..Found::default() }
    }
}

fn logical(start: StartAt, config: &ReaderConfig) -> i64 {
    match start {
        StartAt::Offset(offset) => offset,
        StartAt::Earliest => BEGINNING,
        StartAt::Latest => END,
        StartAt::Committed if config.group.is_some() => STORED,
        StartAt::Committed => match config.reset {
            Reset::Earliest => BEGINNING,
            Reset::Error | Reset::Latest => END,
        },
    }
}
