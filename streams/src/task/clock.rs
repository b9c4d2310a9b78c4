//! A task's stream time, under either rule.
//!
//! Under [`TimeRule::Watermark`] it is the minimum over the stream lanes: for a source partition the largest time seen in it,
//! for a repartition partition the minimum over its upstream tasks, as their markers tell. It never falls.

use super::lane::{Lane, LaneRole};
use super::marker::Marker;
use crate::log::TopicPartition;
use crate::record::{NO_TIMESTAMP, Timestamp};
use crate::runtime::TimeRule;
use std::collections::BTreeMap;

/// Stream time of one task.
#[derive(Debug)]
pub(crate) struct TaskClock {
    rule: TimeRule,
    idle_timeout_ms: i64,
    stream_time: Timestamp,
    /// Per lane: what the upstream tasks have said. Empty for lanes that others fill.
    upstream: Vec<Upstream>,
}

/// Who feeds one repartition lane, and what they have said.
#[derive(Debug)]
struct Upstream {
    /// The sub-topologies that feed the lane; each is expected to speak with all its tasks.
    feeders: Vec<u32>,
    said: Said,
}

/// What one repartition lane has heard.
#[derive(Clone, Debug, Default)]
struct Said {
    heard: BTreeMap<(u32, i32), Heard>,
    partitions: BTreeMap<u32, i32>,
    /// The minimum as of the last word, kept because every record asks for it.
    least: Least,
}

/// What the upstream tasks allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Least {
    /// Somebody was not heard yet: time stands still.
    #[default]
    Unknown,
    /// Nobody counts.
    AllIdle,
    /// The minimum of those that count.
    At(Timestamp),
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    watermark: Timestamp,
    idle: bool,
}

/// What upstream tasks had said by a commit, lane by lane; by default nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<Said>);

impl TaskClock {
    /// `feeders` holds, lane by lane, the sub-topologies that write to it.
    pub(crate) fn new(rule: TimeRule, idle_timeout_ms: i64, feeders: Vec<Vec<u32>>) -> Self {
        let upstream = feeders.into_iter().map(|feeders| Upstream { feeders, said: Said::default() }).collect();
        TaskClock { rule, idle_timeout_ms, stream_time: NO_TIMESTAMP, upstream }
    }

    /// Whether time is told to downstream tasks at all.
    pub(crate) fn is_watermark(&self) -> bool {
        self.rule == TimeRule::Watermark
    }

    pub(crate) fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// What upstream tasks have said so far.
    pub(crate) fn words(&self) -> Words {
        Words(self.upstream.iter().map(|upstream| upstream.said.clone()).collect())
    }

    /// The lanes go back to where these words were the last ones. What was said behind that is heard again, after the records that it is about:
    /// kept, it would make them late.
    pub(crate) fn unhear(&mut self, words: &Words) {
        for (i, upstream) in self.upstream.iter_mut().enumerate() {
            upstream.said = words.0.get(i).cloned().unwrap_or_default();
        }
    }

    /// Time as a commit or the record before left it.
    pub(crate) fn resume(&mut self, stream_time: Timestamp) {
        self.stream_time = stream_time;
    }

    /// An upstream task has spoken.
    pub(crate) fn hear(&mut self, lane: usize, marker: Marker) {
        let Upstream { feeders, said } = &mut self.upstream[lane];
        // An input that has grown is known to some instances sooner than to others.
        let count = said.partitions.entry(marker.sub_topology).or_default();
        *count = marker.partitions.max(*count);
        said.heard.insert((marker.sub_topology, marker.partition), Heard { watermark: marker.watermark, idle: marker.idle });
        said.least = said.recompute(feeders);
    }

    /// Under [`TimeRule::Kafka`] a record moves time before the operators see it.
    #[inline]
    pub(crate) fn before_record(&mut self, time: Timestamp) {
        if self.rule == TimeRule::Kafka {
            self.stream_time = self.stream_time.max(time);
        }
    }

    /// Recomputes the minimum over the lanes. Under [`TimeRule::Kafka`] lanes do not matter.
    #[inline]
    pub(crate) fn advance(&mut self, lanes: &[Lane], now: i64) {
        if self.rule == TimeRule::Watermark {
            // One lane that others fill is the common case on the path of every record.
            let least = match lanes {
                [only] if only.role == LaneRole::Stream => Some(only.time),
                _ => self.least(lanes, now),
            };
            self.stream_time = self.stream_time.max(least.unwrap_or(NO_TIMESTAMP));
        }
    }

    /// Whether every stream lane stands idle, so that this task holds nobody's time.
    pub(crate) fn is_idle(&self, lanes: &[Lane], now: i64) -> bool {
        lanes.iter().enumerate().all(|(i, lane)| match lane.role {
            LaneRole::Table | LaneRole::RepartitionedRows => true,
            LaneRole::Stream => lane.idleness.holds(now, self.idle_timeout_ms),
            LaneRole::Repartition => lane.is_at_end() && self.upstream[i].said.least == Least::AllIdle,
        })
    }

    /// Inputs of which it matters whether they are idle, and of which the log is to say so now.
    pub(crate) fn questions(&self, lanes: &mut [Lane], now: i64) -> Vec<TopicPartition> {
        let due = |lane: &mut Lane| {
            let is_due = lane.role == LaneRole::Stream && lane.idleness.asks(now, self.idle_timeout_ms);
            is_due.then(|| lane.at.clone())
        };
        lanes.iter_mut().filter_map(due).collect()
    }

    /// `None`: no lane counts, time stands still.
    fn least(&self, lanes: &[Lane], now: i64) -> Option<Timestamp> {
        let time = |(i, lane): (usize, &Lane)| match lane.role {
            LaneRole::Table | LaneRole::RepartitionedRows => None,
            LaneRole::Stream => (!lane.idleness.holds(now, self.idle_timeout_ms)).then_some(lane.time),
            LaneRole::Repartition => match self.upstream[i].said.least {
                Least::Unknown => Some(NO_TIMESTAMP),
                Least::AllIdle => None,
                Least::At(time) => Some(time),
            },
        };
        lanes.iter().enumerate().filter_map(time).min()
    }
}

impl Said {
    /// The minimum over all upstream tasks that are not idle; one that was not heard of holds time back.
    fn recompute(&self, feeders: &[u32]) -> Least {
        if !self.all_heard(feeders) {
            return Least::Unknown;
        }
        let counted = self.heard.values().filter(|heard| !heard.idle).map(|heard| heard.watermark);
        counted.min().map_or(Least::AllIdle, Least::At)
    }

    fn all_heard(&self, feeders: &[u32]) -> bool {
        feeders.iter().all(|feeder| {
            let count = self.partitions.get(feeder).copied();
            count.is_some_and(|count| (0..count).all(|partition| self.heard.contains_key(&(*feeder, partition))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Fetched, Records};

    fn lane(topic: &str, role: LaneRole, time: Timestamp) -> Lane {
        let mut lane = Lane::new(TopicPartition::new(topic, 0), role, 0, 0, 0);
        lane.time = time;
        lane
    }

    /// A lane that was read to its end and has stood there since `at`.
    fn at_end(mut lane: Lane, at: i64) -> Lane {
        lane.push(Fetched { partition: lane.at.clone(), records: Records::default(), next: 0, at_end: true, error: None });
        lane.watch_idleness(at);
        lane
    }

    fn marker(partition: i32, partitions: i32, watermark: Timestamp, idle: bool) -> Marker {
        Marker { sub_topology: 0, partition, partitions, watermark, idle }
    }

    /// Seen where a transaction failed that was the first to read of all upstream tasks: their next words were known before their records came again.
    #[test]
    fn what_was_heard_since_the_commit_goes_with_it() {
        let mut clock = TaskClock::new(TimeRule::Watermark, 5_000, vec![vec![0]]);
        let lanes = [lane("r", LaneRole::Repartition, 0)];
        clock.hear(0, marker(0, 2, 100, false));
        let (committed, time) = (clock.words(), clock.stream_time());
        clock.hear(0, marker(1, 2, 90, false));
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 90);
        clock.resume(time);
        clock.unhear(&committed);
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), NO_TIMESTAMP, "the second task was not heard of by then");
        clock.hear(0, marker(1, 2, 90, false));
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 90);
    }

    #[test]
    fn time_is_the_minimum_over_streams_and_never_falls() {
        let mut clock = TaskClock::new(TimeRule::Watermark, 5_000, vec![vec![], vec![], vec![]]);
        let mut lanes = [lane("a", LaneRole::Stream, 70), lane("b", LaneRole::Stream, 50), lane("t", LaneRole::Table, 10)];
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 50);
        lanes[1].time = 90;
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 70);
        lanes[0].time = 20;
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 70);
    }

    #[test]
    fn an_idle_partition_holds_nobodys_time() {
        let mut clock = TaskClock::new(TimeRule::Watermark, 5_000, vec![vec![], vec![]]);
        let mut lanes = [lane("a", LaneRole::Stream, 70), at_end(lane("b", LaneRole::Stream, NO_TIMESTAMP), 1_000)];
        assert!(!lanes[1].idleness.asks(5_999, 5_000) && lanes[1].idleness.asks(6_000, 5_000));
        clock.advance(&lanes, 6_000);
        assert_eq!(clock.stream_time(), NO_TIMESTAMP, "the log has not answered");
        lanes[1].ends_at(Some(0));
        clock.advance(&lanes, 6_000);
        assert_eq!(clock.stream_time(), 70);
    }

    #[test]
    fn a_partition_that_ends_further_on_is_not_idle() {
        let mut lane = at_end(lane("a", LaneRole::Stream, 70), 0);
        for (end, is_idle) in [(Some(1), false), (None, false), (Some(0), true), (Some(1), false)] {
            lane.idleness.asks(i64::MAX / 2, 5_000);
            lane.ends_at(end);
            assert_eq!(lane.idleness.holds(i64::MAX / 2, 5_000), is_idle, "{end:?}");
            lane.rewind(0, 70);
            lane = at_end(lane, 0);
        }
    }

    #[test]
    fn a_repartition_lane_waits_for_every_upstream_task() {
        let mut clock = TaskClock::new(TimeRule::Watermark, 5_000, vec![vec![0]]);
        let lanes = [at_end(lane("r", LaneRole::Repartition, 1_000), 0)];
        clock.hear(0, marker(0, 2, 40, false));
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), NO_TIMESTAMP, "one of two is silent");
        clock.hear(0, marker(1, 2, 30, false));
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 30);
        clock.hear(0, marker(1, 2, 30, true));
        clock.advance(&lanes, 0);
        assert_eq!(clock.stream_time(), 40, "the idle one does not count");
        assert!(!clock.is_idle(&lanes, 0));
        clock.hear(0, marker(0, 2, 40, true));
        assert!(clock.is_idle(&lanes, 0));
    }

    #[test]
    fn kafka_time_is_the_maximum_seen() {
        let mut clock = TaskClock::new(TimeRule::Kafka, 5_000, vec![vec![]]);
        clock.before_record(70);
        clock.before_record(50);
        assert_eq!(clock.stream_time(), 70);
    }
}
