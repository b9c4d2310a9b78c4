//! What has to be done from time to time: timeouts, retention, and finding what may be compacted.

use std::sync::Arc;

use super::broker::{Broker, Topic};
use super::compaction::{Cleaned, Job};
use super::keys;
use super::partition::Partition;
use super::segment::Segment;
use super::settings::millis;
use crate::log::{Isolation, TopicPartition};

impl Broker {
    /// From this moment on regular work comes in its intervals.
    pub(crate) fn schedule(&mut self, now: i64) {
        self.due.transactions = now + millis(self.settings.transaction_check);
        self.due.retention = now + millis(self.settings.retention_check);
        self.due.compaction = now + millis(self.settings.compaction_check);
    }

    /// Does what is due: silent members go, overdue transactions are aborted, old segments deleted.
    pub(crate) fn tick(&mut self, now: i64) {
        self.expire_members(now);
        self.answers.drop_forgotten();
        if now >= self.due.transactions {
            self.due.transactions = now + millis(self.settings.transaction_check);
            self.abort_overdue(now);
        }
        if now >= self.due.retention {
            self.due.retention = now + millis(self.settings.retention_check);
            self.retain(now);
        }
    }

    /// When [`tick`](Broker::tick) may have something to do next.
    pub(crate) fn next_due(&self) -> i64 {
        let groups = self.groups.values().filter_map(|group| group.next_expiry()).min().unwrap_or(i64::MAX);
        groups.min(self.due.transactions).min(self.due.retention)
    }

    fn retain(&mut self, now: i64) {
        for Topic { config, partitions, .. } in self.topics.values_mut() {
            for partition in partitions {
                if partition.retain(config, now, &mut self.writes) {
                    self.version += 1;
                }
            }
        }
    }

    /// The partitions that are worth compacting now, if it is time to look.
    pub(crate) fn compaction_jobs(&mut self, now: i64) -> Vec<Job> {
        if now < self.due.compaction {
            return Vec::new();
        }
        self.due.compaction = now + millis(self.settings.compaction_check);
        let compacted = self.topics.iter().filter(|(_, topic)| topic.config.compact);
        let jobs =
            compacted.flat_map(|(name, topic)| {
                topic.partitions.iter().zip(0..).filter_map(|(partition, number)| {
                    partition.job(TopicPartition { topic: Arc::clone(name), partition: number }, topic, now)
                })
            });
        jobs.collect()
    }

    /// Takes over what compaction made of a partition, unless the partition has changed below its end meanwhile.
    pub(crate) fn apply_cleaned(&mut self, job: &Job, cleaned: Cleaned) {
        let Ok((partition, _, writes)) = self.partition_mut(&job.at) else { return };
        // Retention may have taken a segment below the log start, which does not move by it.
        let first = |segments: &mut dyn Iterator<Item = &Segment>| segments.next().map(|segment| segment.base);
        let same_segments = first(&mut partition.segments.iter()) == first(&mut job.segments.iter());
        if partition.uid != job.uid || partition.log_start != job.log_start || !same_segments {
            return;
        }
        writes.changes.extend(cleaned.changes);
        for segment in partition.segments.drain(..job.segments.len()) {
            writes.delete(keys::within(keys::SEGMENT, partition.uid, segment.base));
        }
        for segment in cleaned.segments.into_iter().rev() {
            writes.put(keys::within(keys::SEGMENT, partition.uid, segment.base), segment.encode(super::codec::Encoder::new()).done());
            partition.segments.push_front(segment);
        }
        for last in cleaned.forgotten {
            partition.aborted.remove(&last);
            writes.delete(keys::within(keys::ABORTED, partition.uid, last));
        }
        partition.cleaned_to = job.upto;
        partition.save(writes);
    }
}

impl Partition {
    /// What compaction would do here, if it is worth it. Kafka: `LogCleanerManager.grabFilthiestCompactedLog`.
    fn job(&self, at: TopicPartition, topic: &Topic, now: i64) -> Option<Job> {
        let config = &topic.config;
        let first_dirty = self.cleaned_to.max(self.log_start);
        let upto = self.uncleanable_from(first_dirty, config.min_compaction_lag_ms, now);
        let size = |segments: &mut dyn Iterator<Item = &Segment>| segments.map(|segment| segment.size).sum::<i64>();
        let clean = size(&mut self.segments.iter().filter(|segment| segment.base < first_dirty));
        let ends = self.segments.iter().skip(1).map(|segment| segment.base).chain([self.end]);
        let touched = self.segments.iter().zip(ends).filter(|(segment, end)| *end > first_dirty && segment.base < upto);
        let mut dirty = touched.map(|(segment, _)| segment);
        let oldest = dirty.clone().find_map(|segment| segment.first_timestamp);
        let overdue = oldest.is_some_and(|oldest| now.saturating_sub(oldest) > config.max_compaction_lag_ms);
        let dirty = size(&mut dirty);
        if dirty == 0 || !(overdue || dirty as f64 / (clean + dirty) as f64 > config.min_dirty_ratio) {
            return None;
        }
        Some(Job {
            at,
            uid: self.uid,
            log_start: self.log_start,
            first_dirty,
            upto,
            now,
            delete_retention_ms: config.delete_retention_ms,
            segment_bytes: config.segment_bytes,
            segments: self.segments.iter().filter(|segment| segment.base < upto).cloned().collect(),
            aborted: self.aborted.values().copied().collect(),
            last_offsets: self.producers.iter().filter_map(|(id, entry)| Some((*id, entry.last_offset()?))).collect(),
            idle_epochs: self
                .producers
                .iter()
                .filter(|(_, entry)| entry.last_offset().is_none())
                .map(|(id, entry)| (*id, entry.epoch))
                .collect(),
        })
    }

    /// The first offset that compaction leaves alone: always the beginning of a segment.
    fn uncleanable_from(&self, first_dirty: i64, lag: i64, now: i64) -> i64 {
        let active = self.active().base;
        let young = |segment: &&Segment| segment.base >= first_dirty && segment.base < active && segment.max_timestamp > now - lag;
        let fresh = if lag > 0 { self.segments.iter().find(young).map_or(active, |segment| segment.base) } else { active };
        let limit = fresh.min(self.shown_end(Isolation::Committed));
        self.segments.iter().rev().find(|segment| segment.base <= limit).map_or(limit, |segment| segment.base)
    }
}
