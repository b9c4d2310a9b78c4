//! Compaction of one partition: the last record of each key stays, at its offset. Kafka: `Cleaner`.
//!
//! It reads the store alone; the broker takes the result over in one write. Only closed segments are touched, so that nothing is in anybody's way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::batch::{self, BatchRef, Header, Marker};
use super::fetch::scan_batches;
use super::keys::{self, Uid};
use super::partition::Aborted;
use super::segment::Segment;
use super::store::{Change, Next, Store};
use crate::log::{LogError, RecordRef, Records, TopicPartition};

/// What is to be compacted.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) at: TopicPartition,
    pub(crate) uid: Uid,
    pub(crate) log_start: i64,
    /// From here on nothing was compacted yet.
    pub(crate) first_dirty: i64,
    /// From here on nothing is touched.
    pub(crate) upto: i64,
    pub(crate) now: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) segment_bytes: i64,
    /// The segments below `upto`.
    pub(crate) segments: Vec<Segment>,
    pub(crate) aborted: Vec<Aborted>,
    /// Producers' last batches stay, empty if need be, since they hold the sequence.
    pub(crate) last_offsets: BTreeMap<i64, i64>,
    /// Producers of which only a marker of this epoch is known.
    pub(crate) idle_epochs: BTreeMap<i64, i16>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    pub(crate) changes: Vec<Change>,
    /// The segments in place of the old ones.
    pub(crate) segments: Vec<Segment>,
    /// Last offsets of aborted transactions of which nothing is left.
    pub(crate) forgotten: Vec<i64>,
}

/// Compacts, reading only.
pub(crate) fn clean(store: &dyn Store, job: &Job) -> Result<Cleaned, LogError> {
    let newest = newest_offsets(store, job)?;
    let mut pass = Pass { job, newest, observed: BTreeSet::new(), committed: BTreeSet::new(), cleaned: Cleaned::default() };
    for group in groups(&job.segments, job.segment_bytes) {
        pass.clean_group(store, group)?;
    }
    Ok(pass.cleaned)
}

/// The last offset of each key among the dirty records.
fn newest_offsets(store: &dyn Store, job: &Job) -> Result<HashMap<Vec<u8>, i64>, LogError> {
    let mut newest = HashMap::new();
    scan_batches(store, job.uid, job.first_dirty, job.upto, &mut |batch| {
        if batch.header.marker.is_none() && !job.is_aborted(&batch) {
            for record in batch.records().filter(|record| record.offset >= job.first_dirty) {
                if let Some(key) = record.key {
                    match newest.get_mut(key) {
                        Some(offset) => *offset = record.offset,
                        None => drop(newest.insert(key.to_vec(), record.offset)),
                    }
                }
            }
        }
        Ok(Next::More)
    })?;
    Ok(newest)
}

/// Neighbouring segments become one as long as they fit into it.
fn groups(segments: &[Segment], limit: i64) -> impl Iterator<Item = &[Segment]> {
    let mut rest = segments;
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = |segment: &&Segment| {
            size += segment.size;
            size <= limit
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (group, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(group)
    })
}

struct Pass<'j> {
    job: &'j Job,
    newest: HashMap<Vec<u8>, i64>,
    /// Producers of aborted transactions with batches still there.
    observed: BTreeSet<i64>,
    /// Producers with batches behind their last marker.
    committed: BTreeSet<i64>,
    cleaned: Cleaned,
}

/// What is to become of a batch.
struct Fate {
    /// Its transaction is aborted, or is a marker without records.
    discard: bool,
    /// Even empty it stays.
    keep_empty: bool,
    /// It is a marker whose time to go is to be set.
    doomed_marker: bool,
}

impl Pass<'_> {
    fn clean_group(&mut self, store: &dyn Store, group: &[Segment]) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let mut segment = Segment { modified: last.modified, ..Segment::new(first.base, first.created) };
        let behind = self.job.segments.iter().find(|segment| segment.base > last.base).map_or(self.job.upto, |segment| segment.base);
        let from = first.base.max(self.job.log_start);
        scan_batches(store, self.job.uid, from, behind, &mut |batch| {
            self.clean_batch(&batch, &mut segment);
            Ok(Next::More)
        })?;
        self.cleaned.segments.push(segment);
        Ok(())
    }

    fn clean_batch(&mut self, batch: &BatchRef<'_>, segment: &mut Segment) {
        let fate = self.fate(batch);
        let mut kept = Records::new();
        for record in batch.records().filter(|record| !fate.discard && self.stays(batch, record)) {
            kept.push_ref(record);
        }
        let key = keys::within(keys::BATCH, self.job.uid, batch.header.last_offset);
        if kept.is_empty() && !fate.keep_empty {
            self.cleaned.changes.push(Change::Delete(key));
            return;
        }
        let tombstones = batch.header.marker.is_none() && kept.iter().any(|record| record.value.is_none());
        let sets_horizon = batch.header.delete_horizon.is_none() && (tombstones || fate.doomed_marker);
        let header = self.header_of(batch, &kept, sets_horizon);
        let max_offset =
            kept.iter().find(|record| record.timestamp == header.max_timestamp).map_or(header.last_offset, |record| record.offset);
        segment.add(i64::from(header.kafka_size), header.max_timestamp, max_offset);
        if kept.len() < batch.len() || sets_horizon {
            self.cleaned.changes.push(Change::Put(key, batch::encode_kept(&header, &kept)));
        }
    }

    fn header_of(&self, batch: &BatchRef<'_>, kept: &Records, sets_horizon: bool) -> Header {
        let mut header = batch.header;
        if kept.len() < batch.len() {
            let (entries, bytes) = kept.parts();
            header.kafka_size = u32::try_from(batch::kafka_size(entries, bytes)).unwrap_or(u32::MAX);
            header.max_timestamp = kept.max_timestamp().unwrap_or(-1);
        }
        if sets_horizon {
            header.delete_horizon = Some(self.job.now + self.job.delete_retention_ms);
        }
        header
    }

    /// Kafka: `Cleaner.cleanInto`, `shouldDiscardBatch`, `CleanedTransactionMetadata`.
    fn fate(&mut self, batch: &BatchRef<'_>) -> Fate {
        let header = &batch.header;
        let (done, marker) = match header.marker {
            Some(marker) => (self.marker_is_done(batch, marker), true),
            None => (self.is_aborted_data(batch), false),
        };
        let due = header.delete_horizon.is_some_and(|horizon| horizon <= self.job.now);
        let last_of_producer = match self.job.last_offsets.get(&header.producer_id) {
            Some(last) => header.last_offset == *last,
            None => marker && self.job.idle_epochs.get(&header.producer_id) == Some(&header.producer_epoch),
        };
        let last_of_round = header.last_offset + 1 == self.job.upto;
        Fate { discard: done && (due || !marker), keep_empty: last_of_producer || last_of_round, doomed_marker: done && marker }
    }

    /// A marker has done its work when no batch of its transaction is left.
    fn marker_is_done(&mut self, batch: &BatchRef<'_>, marker: Marker) -> bool {
        let id = batch.header.producer_id;
        if batch.len() == 0 {
            return true;
        }
        if marker == Marker::Commit {
            return !self.committed.remove(&id);
        }
        let done = !self.observed.remove(&id);
        if done && self.job.aborted.iter().any(|aborted| aborted.last == batch.header.last_offset) {
            self.cleaned.forgotten.push(batch.header.last_offset);
        }
        done
    }

    fn is_aborted_data(&mut self, batch: &BatchRef<'_>) -> bool {
        let aborted = self.job.is_aborted(batch);
        if aborted {
            self.observed.insert(batch.header.producer_id);
        } else if batch.header.transactional {
            self.committed.insert(batch.header.producer_id);
        }
        aborted
    }

    fn stays(&self, batch: &BatchRef<'_>, record: &RecordRef<'_>) -> bool {
        if batch.header.marker.is_some() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let newest = self.newest.get(key).is_none_or(|newest| record.offset >= *newest);
        let expired = batch.header.delete_horizon.is_some_and(|horizon| horizon <= self.job.now);
        newest && (record.value.is_some() || !expired)
    }
}

impl Job {
    fn is_aborted(&self, batch: &BatchRef<'_>) -> bool {
        batch.header.transactional && self.aborted.iter().any(|aborted| aborted.covers(batch))
    }
}
