//! The seam for faults of the simulated log: before each request somebody is asked what becomes of it.

use super::TopicPartition;

/// Decides about requests. Seeded, it makes a simulation repeatable.
pub trait Faults: Send {
    /// What becomes of this request.
    fn decide(&mut self, request: &Request<'_>) -> Fault;
}

/// A request on its way to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// A producer asks for its id; a transactional one fences its predecessor.
    Init {
        /// The transactional id.
        transactional_id: Option<&'a str>,
    },
    /// Batches are sent, their partitions made part of the transaction before.
    Produce {
        /// The transactional id.
        transactional_id: Option<&'a str>,
        /// Where to.
        partitions: &'a [TopicPartition],
    },
    /// Offsets are made part of a transaction.
    SendOffsets {
        /// The transactional id.
        transactional_id: &'a str,
    },
    /// A transaction ends.
    End {
        /// The transactional id.
        transactional_id: &'a str,
        /// Whether it is to be committed.
        commit: bool,
    },
    /// A reader fetches one partition; what is lost is a fetch that found nothing, not even the end.
    Fetch {
        /// The partition.
        at: &'a TopicPartition,
    },
    /// A member speaks with its group.
    Group {
        /// The group.
        group: &'a str,
    },
    /// A question or an order of an administrator.
    Admin,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It arrives and is answered.
    None,
    /// It never arrives: the client sees a time-out.
    Lost,
    /// It is done, but the answer never arrives: the client sees a time-out.
    AnswerLost,
}
