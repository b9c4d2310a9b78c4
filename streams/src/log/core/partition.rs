//! One partition: where it begins and ends, who wrote to it, which transactions are open in it.
//!
//! It holds figures, not records. What changes goes into a [`WriteSet`], in which the record batch and the figures are one.

use std::collections::{BTreeMap, VecDeque};

use super::batch::{self, Header, KAFKA_MARKER, Marker};
use super::codec::{Decoder, Encoder};
use super::config::TopicConfig;
use super::keys::{self, Uid};
use super::segment::Segment;
use super::sequence::{Claim, ProducerEntry, Verdict};
use super::store::WriteSet;
use crate::log::records::{Entry, NULL};
use crate::log::{ErrorCode, LogError, Stored};

/// A producer that is not heard of for so long is forgotten (Kafka: `producer.id.expiration.ms`).
const PRODUCER_EXPIRY_MS: i64 = 24 * 60 * 60 * 1000;

/// One partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partition {
    pub(crate) uid: Uid,
    pub(crate) log_start: i64,
    /// The offset of the next record.
    pub(crate) end: i64,
    /// All segments, the active one last; never empty.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) producers: BTreeMap<i64, ProducerEntry>,
    /// Open transactions: first offset here → producer.
    open: BTreeMap<i64, i64>,
    /// Aborted transactions by their last offset, which is their marker's.
    pub(crate) aborted: BTreeMap<i64, Aborted>,
    /// Compaction has seen everything below.
    pub(crate) cleaned_to: i64,
}

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// A batch that asks to be let in, encoded already.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) value: Vec<u8>,
    pub(crate) count: usize,
    pub(crate) kafka_size: usize,
    pub(crate) min_timestamp: i64,
    pub(crate) max_timestamp: i64,
    /// The first record with the largest timestamp.
    pub(crate) max_at: usize,
    pub(crate) has_null_key: bool,
    /// Who sends it, unless it is nobody in particular.
    pub(crate) producer: Option<(i64, Claim)>,
    pub(crate) transactional: bool,
}

impl Incoming {
    /// Encodes records for one producer.
    pub(crate) fn new(entries: &[Entry], bytes: &[u8], producer: Option<(i64, Claim)>, transactional: bool) -> Self {
        let (mut min_timestamp, mut max_timestamp, mut max_at, mut has_null_key) = (i64::MAX, i64::MIN, 0, false);
        for (at, entry) in entries.iter().enumerate() {
            min_timestamp = min_timestamp.min(entry.timestamp);
            if entry.timestamp > max_timestamp {
                (max_timestamp, max_at) = (entry.timestamp, at);
            }
            has_null_key |= entry.key == NULL;
        }
        let kafka_size = batch::kafka_size(entries, bytes);
        let (first, last) = (entries.first(), entries.last());
        let start = first.map_or(0, |entry| entry.start as usize);
        let end = last.map_or(0, |entry| entry.start as usize + entry.byte_len());
        let header = Header {
            base_offset: 0,
            last_offset: 0,
            producer_id: producer.map_or(-1, |(id, _)| id),
            producer_epoch: producer.map_or(-1, |(_, claim)| claim.epoch),
            base_sequence: producer.map_or(-1, |(_, claim)| claim.first_sequence),
            transactional,
            marker: None,
            append_time: false,
            max_timestamp,
            delete_horizon: None,
            kafka_size: u32::try_from(kafka_size).unwrap_or(u32::MAX),
        };
        let value = batch::encode(&header, entries, &bytes[start..end]);
        Self { value, count: entries.len(), kafka_size, min_timestamp, max_timestamp, max_at, has_null_key, producer, transactional }
    }
}

impl Partition {
    pub(crate) fn new(uid: Uid, now: i64) -> Self {
        Self {
            uid,
            log_start: 0,
            end: 0,
            segments: VecDeque::from([Segment::new(0, now)]),
            producers: BTreeMap::new(),
            open: BTreeMap::new(),
            aborted: BTreeMap::new(),
            cleaned_to: 0,
        }
    }

    /// Up to here reading committed goes: the first record of the oldest open transaction, or the end.
    pub(crate) fn stable(&self) -> i64 {
        self.open.first_key_value().map_or(self.end, |(first, _)| (*first).max(self.log_start))
    }

    /// Lets a batch in, or says why not.
    pub(crate) fn append(
        &mut self, mut batch: Incoming, config: &TopicConfig, now: i64, writes: &mut WriteSet,
    ) -> Result<Stored, ErrorCode> {
        check(&batch, config, now)?;
        if let Some(Verdict::Repeated(first, last)) = self.judge(&batch)? {
            return Ok(Stored { first, last });
        }
        if config.append_time {
            batch::stamp(&mut batch.value, batch.count, now);
            (batch.max_timestamp, batch.max_at) = (now, 0);
        }
        let first = self.end;
        let last = first + batch.count as i64 - 1;
        batch::place(&mut batch.value, first, last);
        if let Some((id, claim)) = batch.producer {
            let entry = self.producers.entry(id).or_insert_with(|| ProducerEntry::new(claim.epoch, now));
            entry.remember(claim, first, last, now);
            if batch.transactional && entry.open_from.is_none() {
                entry.open_from = Some(first);
                self.open.insert(first, id);
            }
            writes.put(keys::within(keys::PRODUCER, self.uid, id), entry.encode());
        }
        let max_offset = first + batch.max_at as i64;
        self.extend(last, (batch.kafka_size as i64, batch.max_timestamp, max_offset), config, now, batch.value, writes);
        Ok(Stored { first, last })
    }

    /// Writes the marker that ends a producer's transaction here.
    pub(crate) fn mark(&mut self, (id, epoch): (i64, i16), marker: Marker, config: &TopicConfig, now: i64, writes: &mut WriteSet) {
        let at = self.end;
        let entry = self.producers.entry(id).or_insert_with(|| ProducerEntry::new(epoch, now));
        entry.raise_epoch(epoch);
        entry.heard = now;
        let first = entry.open_from.take();
        writes.put(keys::within(keys::PRODUCER, self.uid, id), entry.encode());
        if let Some(first) = first {
            self.open.remove(&first);
            if marker == Marker::Abort {
                self.aborted.insert(at, Aborted { producer_id: id, first, last: at });
                writes.put(keys::within(keys::ABORTED, self.uid, at), Encoder::new().i64(id).i64(first).done());
            }
        }
        let value = encode_marker((id, epoch), marker, at, now);
        self.extend(at, (i64::from(KAFKA_MARKER), now, at), config, now, value, writes);
    }

    /// Moves the log start up; what lies below is gone.
    pub(crate) fn raise_log_start(&mut self, to: i64, writes: &mut WriteSet) {
        if to <= self.log_start {
            return;
        }
        for kind in [keys::BATCH, keys::ABORTED] {
            writes.delete_range(keys::within(kind, self.uid, 0), keys::within(kind, self.uid, to));
        }
        self.aborted = self.aborted.split_off(&to);
        self.log_start = to;
        self.cleaned_to = self.cleaned_to.max(to);
        self.save(writes);
    }

    /// `DeleteRecords`: everything below `before`, or all. Says where the log begins then.
    pub(crate) fn delete_records(&mut self, before: Option<i64>, config: &TopicConfig, writes: &mut WriteSet) -> Result<i64, ErrorCode> {
        if config.compact && !config.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let before = before.unwrap_or(self.end);
        if !(0..=self.end).contains(&before) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.raise_log_start(before, writes);
        Ok(self.log_start)
    }

    /// Deletes segments that are too old, too many, or below the log start; of a compacted topic only the last. Says whether anything
    /// went.
    pub(crate) fn retain(&mut self, config: &TopicConfig, now: i64, writes: &mut WriteSet) -> bool {
        self.forget_silent_producers(now, writes);
        let mut gone = 0;
        if let Some(retention) = config.retention_ms.filter(|_| config.delete) {
            let old = |segment: &Segment| now - segment.age_from() > retention;
            gone += self.drop_segments(gone, |_, segment| old(segment));
        }
        if let Some(retention) = config.retention_bytes.filter(|_| config.delete) {
            let mut excess = self.segments.iter().skip(gone).map(|segment| segment.size).sum::<i64>() - retention;
            gone += self.drop_segments(gone, |_, segment| {
                let fits = excess >= segment.size;
                excess -= if fits { segment.size } else { 0 };
                fits
            });
        }
        let log_start = self.log_start;
        gone += self.drop_segments(gone, |next, _| next.is_some_and(|next| next <= log_start));
        if gone > 0 {
            self.remove_segments(gone, now, writes);
        }
        gone > 0
    }

    /// How many segments from `skip` on are to go, the oldest first. The active one goes unless it is empty.
    fn drop_segments(&self, skip: usize, mut goes: impl FnMut(Option<i64>, &Segment) -> bool) -> usize {
        let next = self.segments.iter().skip(skip + 1).map(|segment| Some(segment.base)).chain([None]);
        let segments = self.segments.iter().skip(skip).zip(next);
        segments.take_while(|(segment, next)| (segment.size > 0 || next.is_some()) && goes(*next, segment)).count()
    }

    fn remove_segments(&mut self, count: usize, now: i64, writes: &mut WriteSet) {
        for segment in self.segments.drain(..count) {
            writes.delete(keys::within(keys::SEGMENT, self.uid, segment.base));
        }
        let base = self.segments.front().map_or(self.end, |segment| segment.base);
        if self.segments.is_empty() {
            self.segments.push_back(Segment::new(base, now));
        }
        writes.delete(keys::within(keys::SEGMENT, self.uid, self.active().base));
        self.raise_log_start(base, writes);
        self.save(writes);
    }

    fn forget_silent_producers(&mut self, now: i64, writes: &mut WriteSet) {
        let uid = self.uid;
        self.producers.retain(|id, entry| {
            let stays = entry.open_from.is_some() || now - entry.heard <= PRODUCER_EXPIRY_MS;
            if !stays {
                writes.delete(keys::within(keys::PRODUCER, uid, *id));
            }
            stays
        });
    }

    /// A partition that does not know the producer takes any sequence.
    fn judge(&self, batch: &Incoming) -> Result<Option<Verdict>, ErrorCode> {
        let known = batch.producer.and_then(|(id, claim)| Some((self.producers.get(&id)?, claim)));
        known.map(|(entry, claim)| entry.judge(claim)).transpose()
    }

    fn extend(
        &mut self, last: i64, (size, max_timestamp, max_offset): (i64, i64, i64), config: &TopicConfig, now: i64, value: Vec<u8>,
        writes: &mut WriteSet,
    ) {
        if self.active().is_full_for(size, max_timestamp, config, now) {
            let full = self.active();
            writes.put(keys::within(keys::SEGMENT, self.uid, full.base), full.encode(Encoder::new()).done());
            self.segments.push_back(Segment::new(self.end, now));
        }
        let active = self.segments.back_mut().expect("a partition has a segment");
        active.add(size, max_timestamp, max_offset);
        active.modified = now;
        self.end = last + 1;
        writes.put(keys::within(keys::BATCH, self.uid, last), value);
        self.save(writes);
    }

    pub(crate) fn active(&self) -> &Segment {
        self.segments.back().expect("a partition has a segment")
    }

    /// Writes the head: the ends and the active segment.
    pub(crate) fn save(&self, writes: &mut WriteSet) {
        let head = Encoder::new().i64(self.log_start).i64(self.end).i64(self.cleaned_to);
        writes.put(keys::partition(keys::HEAD, self.uid), self.active().encode(head).done());
    }

    /// Removes all that is stored of it.
    pub(crate) fn erase(&self, writes: &mut WriteSet) {
        for kind in [keys::BATCH, keys::ABORTED, keys::PRODUCER, keys::SEGMENT] {
            writes.delete_range(keys::partition(kind, self.uid), keys::partition(kind, self.uid + 1));
        }
        writes.delete(keys::partition(keys::HEAD, self.uid));
    }

    /// Reads the head; segments, producers and aborted transactions are added by the `load_` functions.
    pub(crate) fn load(uid: Uid, head: &[u8]) -> Result<Self, LogError> {
        let mut from = Decoder::new(head, "the head of a partition");
        let mut partition = Self::new(uid, 0);
        (partition.log_start, partition.end, partition.cleaned_to) = (from.i64()?, from.i64()?, from.i64()?);
        partition.segments = VecDeque::from([Segment::decode(&mut from)?]);
        Ok(partition)
    }

    /// Adds a closed segment; they come in order.
    pub(crate) fn load_segment(&mut self, value: &[u8]) -> Result<(), LogError> {
        let segment = Segment::decode(&mut Decoder::new(value, "a segment"))?;
        self.segments.insert(self.segments.len() - 1, segment);
        Ok(())
    }

    pub(crate) fn load_producer(&mut self, id: i64, value: &[u8]) -> Result<(), LogError> {
        let entry = ProducerEntry::decode(value)?;
        if let Some(first) = entry.open_from {
            self.open.insert(first, id);
        }
        self.producers.insert(id, entry);
        Ok(())
    }

    pub(crate) fn load_aborted(&mut self, last: i64, value: &[u8]) -> Result<(), LogError> {
        let mut from = Decoder::new(value, "an aborted transaction");
        self.aborted.insert(last, Aborted { producer_id: from.i64()?, first: from.i64()?, last });
        Ok(())
    }
}

/// What Kafka checks before it looks at the producer.
fn check(batch: &Incoming, config: &TopicConfig, now: i64) -> Result<(), ErrorCode> {
    if batch.kafka_size > config.max_message_bytes {
        return Err(ErrorCode::MessageTooLarge);
    }
    if config.compact && batch.has_null_key {
        return Err(ErrorCode::InvalidRecord);
    }
    let early = now.saturating_sub(batch.min_timestamp) > config.before_max_ms;
    let late = batch.max_timestamp.saturating_sub(now) > config.after_max_ms;
    if !config.append_time && (early || late) {
        return Err(ErrorCode::InvalidTimestamp);
    }
    Ok(())
}

fn encode_marker((producer_id, producer_epoch): (i64, i16), marker: Marker, at: i64, now: i64) -> Vec<u8> {
    let header = Header {
        base_offset: at,
        last_offset: at,
        producer_id,
        producer_epoch,
        base_sequence: -1,
        transactional: true,
        marker: Some(marker),
        append_time: false,
        max_timestamp: now,
        delete_horizon: None,
        kafka_size: KAFKA_MARKER,
    };
    let record = Entry { offset: at, timestamp: now, start: 0, key: NULL, headers: 0, value: NULL };
    batch::encode(&header, &[record], &[])
}
