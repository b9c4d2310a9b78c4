//! The rules of an application: how time is kept, what becomes of failures and of late records.

use crate::task::Fault;

/// How a task keeps its time; DESIGN names both once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimeRule {
    /// The maximum seen, per task and operator, as Kafka Streams has it.
    Kafka,
    /// The minimum of the input partitions' watermarks: an instance that catches up does not find its own records late.
    #[default]
    Watermark,
}

/// What becomes of a record that cannot be decoded or processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The application stops with the error. Kafka: `LogAndFailExceptionHandler`.
    Fail,
    /// The record is counted and skipped. Kafka: `LogAndContinueExceptionHandler`.
    Skip,
    /// The record goes to `<application id>-dlq` (KIP-1034) and the application goes on.
    #[default]
    DeadLetter,
}

/// What becomes of failed records, by where they failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policies {
    pub(crate) undecodable: OnFailure,
    pub(crate) time: OnFailure,
    pub(crate) processing: OnFailure,
    pub(crate) sending: OnFailure,
}

impl Policies {
    /// The same wherever a record fails.
    #[cfg(test)]
    pub(crate) fn all(policy: OnFailure) -> Self {
        Policies { undecodable: policy, time: policy, processing: policy, sending: policy }
    }

    pub(crate) fn of(self, fault: Fault) -> OnFailure {
        match fault {
            Fault::Undecodable => self.undecodable,
            Fault::Time => self.time,
            Fault::Processing | Fault::SentTime => self.processing,
            Fault::Sending => self.sending,
        }
    }
}

/// What stays of a record that failed half way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Recovery {
    /// Nothing: store writes, forwards and times are undone.
    #[default]
    Undo,
    /// What happened before the failure, as in Kafka Streams.
    Continue,
}

/// What becomes of a record whose window has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Late {
    /// Counted and dropped, as in Kafka Streams.
    Drop,
    /// A dead letter with reason `late`, so that input = result + dead letters.
    #[default]
    DeadLetter,
}
