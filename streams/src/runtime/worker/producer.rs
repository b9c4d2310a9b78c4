//! The producer as the step function sees it: there or being made. While it is being made nothing builds on it.

use super::Worker;
use super::commit::CommitState;
use crate::log::{ErrorCode, LogError};
use crate::runtime::AppError;
use crate::runtime::event::Effect;
use crate::runtime::outage::may_pass;
use tracing::debug;

/// How long to wait before a producer is tried again; twice as long each time.
const FIRST_PAUSE_MS: i64 = 100;
const LONGEST_PAUSE_MS: i64 = 5_000;

/// So many fences that time does not explain are another process with our transactional id. One may be a late answer of the log; of two
/// processes that fence each other in turn, the older one is the first to count to it.
const FENCES_OF_ANOTHER: u32 = 2;

/// A fence longer ago than this has nothing to do with the next one.
const FENCE_MEMORY_MS: i64 = 3_600_000;

/// Where the producer stands.
#[derive(Debug)]
pub(super) struct ProducerState {
    phase: Phase,
    pause: i64,
    fences: u32,
    last_fence: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Never asked for.
    Missing,
    /// Asked for, not answered.
    Making,
    Ready,
    /// To be asked for again at this time (milliseconds).
    Waiting(i64),
}

impl Default for ProducerState {
    fn default() -> Self {
        ProducerState { phase: Phase::Missing, pause: FIRST_PAUSE_MS, fences: 0, last_fence: 0 }
    }
}

impl ProducerState {
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }
}

impl Worker {
    /// The first producer, and each one whose time has come again.
    pub(super) fn ask_for_producer(&mut self, now: i64, effects: &mut Vec<Effect>) {
        match self.producer.phase {
            Phase::Missing => self.replace_producer(effects),
            Phase::Waiting(at) if now >= at => self.replace_producer(effects),
            Phase::Waiting(_) | Phase::Making | Phase::Ready => {}
        }
    }

    /// Another producer takes the id over, which ends the transaction of this one. What this one still holds goes with it.
    pub(super) fn replace_producer(&mut self, effects: &mut Vec<Effect>) {
        self.producer.phase = Phase::Making;
        self.transaction_since = None;
        effects.push(Effect::MakeProducer);
    }

    pub(super) fn take_producer(&mut self, now: i64, made: Result<(), LogError>, effects: &mut Vec<Effect>) -> Result<(), AppError> {
        match made {
            Ok(()) => {
                (self.producer.phase, self.producer.pause) = (Phase::Ready, FIRST_PAUSE_MS);
                self.status.made_producer();
                // Taking the id over has ended the transaction in doubt: now the committed numbers are final.
                if let CommitState::Deciding(tasks) = &self.commit {
                    effects.extend(tasks.iter().copied().map(Effect::LookUp));
                }
                Ok(())
            }
            Err(error) if may_pass(&error) || error.is_fenced() || error.is_fatal() => {
                debug!(%error, again_in_ms = self.producer.pause, "no producer yet");
                self.producer.phase = Phase::Waiting(now + self.producer.pause);
                self.producer.pause = (self.producer.pause * 2).min(LONGEST_PAUSE_MS);
                Ok(())
            }
            Err(error) => Err(AppError::log("cannot make a producer and take its transactional id over")(error)),
        }
    }

    /// The log fences a producer when its transaction takes too long, and when somebody else takes its id. The first is our own doing
    /// (this process was stopped, or the log was away); the second is told by a transaction that was too young for the first.
    pub(super) fn note_fence(&mut self, now: i64, error: &LogError) -> Result<(), AppError> {
        let is_fence = matches!(error.code(), ErrorCode::ProducerFenced | ErrorCode::ClientFenced | ErrorCode::InvalidProducerEpoch);
        let timeout = self.plan.config.transaction_timeout.as_millis() as i64;
        if !is_fence || self.transaction_since.is_none_or(|since| now - since >= timeout) {
            return Ok(());
        }
        if now - self.producer.last_fence > FENCE_MEMORY_MS {
            self.producer.fences = 0;
        }
        self.producer.last_fence = now;
        self.producer.fences += 1;
        if self.producer.fences >= FENCES_OF_ANOTHER {
            return Err(AppError::Fenced { source: error.clone() });
        }
        Ok(())
    }
}
