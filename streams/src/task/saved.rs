//! Where a commit left a task.

use super::Schedules;
use super::metadata::{CommitMetadata, FoundMetadata};
use crate::log::{GroupOffset, TopicPartition};
use tracing::warn;

/// Positions by lane, and the times beside them.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) positions: Vec<i64>,
    pub(crate) metadata: CommitMetadata,
    /// What is to punctuate when; not kept over a restart.
    pub(crate) schedules: Schedules,
}

impl Saved {
    /// What was committed for the lanes, in their order; an input without a commit starts at `starts`.
    pub(crate) fn of(lanes: &[TopicPartition], committed: &[Option<GroupOffset>], starts: &[i64]) -> Saved {
        let position = |i: usize| committed[i].as_ref().map_or(starts[i], |found| found.offset);
        let positions = (0..lanes.len()).map(position).collect();
        let mut metadata = CommitMetadata { stream_time: crate::record::NO_TIMESTAMP, ..CommitMetadata::default() };
        if let Some(found) = committed.first().and_then(Option::as_ref) {
            match FoundMetadata::read(&found.metadata) {
                FoundMetadata::Ours(ours) => metadata = ours,
                FoundMetadata::KafkaStreams(time) => metadata.lanes = vec![time],
                FoundMetadata::Nothing => {}
                FoundMetadata::Unknown => {
                    warn!(input = %lanes[0], metadata = found.metadata, "unknown metadata beside the committed offset")
                }
            }
        }
        Saved { positions, metadata, schedules: Schedules::new(false) }
    }
}
