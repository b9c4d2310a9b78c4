//! A task on its way to a commit, after it, and back from an abort.

use super::lane::Lane;
use super::marker::Marker;
use super::metadata::{CommitMetadata, FoundMetadata, name_hash};
use super::saved::Saved;
use super::turns::Turns;
use super::{Stop, Task, TaskError, TaskId};
use crate::log::{Ends, GroupOffset, RecordRef, Records, TopicPartition};
use crate::record::Timestamp;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the downstream tasks were last told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marked {
    pub(crate) at: Option<i64>,
    pub(crate) told: Option<(Timestamp, bool)>,
}

/// A marker that says nothing new is repeated after this many intervals, for a downstream task that has restarted.
const REPEAT_MARKERS: i64 = 10;

impl Task {
    /// Something waits to be committed, or downstream tasks wait for a word.
    pub(crate) fn needs_commit(&self, now: i64) -> bool {
        self.dirty || self.marker_is_due(now)
    }

    /// Brings everything that was held back into the outbox and the changelogs.
    pub(crate) fn prepare_commit(&mut self, now: i64) -> Result<(), TaskError> {
        self.context.wall_time = now;
        self.flush()?;
        self.send_detached_letters("flush");
        self.send_markers(now);
        let failed = |source| TaskError::State { task: self.id, source };
        let mut state = self.context.state.borrow_mut();
        self.changelogs.iter_mut().try_for_each(|changelog| changelog.collect(&mut state)).map_err(failed)?;
        self.commit_number += 1;
        let positions = self.lanes.iter().map(Lane::position).collect();
        let (schedules, words) = (self.context.schedules.clone(), self.clock.words());
        self.prepared = Some(Saved { positions, metadata: self.metadata(), schedules, words });
        Ok(())
    }

    /// Forwards what cached stores hold back, then brings the byte stores up to date.
    fn flush(&mut self) -> Result<(), TaskError> {
        self.context.coordinates = None;
        let (id, lane) = (self.id, &self.lanes[0]);
        let failed = |stop: Box<Stop>| TaskError::of_stop(id, &lane.at, lane.position(), *stop);
        self.processors.flushers.iter_mut().try_for_each(|flush| flush(&mut self.context)).map_err(failed)?;
        self.context.fronts.iter().try_for_each(|front| front.write_back()).map_err(failed)
    }

    /// A full cache only means that what it holds goes on now; what was sent stays part of the running interval.
    pub(super) fn evict(&mut self) -> Result<(), TaskError> {
        if self.context.fronts.iter().any(|front| front.is_full()) {
            self.flush()?;
            self.send_detached_letters("flush");
        }
        Ok(())
    }

    /// Lets go what cached stores hold back, if there is anything.
    pub(crate) fn flush_early(&mut self, now: i64) -> Result<(), TaskError> {
        if std::mem::take(&mut self.warm) {
            self.context.wall_time = now;
            self.flush()?;
            self.send_detached_letters("flush");
        }
        Ok(())
    }

    /// Letters of a flush or a punctuation have no record: they stand at the position that the commit will reach.
    pub(super) fn send_detached_letters(&mut self, during: &str) {
        let lane = &self.lanes[0];
        for (n, letter) in self.context.letters.drain(..).enumerate() {
            self.letters.send_detached(
                &mut self.context.outbox,
                &lane.at,
                lane.position(),
                &format!("{during}-{n}"),
                self.clock.stream_time(),
                letter,
            );
        }
    }

    fn marker_is_due(&self, now: i64) -> bool {
        let Some(last) = self.marked.at else { return !self.feeds.is_empty() && self.clock.is_watermark() };
        let interval = self.settings.marker_interval_ms;
        let news = || self.marked.told != Some((self.clock.stream_time(), self.clock.is_idle(&self.lanes, now)));
        now - last >= interval && (now - last >= interval * REPEAT_MARKERS || news())
    }

    fn send_markers(&mut self, now: i64) {
        if !self.marker_is_due(now) {
            return;
        }
        let (watermark, idle) = (self.clock.stream_time(), self.clock.is_idle(&self.lanes, now));
        let TaskId { sub_topology, partition } = self.id;
        let headers = Marker { sub_topology, partition, partitions: self.settings.partitions, watermark, idle }.to_headers();
        for feed in &self.feeds {
            (0..feed.partitions).for_each(|partition| self.context.outbox.send_null_to(feed.to, partition, watermark.max(0), &headers));
        }
        self.marked = Marked { at: Some(now), told: Some((watermark, idle)) };
    }

    /// Hands over what was produced so far: records for topics, and changelog records of a prepared commit.
    pub(crate) fn hand_over(&mut self, mut take: impl FnMut(&TopicPartition, &mut Records)) {
        self.context.outbox.drain(&mut take);
        for changelog in self.changelogs.iter_mut().filter(|changelog| !changelog.pending.is_empty()) {
            changelog.sent += changelog.pending.len() as i64;
            take(&changelog.at, &mut changelog.pending);
            changelog.pending.clear();
        }
    }

    /// The same record by record, in the order in which they were sent; changelog records after them.
    pub(crate) fn hand_over_in_order(&mut self, mut take: impl FnMut(&TopicPartition, RecordRef<'_>)) {
        self.context.outbox.drain_in_order(&mut take);
        self.hand_over(|at, records| records.iter().for_each(|record| take(at, record)));
    }

    /// The positions of all inputs, with the times at the first of them.
    pub(crate) fn offsets(&self) -> Vec<GroupOffset> {
        let metadata = self.metadata().encode();
        let offset = |(i, lane): (usize, &Lane)| GroupOffset {
            at: lane.at.clone(),
            offset: lane.position(),
            metadata: if i == 0 { metadata.clone() } else { String::new() },
        };
        self.lanes.iter().enumerate().map(offset).collect()
    }

    /// The positions as the last commit has them.
    pub(crate) fn committed_offsets(&self) -> Vec<GroupOffset> {
        let metadata = self.saved.metadata.encode();
        let offset = |(i, lane): (usize, &Lane)| GroupOffset {
            at: lane.at.clone(),
            offset: self.saved.positions[i],
            metadata: if i == 0 { metadata.clone() } else { String::new() },
        };
        self.lanes.iter().enumerate().map(offset).collect()
    }

    /// Parts of the changelogs in which somebody else has written since the last commit. Asked before [`Task::committed`].
    pub(crate) fn foreign(&self, stored: &BTreeMap<TopicPartition, i64>) -> Vec<(TopicPartition, Range<i64>)> {
        let of = |changelog: &super::changelog::Changelog| Some((changelog.at.clone(), changelog.foreign(*stored.get(&changelog.at)?)?));
        self.changelogs.iter().filter_map(of).collect()
    }

    fn metadata(&self) -> CommitMetadata {
        CommitMetadata {
            commit_number: self.commit_number,
            stream_time: self.clock.stream_time(),
            lanes: self.lanes.iter().map(|lane| lane.time).collect(),
            clocks: self.processors.clocks.iter().map(|(name, time)| (name_hash(name), time.get())).collect(),
        }
    }

    /// The log has the prepared commit: the state follows in one batch. `stored` holds the last offset of each changelog partition.
    pub(crate) fn committed(&mut self, stored: &BTreeMap<TopicPartition, i64>, now: i64) -> Result<(), TaskError> {
        let Some(prepared) = self.prepared.take() else { return Ok(()) };
        for changelog in &mut self.changelogs {
            if changelog.is_source {
                let lane = self.lanes.iter().position(|lane| lane.at == changelog.at);
                changelog.next_offset = prepared.positions[lane.expect("a source that serves as changelog is an input")];
            } else if let Some(last) = stored.get(&changelog.at) {
                changelog.next_offset = last + 1;
            }
            changelog.sent = 0;
        }
        let positions: Vec<_> = self.changelogs.iter().map(|changelog| (changelog.store, changelog.position(now))).collect();
        let task = self.id;
        let mut state = self.context.state.borrow_mut();
        state.commit(&positions, self.commit_number).map_err(|source| TaskError::State { task, source })?;
        drop(state);
        self.saved = prepared;
        self.dirty = false;
        self.refused.last = None;
        Ok(())
    }

    /// Whether the task has a part in the commit that is under way.
    pub(crate) fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }

    /// The state has followed, but the group did not take the positions: another commit must carry them.
    pub(crate) fn commit_again(&mut self) {
        self.dirty = true;
    }

    /// Whether what the group has is the commit that this task prepared last. The number alone does not tell: another instance that has
    /// taken the task over counts on from the same commit.
    pub(crate) fn stands_committed(&self, found: &[(TopicPartition, Option<GroupOffset>, Ends)]) -> bool {
        let number_and_times = found.first().and_then(|(_, committed, _)| Some(FoundMetadata::read(&committed.as_ref()?.metadata)));
        let positions = found.iter().map(|(_, committed, _)| committed.as_ref().map(|found| found.offset));
        self.prepared.as_ref().is_some_and(|prepared| {
            number_and_times == Some(FoundMetadata::Ours(prepared.metadata.clone()))
                && positions.eq(prepared.positions.iter().copied().map(Some))
        })
    }

    /// The transaction is gone: back to the last commit. Returns where each input is to be read again.
    pub(crate) fn abort(&mut self) -> Vec<(TopicPartition, i64)> {
        self.context.state.borrow_mut().abort();
        self.context.fronts.iter().for_each(|front| front.abort());
        self.context.outbox.clear();
        self.context.letters.clear();
        for changelog in &mut self.changelogs {
            changelog.pending.clear();
            changelog.sent = 0;
        }
        self.dirty = false;
        self.prepared = None;
        self.oldest = None;
        self.context.dropped = self.dropped_told;
        self.refused.last = None;
        self.marked = Marked::default();
        self.restore_times();
        self.lanes.iter().map(|lane| (lane.at.clone(), lane.position())).collect()
    }

    /// Positions, times and the commit number as the last commit left them.
    pub(super) fn restore_times(&mut self) {
        self.turns = Turns::of(self.lanes.len());
        let Saved { positions, metadata, schedules, words } = &self.saved;
        for (i, lane) in self.lanes.iter_mut().enumerate() {
            lane.rewind(positions[i], metadata.lanes.get(i).copied().unwrap_or(crate::record::NO_TIMESTAMP));
        }
        for (name, time) in &self.processors.clocks {
            let saved = metadata.clocks.iter().find(|(hash, _)| *hash == name_hash(name));
            time.set(saved.map_or(crate::record::NO_TIMESTAMP, |(_, time)| *time));
        }
        self.commit_number = metadata.commit_number;
        self.clock.resume(metadata.stream_time);
        self.clock.unhear(words);
        // A JVM application leaves the times of its partitions, of which the task's is the maximum.
        self.lanes.iter().for_each(|lane| self.clock.before_record(lane.time));
        self.context.stream_time = self.clock.stream_time();
        self.context.schedules = schedules.clone();
    }
}
