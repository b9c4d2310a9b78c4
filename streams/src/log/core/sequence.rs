//! What a partition knows of a producer: its epoch, its last batches, its open transaction. Kafka: `ProducerStateManager`.

use std::collections::VecDeque;

use super::codec::{Decoder, Encoder};
use crate::log::{ErrorCode, LogError};

/// So many batches are remembered, so that their repetition is answered with the old offset.
const REMEMBERED: usize = 5;

/// One producer as one partition knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProducerEntry {
    pub(crate) epoch: i16,
    batches: VecDeque<Remembered>,
    /// The first offset of its open transaction here.
    pub(crate) open_from: Option<i64>,
    /// When it was last heard of, by the log's clock.
    pub(crate) heard: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remembered {
    first_sequence: i32,
    last_sequence: i32,
    first_offset: i64,
    last_offset: i64,
}

/// What a batch says of itself to be let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) epoch: i16,
    pub(crate) first_sequence: i32,
    pub(crate) count: usize,
}

/// How a claim was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Next,
    /// It is stored already, from the first offset to the second.
    Repeated(i64, i64),
}

impl ProducerEntry {
    pub(crate) fn new(epoch: i16, now: i64) -> Self {
        Self { epoch, batches: VecDeque::new(), open_from: None, heard: now }
    }

    /// Judges a batch of this producer by epoch and sequence.
    pub(crate) fn judge(&self, claim: Claim) -> Result<Verdict, ErrorCode> {
        if claim.epoch < self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if claim.epoch > self.epoch {
            return if claim.first_sequence == 0 { Ok(Verdict::Next) } else { Err(ErrorCode::OutOfOrderSequence) };
        }
        let last = claim.last_sequence();
        let same = |batch: &&Remembered| batch.first_sequence == claim.first_sequence && batch.last_sequence == last;
        if let Some(batch) = self.batches.iter().find(same) {
            return Ok(Verdict::Repeated(batch.first_offset, batch.last_offset));
        }
        let expected = self.batches.back().map_or(0, |batch| after(batch.last_sequence));
        if claim.first_sequence == expected { Ok(Verdict::Next) } else { Err(ErrorCode::OutOfOrderSequence) }
    }

    /// Takes over a batch that was let in.
    pub(crate) fn remember(&mut self, claim: Claim, first_offset: i64, last_offset: i64, now: i64) {
        self.raise_epoch(claim.epoch);
        if self.batches.len() == REMEMBERED {
            self.batches.pop_front();
        }
        let last_sequence = claim.last_sequence();
        self.batches.push_back(Remembered { first_sequence: claim.first_sequence, last_sequence, first_offset, last_offset });
        self.heard = now;
    }

    /// A new epoch counts its sequences from 0.
    pub(crate) fn raise_epoch(&mut self, epoch: i16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    /// The last offset of its last batch.
    pub(crate) fn last_offset(&self) -> Option<i64> {
        self.batches.back().map(|batch| batch.last_offset)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let batch = |out: Encoder, batch: &Remembered| {
            out.u32(batch.first_sequence as u32).u32(batch.last_sequence as u32).i64(batch.first_offset).i64(batch.last_offset)
        };
        Encoder::new().i16(self.epoch).i64(self.open_from.unwrap_or(-1)).i64(self.heard).list(self.batches.iter(), batch).done()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, LogError> {
        let mut from = Decoder::new(value, "a producer of a partition");
        let (epoch, open_from, heard) = (from.i16()?, from.i64()?, from.i64()?);
        let batches = from.list(|from| {
            let (first_sequence, last_sequence) = (from.u32()? as i32, from.u32()? as i32);
            Ok(Remembered { first_sequence, last_sequence, first_offset: from.i64()?, last_offset: from.i64()? })
        })?;
        Ok(Self { epoch, batches: batches.into(), open_from: Some(open_from).filter(|first| *first >= 0), heard })
    }
}

impl Claim {
    fn last_sequence(&self) -> i32 {
        advance(self.first_sequence, self.count.saturating_sub(1))
    }
}

fn after(sequence: i32) -> i32 {
    advance(sequence, 1)
}

/// The sequence `steps` later; behind the largest comes 0.
pub(crate) fn advance(sequence: i32, steps: usize) -> i32 {
    let wide = (i64::from(sequence) + steps as i64) % (i64::from(i32::MAX) + 1);
    i32::try_from(wide).expect("a remainder by 2^31 is below 2^31")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(epoch: i16, first_sequence: i32, count: usize) -> Claim {
        Claim { epoch, first_sequence, count }
    }

    #[test]
    fn repetitions_get_their_old_offsets_and_gaps_are_refused() {
        let mut entry = ProducerEntry::new(0, 0);
        for i in 0..6 {
            entry.remember(claim(0, i * 2, 2), i64::from(i) * 2, i64::from(i) * 2 + 1, 0);
        }
        assert_eq!(entry.judge(claim(0, 2, 2)), Ok(Verdict::Repeated(2, 3)));
        assert_eq!(entry.judge(claim(0, 0, 2)), Err(ErrorCode::OutOfOrderSequence));
        assert_eq!(entry.judge(claim(0, 12, 1)), Ok(Verdict::Next));
        assert_eq!(entry.judge(claim(0, 13, 1)), Err(ErrorCode::OutOfOrderSequence));
        assert_eq!(ProducerEntry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn epochs_only_rise_and_begin_at_zero() {
        let mut entry = ProducerEntry::new(3, 0);
        assert_eq!(entry.judge(claim(2, 0, 1)), Err(ErrorCode::InvalidProducerEpoch));
        assert_eq!(entry.judge(claim(4, 1, 1)), Err(ErrorCode::OutOfOrderSequence));
        assert_eq!(entry.judge(claim(4, 0, 1)), Ok(Verdict::Next));
        entry.raise_epoch(4);
        assert_eq!(entry.judge(claim(4, 0, 1)), Ok(Verdict::Next));
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut entry = ProducerEntry::new(0, 0);
        entry.remember(claim(0, i32::MAX, 1), 0, 0, 0);
        assert_eq!(entry.judge(claim(0, 0, 1)), Ok(Verdict::Next));
        assert_eq!(advance(i32::MAX - 1, 3), 1);
    }
}
