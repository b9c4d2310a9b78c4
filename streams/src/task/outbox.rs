//! What a task has produced since the last hand-over: records by topic and partition, in buffers that are used again.

use super::partition_of_key;
use crate::log::{Headers, RecordRef, Records, TopicPartition};
use crate::record::Timestamp;
use std::sync::Arc;

/// A topic that the task writes to, as an index into its outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputId(u32);

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    outputs: Vec<Output>,
    /// Where the sends since the last hand-over went, in their order, so that they can be taken back.
    sent: Vec<(OutputId, u32)>,
    /// How many of them were there before the record at hand.
    settled: usize,
}

#[derive(Debug)]
struct Output {
    lanes: Vec<Lane>,
    /// Where records without a key go; moves on with every hand-over.
    keyless: u32,
}

#[derive(Debug)]
struct Lane {
    to: TopicPartition,
    records: Records,
}

impl Outbox {
    /// Makes room for a topic; the same topic twice is the same output.
    pub(crate) fn output(&mut self, topic: &Arc<str>, partitions: i32) -> OutputId {
        let known = self.outputs.iter().position(|output| output.lanes[0].to.topic == *topic);
        let index = known.unwrap_or_else(|| {
            let lane = |partition| Lane { to: TopicPartition { topic: topic.clone(), partition }, records: Records::default() };
            self.outputs.push(Output { lanes: (0..partitions.max(1)).map(lane).collect(), keyless: 0 });
            self.outputs.len() - 1
        });
        OutputId(index as u32)
    }

    /// Appends one record; its value is encoded straight into the buffer. `encode` returns false for a null value.
    pub(crate) fn send<E>(
        &mut self, to: OutputId, key: Option<&[u8]>, timestamp: Timestamp, headers: &Headers,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let output = &self.outputs[to.0 as usize];
        let partition = match (key, output.lanes.len()) {
            (_, 1) => 0,
            (Some(key), count) => partition_of_key(key, count as i32) as u32,
            (None, count) => output.keyless % count as u32,
        };
        self.send_to(to, partition, key, timestamp, headers, encode)
    }

    /// The same to one partition, which must exist.
    #[inline]
    pub(crate) fn send_to<E>(
        &mut self, to: OutputId, partition: u32, key: Option<&[u8]>, timestamp: Timestamp, headers: &Headers,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.outputs[to.0 as usize].lanes[partition as usize].records.push_encoded(timestamp, key, headers, encode)?;
        self.sent.push((to, partition));
        Ok(())
    }

    /// How many partitions a topic has.
    pub(crate) fn partitions(&self, to: OutputId) -> i32 {
        self.outputs[to.0 as usize].lanes.len() as i32
    }

    /// What was sent so far stays, whatever becomes of the next record.
    pub(crate) fn begin_record(&mut self) {
        self.settled = self.sent.len();
    }

    /// Takes back what was sent since [`Outbox::begin_record`].
    pub(crate) fn undo_record(&mut self) {
        for (output, partition) in self.sent.drain(self.settled..) {
            let records = &mut self.outputs[output.0 as usize].lanes[partition as usize].records;
            records.truncate(records.len() - 1);
        }
    }

    /// Hands everything over, partition by partition.
    pub(crate) fn drain(&mut self, mut hand_over: impl FnMut(&TopicPartition, &mut Records)) {
        self.forget_order();
        for output in &mut self.outputs {
            output.keyless = output.keyless.wrapping_add(1);
            for lane in output.lanes.iter_mut().filter(|lane| !lane.records.is_empty()) {
                hand_over(&lane.to, &mut lane.records);
                lane.records.clear();
            }
        }
    }

    /// Hands everything over, record by record, in the order in which it was sent.
    pub(crate) fn drain_in_order(&mut self, mut hand_over: impl FnMut(&TopicPartition, RecordRef<'_>)) {
        let mut taken: Vec<Vec<usize>> = self.outputs.iter().map(|output| vec![0; output.lanes.len()]).collect();
        for (output, partition) in &self.sent {
            let (output, partition) = (output.0 as usize, *partition as usize);
            let lane = &self.outputs[output].lanes[partition];
            let next = &mut taken[output][partition];
            hand_over(&lane.to, lane.records.get(*next).expect("each send has left a record"));
            *next += 1;
        }
        self.clear();
    }

    fn forget_order(&mut self) {
        self.sent.clear();
        self.settled = 0;
    }

    /// A record with neither key nor value, to one partition.
    pub(crate) fn send_null_to(&mut self, to: OutputId, partition: i32, timestamp: Timestamp, headers: &Headers) {
        self.sent.push((to, partition as u32));
        let records = &mut self.outputs[to.0 as usize].lanes[partition as usize].records;
        records.push(crate::log::NO_OFFSET, timestamp, None, None, headers);
    }

    /// Forgets everything: the transaction it belonged to is gone.
    pub(crate) fn clear(&mut self) {
        self.forget_order();
        self.outputs.iter_mut().flat_map(|output| &mut output.lanes).for_each(|lane| lane.records.clear());
    }

    /// Bytes that wait to be handed over.
    pub(crate) fn byte_len(&self) -> usize {
        self.outputs.iter().flat_map(|output| &output.lanes).map(|lane| lane.records.byte_len()).sum()
    }
}
