//! Producers: their ids, their batches, their transactions. Kafka's requests InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, Produce and EndTxn.

use std::sync::Arc;

use super::batch::Marker;
use super::broker::Broker;
use super::keys;
use super::partition::Incoming;
use super::settings::millis;
use super::transaction::{State, Transaction};
use crate::log::{ErrorCode, Stored, TopicPartition, TransactionDescription};

/// A producer id with its epoch.
pub(crate) type ProducerKey = (i64, i16);

impl Broker {
    /// An id for a producer without transactions.
    pub(crate) fn init_producer(&mut self) -> ProducerKey {
        (self.fresh_producer_id(), 0)
    }

    /// Gives a transactional id to a new owner: the old one is fenced, its open transaction aborted.
    pub(crate) fn init_transactional(&mut self, name: &str, timeout_ms: i64, now: i64) -> Result<ProducerKey, ErrorCode> {
        if name.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        if timeout_ms <= 0 || timeout_ms > millis(self.settings.max_transaction_timeout) {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        if let Some(open) = self.transactions.get(name).filter(|transaction| transaction.state == State::Ongoing) {
            self.fence_and_abort(&Arc::from(name), open.epoch, now);
        }
        let fresh = self.counters.producer_id;
        let mut used = false;
        let transaction = self.transactions.entry(name.into()).and_modify(|known| {
            known.pass_on(|| {
                used = true;
                fresh
            });
        });
        let transaction = transaction.or_insert_with(|| {
            used = true;
            Transaction::new(fresh, timeout_ms)
        });
        transaction.timeout_ms = timeout_ms;
        let key = (transaction.producer_id, transaction.epoch);
        if used {
            self.fresh_producer_id();
        }
        self.save_transaction(name);
        Ok(key)
    }

    /// The owner itself asks for the next epoch, so that its sequences begin anew.
    pub(crate) fn bump_epoch(&mut self, name: &str, owner: ProducerKey) -> Result<ProducerKey, ErrorCode> {
        let fresh = self.counters.producer_id;
        let transaction = self.transactions.get_mut(name).ok_or(ErrorCode::TransactionalIdNotFound)?;
        transaction.check(owner)?;
        transaction.pass_on(|| fresh);
        let key = (transaction.producer_id, transaction.epoch);
        if key.0 == fresh {
            self.fresh_producer_id();
        }
        self.save_transaction(name);
        Ok(key)
    }

    pub(crate) fn add_partitions(
        &mut self, name: &str, owner: ProducerKey, partitions: &[TopicPartition], now: i64,
    ) -> Result<(), ErrorCode> {
        self.own(name, owner)?;
        for at in partitions {
            self.partition(at)?;
        }
        let transaction = self.own(name, owner)?;
        transaction.take_part(now);
        transaction.partitions.extend(partitions.iter().cloned());
        self.save_transaction(name);
        Ok(())
    }

    pub(crate) fn add_offsets(&mut self, name: &str, owner: ProducerKey, group: &str, now: i64) -> Result<(), ErrorCode> {
        let transaction = self.own(name, owner)?;
        transaction.take_part(now);
        transaction.groups.insert(group.into());
        self.save_transaction(name);
        Ok(())
    }

    /// Appends a batch. One of a transaction needs its partition added before.
    pub(crate) fn append(
        &mut self, at: &TopicPartition, batch: Incoming, transactional_id: Option<&str>, now: i64,
    ) -> Result<Stored, ErrorCode> {
        if let (Some(name), Some((id, claim))) = (transactional_id.filter(|_| batch.transactional), batch.producer) {
            let open = self.transactions.get(name).is_some_and(|known| known.state == State::Ongoing && known.partitions.contains(at));
            let current = self.transactions.get(name).is_some_and(|known| (known.producer_id, known.epoch) == (id, claim.epoch));
            if current && !open {
                return Err(ErrorCode::TransactionAbortable);
            }
            if !current {
                return Err(ErrorCode::InvalidProducerEpoch);
            }
        }
        let (partition, config, writes) = self.partition_mut(at)?;
        let stored = partition.append(batch, config, now, writes)?;
        self.version += 1;
        Ok(stored)
    }

    /// Commits or aborts: markers, offsets and the new state are one write.
    pub(crate) fn end_transaction(&mut self, name: &str, owner: ProducerKey, marker: Marker, now: i64) -> Result<(), ErrorCode> {
        let done = match marker {
            Marker::Commit => State::CompleteCommit,
            Marker::Abort => State::CompleteAbort,
        };
        let state = self.own(name, owner)?.state;
        if state == State::Ongoing {
            self.complete(&Arc::from(name), marker, now);
            return Ok(());
        }
        if state == done { Ok(()) } else { Err(ErrorCode::InvalidTxnState) }
    }

    pub(crate) fn describe_transaction(&self, name: &str) -> Option<TransactionDescription> {
        let known = self.transactions.get(name)?;
        let partitions = known.partitions.iter().cloned().collect();
        Some(TransactionDescription { state: known.state.name().into(), epoch: known.epoch, partitions })
    }

    /// Aborts transactions that are open for too long; their owners are fenced by it.
    pub(crate) fn abort_overdue(&mut self, now: i64) {
        let overdue = self.transactions.iter().filter(|(_, transaction)| transaction.is_overdue(now));
        for (name, epoch) in overdue.map(|(name, transaction)| (name.clone(), transaction.epoch)).collect::<Vec<_>>() {
            self.fence_and_abort(&name, epoch, now);
        }
    }

    fn fence_and_abort(&mut self, name: &Arc<str>, epoch: i16, now: i64) {
        if let Some(transaction) = self.transactions.get_mut(name) {
            transaction.epoch = epoch.saturating_add(1);
        }
        self.complete(name, Marker::Abort, now);
    }

    fn complete(&mut self, name: &Arc<str>, marker: Marker, now: i64) {
        let Some(transaction) = self.transactions.get_mut(name) else { return };
        transaction.state = if marker == Marker::Commit { State::CompleteCommit } else { State::CompleteAbort };
        let owner = (transaction.producer_id, transaction.epoch);
        let partitions = std::mem::take(&mut transaction.partitions);
        let groups = std::mem::take(&mut transaction.groups);
        for at in &partitions {
            // A topic deleted meanwhile holds nothing up.
            if let Ok((partition, config, writes)) = self.partition_mut(at) {
                partition.mark(owner, marker, config, now, writes);
            }
        }
        for group in &groups {
            self.settle_offsets(group, owner.0, marker == Marker::Commit);
        }
        self.save_transaction(name);
        self.version += 1;
    }

    fn own(&mut self, name: &str, owner: ProducerKey) -> Result<&mut Transaction, ErrorCode> {
        let transaction = self.transactions.get_mut(name).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        transaction.check(owner)?;
        Ok(transaction)
    }

    fn save_transaction(&mut self, name: &str) {
        if let Some(transaction) = self.transactions.get(name) {
            self.writes.put(keys::named(keys::TRANSACTION, name), transaction.encode());
        }
    }
}
