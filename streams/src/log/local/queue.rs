//! What a producer has been given and not yet sent, per partition.

use std::collections::HashMap;

use crate::log::{Delivery, LogError, Records, Refused, Stored, Ticket, TopicPartition};

/// Queues of all partitions. A queue that was emptied keeps its memory.
#[derive(Default)]
pub(super) struct Queue {
    slots: Vec<Slot>,
    by_partition: HashMap<TopicPartition, usize>,
    bytes: usize,
}

/// The queue of one partition.
pub(super) struct Slot {
    pub(super) to: TopicPartition,
    pub(super) records: Records,
    sends: Vec<Send>,
    /// When its first record came.
    pub(super) since: i64,
    /// So many of its records have been answered for.
    sent: usize,
    /// Where the batch ends of which nobody knows whether it arrived: it must go out again as it was.
    in_doubt: Option<usize>,
}

/// One send in a queue.
struct Send {
    ticket: Ticket,
    /// Its records' places in the queue.
    start: usize,
    end: usize,
    /// How many of them are stored.
    taken: usize,
    stored: Option<Stored>,
    refused: Option<Refused>,
}

impl Queue {
    /// Takes all records; leaves `records` empty, with memory.
    pub(super) fn push(&mut self, to: &TopicPartition, records: &mut Records, ticket: Ticket, now: i64) -> usize {
        let index = self.slot(to);
        let slot = &mut self.slots[index];
        self.bytes += records.byte_len();
        let start = slot.records.len();
        if start == 0 {
            slot.since = now;
            std::mem::swap(&mut slot.records, records);
        } else {
            slot.records.append(records);
        }
        records.clear();
        slot.sends.push(Send { ticket, start, end: slot.records.len(), taken: 0, stored: None, refused: None });
        index
    }

    fn slot(&mut self, to: &TopicPartition) -> usize {
        if let Some(index) = self.by_partition.get(to) {
            return *index;
        }
        self.slots.push(Slot { to: to.clone(), records: Records::new(), sends: Vec::new(), since: 0, sent: 0, in_doubt: None });
        self.by_partition.insert(to.clone(), self.slots.len() - 1);
        self.slots.len() - 1
    }

    pub(super) fn get(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// The partitions for which something waits.
    pub(super) fn waiting(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|index| !self.slots[*index].sends.is_empty()).collect()
    }

    /// Those that have waited since `before` or longer.
    pub(super) fn overdue(&self, before: i64) -> Vec<usize> {
        (0..self.slots.len()).filter(|index| !self.slots[*index].sends.is_empty() && self.slots[*index].since <= before).collect()
    }

    /// All bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties a partition's queue. What was not answered yet is told `unsent`.
    pub(super) fn finish(&mut self, index: usize, unsent: &LogError, deliveries: &mut Vec<Delivery>) {
        let slot = &mut self.slots[index];
        self.bytes -= slot.records.byte_len();
        slot.records.clear();
        (slot.sent, slot.in_doubt) = (0, None);
        for send in slot.sends.drain(..) {
            let outcome = match (send.refused, send.stored) {
                (Some(refused), _) => Err(refused),
                (None, Some(stored)) if send.taken == send.end - send.start => Ok(stored),
                (None, _) => Err(Refused { index: send.taken, error: unsent.clone() }),
            };
            deliveries.push(Delivery { ticket: send.ticket, to: slot.to.clone(), outcome });
        }
    }

    /// Whether all that waited for a partition has got its answer.
    pub(super) fn is_answered(&self, index: usize) -> bool {
        self.slots[index].sent == self.slots[index].records.len()
    }

    /// The next batch of a partition's queue, as the places of its records.
    pub(super) fn next_batch(&mut self, index: usize, bytes: usize) -> (usize, usize) {
        let slot = &mut self.slots[index];
        let end = slot.in_doubt.unwrap_or_else(|| slot.batch_end(slot.sent, bytes));
        slot.in_doubt = Some(end);
        (slot.sent, end)
    }

    /// What became of the records from `start` to `end` of a queue.
    pub(super) fn answer(&mut self, index: usize, start: usize, end: usize, outcome: &Result<Stored, LogError>) {
        (self.slots[index].sent, self.slots[index].in_doubt) = (end, None);
        let within = |send: &&mut Send| send.start < end && start < send.end;
        for send in self.slots[index].sends.iter_mut().filter(within) {
            let (from, to) = (send.start.max(start), send.end.min(end));
            match outcome {
                Ok(stored) => {
                    let first = stored.first + (from - start) as i64;
                    let last = stored.first + (to - start) as i64 - 1;
                    send.taken += to - from;
                    send.stored = Some(Stored { first: send.stored.map_or(first, |before| before.first), last });
                }
                Err(error) if send.refused.is_none() => {
                    send.refused = Some(Refused { index: from - send.start, error: error.clone() });
                }
                Err(_) => {}
            }
        }
    }
}

impl Slot {
    /// Where a batch that begins at record `start` ends: as many records as fit into `bytes`, at least one.
    fn batch_end(&self, start: usize, bytes: usize) -> usize {
        let mut size = 0;
        let (entries, _) = self.records.parts();
        let fits = |entry: &&crate::log::records::Entry| {
            size += entry.byte_len() + RECORD_OVERHEAD;
            size <= bytes
        };
        start + entries[start..].iter().take_while(fits).count().max(1)
    }
}

/// About what a record costs in a batch beside its bytes.
const RECORD_OVERHEAD: usize = 16;
