//! Reading: what a position shows, and offsets by their meaning.

use super::batch::{BatchRef, Marker};
use super::broker::Broker;
use super::keys::{self, Uid};
use super::partition::{Aborted, Partition};
use super::store::{Next, Store};
use crate::log::inspect::{Dump, DumpedBatch};
use crate::log::{Ends, ErrorCode, FetchLimit, Isolation, ListedOffset, LogError, OffsetQuery, Records, TopicPartition};

/// What there is to read at a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No such topic or partition.
    Nowhere,
    /// Below the log start or beyond the end.
    Outside,
    /// Above the last stable offset: nothing to read, and not the end either.
    AboveStable,
    AtEnd,
    Ready(FetchPlan),
}

/// A piece of a partition to be read without the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FetchPlan {
    pub(crate) uid: Uid,
    from: i64,
    upto: i64,
    /// What of it was aborted.
    aborted: Vec<Aborted>,
}

impl Broker {
    /// Looks what a reader at `from` may see.
    pub(crate) fn reach(&self, at: &TopicPartition, from: i64, isolation: Isolation) -> Reach {
        let Ok(partition) = self.partition(at) else { return Reach::Nowhere };
        if !(partition.log_start..=partition.end).contains(&from) {
            return Reach::Outside;
        }
        let upto = partition.shown_end(isolation);
        if from > upto {
            return Reach::AboveStable;
        }
        if from == upto {
            return Reach::AtEnd;
        }
        let aborted = if isolation == Isolation::Committed { partition.aborted_in(from, upto) } else { Vec::new() };
        Reach::Ready(FetchPlan { uid: partition.uid, from, upto, aborted })
    }

    /// Whether what was planned still holds: neither is the topic another one, nor has its start moved past the position.
    pub(crate) fn still_holds(&self, at: &TopicPartition, plan: &FetchPlan) -> bool {
        self.partition(at).is_ok_and(|partition| partition.uid == plan.uid && partition.log_start <= plan.from)
    }

    pub(crate) fn ends(&self, at: &TopicPartition) -> Result<Ends, ErrorCode> {
        let partition = self.partition(at)?;
        Ok(Ends { earliest: partition.log_start, latest: partition.end, stable: partition.stable() })
    }

    pub(crate) fn list_offset(
        &self, store: &dyn Store, at: &TopicPartition, query: OffsetQuery, isolation: Isolation,
    ) -> Result<Option<ListedOffset>, LogError> {
        let partition = self.partition(at).map_err(|code| LogError::new(code, at))?;
        let found = match query {
            OffsetQuery::Earliest => return Ok(Some(ListedOffset { offset: partition.log_start, timestamp: None })),
            OffsetQuery::Latest => return Ok(Some(ListedOffset { offset: partition.shown_end(isolation), timestamp: None })),
            OffsetQuery::MaxTimestamp => partition.latest_timestamp(),
            OffsetQuery::Time(timestamp) => partition.find_time(store, timestamp)?,
        };
        Ok(found.filter(|found| found.offset < partition.shown_end(isolation)))
    }

    /// The stored batches from `from` on, or from the log start.
    pub(crate) fn dump(&self, store: &dyn Store, at: &TopicPartition, isolation: Isolation, from: Option<i64>) -> Result<Dump, LogError> {
        let partition = self.partition(at).map_err(|code| LogError::new(code, at))?;
        let from = from.unwrap_or(partition.log_start);
        if !(partition.log_start..=partition.end).contains(&from) {
            return Err(LogError::new(ErrorCode::OffsetOutOfRange, at));
        }
        let upto = partition.shown_end(isolation);
        let mut batches = Vec::new();
        scan_batches(store, partition.uid, from, upto, &mut |batch| {
            batches.push(dumped(&batch));
            Ok(Next::More)
        })?;
        let aborted = if isolation == Isolation::Committed { partition.aborted_with(&batches, from) } else { Vec::new() };
        let aborted = aborted.into_iter().map(|aborted| (aborted.producer_id, aborted.first)).collect();
        Ok(Dump { log_start: partition.log_start, end: partition.end, stable: partition.stable(), batches, aborted })
    }
}

fn dumped(batch: &BatchRef<'_>) -> DumpedBatch {
    let header = batch.header;
    let mut records = Records::new();
    if header.marker.is_none() {
        batch.copy_to(&mut records, 0, usize::MAX, usize::MAX);
    }
    DumpedBatch {
        first: header.base_offset,
        last: header.last_offset,
        producer_id: Some(header.producer_id).filter(|id| *id >= 0),
        transactional: header.transactional && header.marker.is_none(),
        commits: header.marker.map(|marker| marker == Marker::Commit),
        records,
    }
}

/// How far a piece was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Where to read on.
    pub(crate) next: i64,
    /// The offset behind the last record or marker. librdkafka's position does not pass aborted records before their marker.
    pub(crate) passed: Option<i64>,
}

/// Reads a planned piece up to the limit.
pub(crate) fn read(store: &dyn Store, plan: &FetchPlan, limit: FetchLimit, out: &mut Records) -> Result<Progress, LogError> {
    let (first, start) = (out.len(), out.byte_len());
    let mut progress = Progress { next: plan.upto, passed: None };
    scan_batches(store, plan.uid, plan.from, plan.upto, &mut |batch| {
        let (records, bytes) = (out.len() - first, out.byte_len() - start);
        if records > 0 && (records >= limit.records || bytes >= limit.bytes) {
            progress.next = batch.header.base_offset.max(plan.from);
            return Ok(Next::Enough);
        }
        if batch.header.marker.is_some() {
            progress.passed = Some(batch.header.last_offset + 1);
            return Ok(Next::More);
        }
        if plan.hides(&batch) {
            return Ok(Next::More);
        }
        let copied = batch.copy_to(out, plan.from, limit.records.saturating_sub(records), limit.bytes.saturating_sub(bytes));
        progress.passed = Some(copied.next);
        if copied.complete {
            return Ok(Next::More);
        }
        progress.next = copied.next;
        Ok(Next::Enough)
    })?;
    Ok(progress)
}

/// Visits the batches with a record at `from` or above that begin below `upto`.
pub(crate) fn scan_batches(
    store: &dyn Store, uid: Uid, from: i64, upto: i64, visit: &mut dyn FnMut(BatchRef<'_>) -> Result<Next, LogError>,
) -> Result<(), LogError> {
    let (from, below) = (keys::within(keys::BATCH, uid, from), keys::within(keys::BATCH, uid, i64::MAX));
    store.scan(&from, &below, &mut |_, value| {
        let batch = BatchRef::parse(value)?;
        if batch.header.base_offset >= upto { Ok(Next::Enough) } else { visit(batch) }
    })
}

impl FetchPlan {
    fn hides(&self, batch: &BatchRef<'_>) -> bool {
        batch.header.transactional && self.aborted.iter().any(|aborted| aborted.covers(batch))
    }
}

impl Aborted {
    pub(crate) fn covers(&self, batch: &BatchRef<'_>) -> bool {
        self.producer_id == batch.header.producer_id && (self.first..=self.last).contains(&batch.header.base_offset)
    }
}

impl Partition {
    /// The end that this isolation shows.
    pub(crate) fn shown_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Committed => self.stable(),
            Isolation::Uncommitted => self.end,
        }
    }

    fn aborted_in(&self, from: i64, upto: i64) -> Vec<Aborted> {
        self.aborted.range(from..).map(|(_, aborted)| *aborted).filter(|aborted| aborted.first < upto).collect()
    }

    /// The index entries that come with these batches: one fetch answers from one segment, with all entries up to its end.
    fn aborted_with(&self, batches: &[DumpedBatch], from: i64) -> Vec<Aborted> {
        let mut ends: Vec<i64> = batches.iter().map(|batch| self.segment_end(batch.last)).collect();
        ends.dedup();
        let mut all = Vec::new();
        for end in ends {
            let more = self.aborted_in(from, end).into_iter().filter(|one| !all.contains(one));
            all.extend(more.collect::<Vec<_>>());
        }
        all
    }

    /// Where the segment ends in which this offset stands.
    fn segment_end(&self, offset: i64) -> i64 {
        self.segments.iter().map(|segment| segment.base).find(|base| *base > offset).unwrap_or(self.end)
    }

    /// The first record with the largest timestamp; it may be a marker, or stand below the log start.
    fn latest_timestamp(&self) -> Option<ListedOffset> {
        let by_time = self.segments.iter().filter(|segment| segment.max_timestamp >= 0).rev().max_by_key(|segment| segment.max_timestamp);
        by_time.map(|segment| ListedOffset { offset: segment.max_offset, timestamp: Some(segment.max_timestamp) })
    }

    /// The first record at or above the log start with this timestamp or a later one. As in Kafka the first segment that ever had
    /// such a record answers, also when DeleteRecords has taken the record away.
    fn find_time(&self, store: &dyn Store, timestamp: i64) -> Result<Option<ListedOffset>, LogError> {
        let Some(segment) = self.segments.iter().find(|segment| segment.max_timestamp >= timestamp) else { return Ok(None) };
        let (from, end) = (segment.base.max(self.log_start), self.segment_end(segment.base));
        let mut found = None;
        scan_batches(store, self.uid, from, end, &mut |batch| {
            if batch.header.max_timestamp >= timestamp {
                let mut records = batch.records();
                let record = records.find(|record| record.offset >= from && record.timestamp >= timestamp);
                found = record.map(|record| ListedOffset { offset: record.offset, timestamp: Some(record.timestamp) });
            }
            Ok(if found.is_some() { Next::Enough } else { Next::More })
        })?;
        Ok(found)
    }
}
