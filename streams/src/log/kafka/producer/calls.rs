//! The calls of a producer, each allowed in some phases only.

use super::{CALL_LIMIT, KafkaProducer, LOOK_AGAIN, Phase};
use crate::log::kafka::error::failed;
use crate::log::kafka_ffi::Failure;
use crate::log::{Delivery, ErrorCode, GroupOffset, LogError, MemberIdentity, Producer, Records, Ticket, TopicPartition};
use std::time::{Duration, Instant};

/// Taking an id over may have to wait for its former owner's transaction to be ended.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// An abort that is not answered costs nothing: whoever takes the id over aborts too.
const ABORT_LIMIT: Duration = Duration::from_secs(2);

impl Producer for KafkaProducer {
    fn init_transactions(&mut self) -> Result<(), LogError> {
        if self.phase != Phase::Fresh {
            return Err(self.wrong("init_transactions"));
        }
        match self.sender.init_transactions(INIT_LIMIT) {
            Ok(()) => self.phase = Phase::Ready,
            Err(failure) => return Err(self.failed(&failure, Phase::Fresh)),
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if self.phase != Phase::Ready {
            return Err(self.wrong("begin"));
        }
        match self.sender.begin() {
            Ok(()) => self.phase = Phase::Open,
            Err(failure) => return Err(self.failed(&failure, Phase::Ready)),
        }
        Ok(())
    }

    fn send(&mut self, to: &TopicPartition, records: &mut Records) -> Result<Ticket, LogError> {
        match &self.phase {
            Phase::Plain | Phase::Open => {}
            Phase::Finished(_) => return Err(LogError::new(ErrorCode::Fatal, to)),
            Phase::Fresh | Phase::Ready | Phase::Failed(_) | Phase::Committing | Phase::Aborting => {
                return Err(LogError::new(ErrorCode::State, "send"));
            }
        }
        if records.is_empty() {
            return Err(LogError::new(ErrorCode::InvalidArgument, "a send of no records"));
        }
        let ticket = self.enqueue(to, records);
        records.clear();
        Ok(ticket)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let until = Instant::now() + CALL_LIMIT;
        self.serve(Duration::ZERO);
        loop {
            match &self.phase {
                Phase::Failed(error) | Phase::Finished(error) => return Err(error.clone()),
                // What did not go for want of a broker is no refusal, of which deliveries would tell: it would go now.
                _ if self.book.is_settled() => return self.lost.take().map_or(Ok(()), Err),
                _ if Instant::now() >= until => return Err(LogError::new(ErrorCode::TimedOut, format_args!("flush of {}", self.name))),
                _ => {}
            }
            let mut reports = std::mem::take(&mut self.reports);
            self.sender.flush(LOOK_AGAIN, &mut reports);
            self.settle(reports);
        }
    }

    fn deliveries(&mut self, out: &mut Vec<Delivery>) {
        self.serve(Duration::ZERO);
        out.append(&mut self.answered);
    }

    fn send_offsets(&mut self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError> {
        if self.phase != Phase::Open {
            return Err(self.wrong("send_offsets"));
        }
        if offsets.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.config.check_fence(group, member) {
            self.phase = Phase::Failed(error.clone());
            return Err(error);
        }
        let sent = self.sender.send_offsets(group, offsets, member, CALL_LIMIT);
        sent.map_err(|failure| self.failed(&failure, Phase::Open))
    }

    fn commit(&mut self) -> Result<(), LogError> {
        match self.phase {
            Phase::Open => self.flush()?,
            Phase::Committing => {}
            _ => return Err(self.wrong("commit")),
        }
        let mut reports = std::mem::take(&mut self.reports);
        let ended = self.sender.commit(CALL_LIMIT, &mut reports);
        self.settle(reports);
        self.end(ended, Phase::Committing)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        if !matches!(self.phase, Phase::Open | Phase::Failed(_) | Phase::Aborting) {
            return Err(self.wrong("abort"));
        }
        self.phase = Phase::Aborting;
        let mut reports = std::mem::take(&mut self.reports);
        let ended = self.sender.abort(ABORT_LIMIT, &mut reports);
        self.settle(reports);
        self.end(ended, Phase::Aborting)
    }
}

impl KafkaProducer {
    fn end(&mut self, ended: Result<(), Failure>, unanswered: Phase) -> Result<(), LogError> {
        match ended {
            Ok(()) => {
                self.phase = Phase::Ready;
                Ok(())
            }
            Err(failure) => Err(self.failed(&failure, unanswered)),
        }
    }

    /// What a failed call leaves behind: the same call again, an abort, or nothing.
    fn failed(&mut self, failure: &Failure, again: Phase) -> LogError {
        let error = failed(failure, &self.name);
        self.phase = if error.is_retriable() {
            again
        } else if error.requires_abort() {
            Phase::Failed(error.clone())
        } else {
            Phase::Finished(error.clone())
        };
        error
    }

    /// The error of a call that does not belong here; after a failure it is the failure's.
    fn wrong(&self, call: &str) -> LogError {
        match &self.phase {
            Phase::Failed(error) | Phase::Finished(error) => error.clone(),
            _ => LogError::new(ErrorCode::State, call),
        }
    }
}
