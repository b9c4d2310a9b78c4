//! The calls of a producer, each allowed in some states only.

use super::{LocalProducer, State};
use crate::log::core::batch::Marker;
use crate::log::core::produce::ProducerKey;
use crate::log::core::settings::millis;
use crate::log::faults::Request;
use crate::log::{Delivery, ErrorCode, GroupOffset, LogError, MemberIdentity, Producer, Records, Ticket, TopicPartition};

impl Producer for LocalProducer {
    fn init_transactions(&mut self) -> Result<(), LogError> {
        if self.state != State::Fresh {
            return Err(self.wrong("init_transactions"));
        }
        let (name, timeout) = (self.name(), millis(self.config.transaction_timeout));
        let key = self.host.change(&Request::Init { transactional_id: Some(&name) }, |broker, now| {
            broker.init_transactional(&name, timeout, now).map_err(|code| LogError::new(code, &name))
        })?;
        (self.key, self.state) = (Some(key), State::Ready);
        Ok(())
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if self.state != State::Ready {
            return Err(self.wrong("begin"));
        }
        self.state = State::Open;
        Ok(())
    }

    fn send(&mut self, to: &TopicPartition, records: &mut Records) -> Result<Ticket, LogError> {
        match self.state {
            State::Plain | State::Open => {}
            State::Fenced => return Err(LogError::new(ErrorCode::Fatal, to)),
            State::Fresh | State::Ready | State::Failed(_) => return Err(LogError::new(ErrorCode::State, "send")),
        }
        if records.is_empty() {
            return Err(LogError::new(ErrorCode::InvalidArgument, "a send of no records"));
        }
        Ok(self.enqueue(to, records))
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.transmit_all();
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Fenced => Err(self.fenced()),
            _ if self.queue.waiting().is_empty() => Ok(()),
            _ => Err(LogError::new(ErrorCode::TimedOut, "flush")),
        }
    }

    fn deliveries(&mut self, out: &mut Vec<Delivery>) {
        self.transmit_overdue();
        out.append(&mut self.answered);
    }

    fn send_offsets(&mut self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity) -> Result<(), LogError> {
        if self.state != State::Open {
            return Err(self.wrong("send_offsets"));
        }
        if offsets.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.config.check_fence(group, member) {
            self.state = State::Failed(error.clone());
            return Err(error);
        }
        let (name, key) = (self.name(), self.owner());
        // Said before it is known to have arrived: a transaction that may hold offsets must be ended.
        self.has_offsets = true;
        let held = self.host.change(&Request::SendOffsets { transactional_id: &name }, |broker, now| {
            let added = broker.add_offsets(&name, key, group, now);
            Ok(added.and_then(|()| broker.hold_offsets(group, key, offsets, member)))
        })?;
        held.map_err(|code| match code {
            ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch | ErrorCode::InvalidProducerIdMapping => self.fence(),
            code => {
                let error = LogError::new(code, group).abortable();
                self.state = State::Failed(error.clone());
                error
            }
        })
    }

    fn commit(&mut self) -> Result<(), LogError> {
        if self.state == State::Open {
            self.flush()?;
        }
        if self.state == State::Open { self.end(Marker::Commit) } else { Err(self.wrong("commit")) }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        if !matches!(self.state, State::Open | State::Failed(_)) {
            return Err(self.wrong("abort"));
        }
        self.purge();
        self.end(Marker::Abort)
    }
}

impl LocalProducer {
    /// Ends the transaction; one without records and offsets is the client's own business.
    fn end(&mut self, marker: Marker) -> Result<(), LogError> {
        let (name, key) = (self.name(), self.owner());
        if self.has_offsets || !self.added.is_empty() {
            let request = Request::End { transactional_id: &name, commit: marker == Marker::Commit };
            let ended = self.host.change(&request, |broker, now| Ok(broker.end_transaction(&name, key, marker, now)))?;
            ended.map_err(|code| match code {
                ErrorCode::ProducerFenced | ErrorCode::InvalidProducerIdMapping => self.fence(),
                code => LogError::new(code, &name),
            })?;
        }
        if self.needs_epoch {
            self.take_next_epoch(&name, key)?;
        }
        self.added.clear();
        self.has_offsets = false;
        self.state = State::Ready;
        Ok(())
    }

    fn take_next_epoch(&mut self, name: &str, key: ProducerKey) -> Result<(), LogError> {
        let bumped = self.host.change(&Request::Init { transactional_id: Some(name) }, |broker, _| Ok(broker.bump_epoch(name, key)))?;
        self.key = Some(bumped.map_err(|_| self.fence())?);
        self.sequences.clear();
        self.needs_epoch = false;
        Ok(())
    }

    fn fence(&mut self) -> LogError {
        self.state = State::Fenced;
        self.purge();
        self.fenced()
    }

    fn fenced(&self) -> LogError {
        LogError::new(ErrorCode::ClientFenced, self.name())
    }

    /// The error of a call that does not belong here; after a failure it is the failure's.
    fn wrong(&self, call: &str) -> LogError {
        match &self.state {
            State::Failed(error) => error.clone(),
            State::Fenced => self.fenced(),
            _ => LogError::new(ErrorCode::State, call),
        }
    }

    fn name(&self) -> String {
        self.config.transactional_id.clone().unwrap_or_default()
    }

    fn owner(&self) -> ProducerKey {
        self.key.expect("a transaction is open only after the id was given")
    }
}
