//! Where a commit left a task.

use super::Schedules;
use super::clock::Words;
use super::metadata::{CommitMetadata, FoundMetadata};
use crate::log::{GroupOffset, TopicPartition};
use crate::record::{NO_TIMESTAMP, Timestamp};
use tracing::warn;

/// Positions by lane, and the times beside them.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) positions: Vec<i64>,
    pub(crate) metadata: CommitMetadata,
    /// What is to punctuate when; not kept over a restart.
    pub(crate) schedules: Schedules,
    /// What upstream tasks had said; after a restart they are heard anew.
    pub(crate) words: Words,
}

impl Saved {
    /// What was committed for the lanes, in their order; an input without a commit starts at `starts`.
    pub(crate) fn of(lanes: &[TopicPartition], committed: &[Option<GroupOffset>], starts: &[i64]) -> Saved {
        let position = |i: usize| committed[i].as_ref().map_or(starts[i], |found| found.offset);
        let positions = (0..lanes.len()).map(position).collect();
        let mut metadata = CommitMetadata { stream_time: NO_TIMESTAMP, ..CommitMetadata::default() };
        for (i, found) in committed.iter().enumerate() {
            match found.as_ref().map_or(FoundMetadata::Nothing, |found| FoundMetadata::read(&found.metadata)) {
                // It stands at the first lane, before anything that a JVM application has left at others.
                FoundMetadata::Ours(ours) => metadata = ours,
                FoundMetadata::KafkaStreams { time, processors } => metadata.take_over(lanes.len(), i, time, &processors),
                FoundMetadata::Nothing => {}
                FoundMetadata::Unknown => {
                    let text = found.as_ref().map_or("", |found| &found.metadata);
                    warn!(input = %lanes[i], metadata = text, "unknown metadata beside the committed offset");
                }
            }
        }
        Saved { positions, metadata, schedules: Schedules::new(false), words: Words::default() }
    }
}

impl CommitMetadata {
    /// What a JVM application has left at one lane. It may have taken over from us and have read of some lanes only.
    fn take_over(&mut self, lanes: usize, lane: usize, time: Timestamp, processors: &[(u16, Timestamp)]) {
        self.lanes.resize(lanes, NO_TIMESTAMP);
        self.lanes[lane] = self.lanes[lane].max(time);
        for (name, time) in processors {
            match self.clocks.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = (*known).max(*time),
                None => self.clocks.push((*name, *time)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 2 of Kafka Streams, time 1700000000000, without and with a processor's time.
    const JVM: &str = "AgAAAYvP5WgA";
    const JVM_EMITTED: &str = "AgAAAYvP5WgAAAAAAQAAAA5jYXRlZ29yeS1zYWxlcwAAAYvP5gRA";

    fn at(i: usize, offset: i64, metadata: &str) -> Option<GroupOffset> {
        Some(GroupOffset { at: lanes()[i].clone(), offset, metadata: metadata.into() })
    }

    fn lanes() -> [TopicPartition; 3] {
        ["a", "b", "c"].map(|topic| TopicPartition::new(topic, 0))
    }

    fn ours() -> CommitMetadata {
        CommitMetadata { commit_number: 7, stream_time: 50, lanes: vec![50, 40, NO_TIMESTAMP], clocks: vec![(1, 30)] }
    }

    #[test]
    fn a_jvm_application_has_left_a_time_at_each_input() {
        let saved = Saved::of(&lanes(), &[at(0, 3, JVM), None, at(2, 9, JVM_EMITTED)], &[0, 5, 0]);
        assert_eq!(saved.positions, [3, 5, 9]);
        assert_eq!(saved.metadata.lanes, [1_700_000_000_000, NO_TIMESTAMP, 1_700_000_000_000]);
        let emitted = crate::task::metadata::name_hash("category-sales/emitted");
        assert_eq!(saved.metadata.clocks, [(emitted, 1_700_000_040_000)]);
    }

    #[test]
    fn what_it_has_not_touched_is_still_ours() {
        let saved = Saved::of(&lanes(), &[at(0, 3, &ours().encode()), at(1, 4, JVM), at(2, 0, "")], &[0; 3]);
        let expected = CommitMetadata { lanes: vec![50, 1_700_000_000_000, NO_TIMESTAMP], ..ours() };
        assert_eq!(saved.metadata, expected);
    }

    #[test]
    fn what_nobody_knows_counts_as_nothing() {
        let saved = Saved::of(&lanes(), &[at(0, 3, "???"), at(1, 4, ""), None], &[0, 0, 2]);
        assert_eq!((saved.positions, saved.metadata.lanes.len()), (vec![3, 4, 2], 0));
    }
}
