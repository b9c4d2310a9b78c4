//! librdkafka's errors by our names, with what can be done about them.

use super::super::kafka_ffi::{Failure, Remedy};
use super::super::{ErrorCode, LogError};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use std::fmt;

macro_rules! names {
    ($($theirs:ident => $ours:ident,)*) => {
        /// A code by our name.
        fn name_of(code: RDKafkaErrorCode) -> ErrorCode {
            match code {
                $(RDKafkaErrorCode::$theirs => ErrorCode::$ours,)*
                other => ErrorCode::Other(other as i32),
            }
        }
    };
}

names! {
    UnknownTopicOrPartition => UnknownTopicOrPartition,
    UnknownTopic => UnknownTopicOrPartition,
    NoEnt => UnknownTopicOrPartition,
    TopicAlreadyExists => TopicAlreadyExists,
    InvalidTopic => InvalidTopic,
    InvalidPartitions => InvalidPartitions,
    InvalidReplicationFactor => InvalidReplicationFactor,
    InvalidConfig => InvalidConfig,
    InvalidRequest => InvalidRequest,
    PolicyViolation => PolicyViolation,
    OffsetOutOfRange => OffsetOutOfRange,
    MessageSizeTooLarge => MessageTooLarge,
    MessageBatchTooLarge => MessageTooLarge,
    InvalidTimestamp => InvalidTimestamp,
    InvalidRecord => InvalidRecord,
    InvalidMessage => CorruptMessage,
    InvalidRequiredAcks => InvalidRequiredAcks,
    UnsupportedCompressionType => UnsupportedCompression,
    NotLeaderForPartition => NotLeader,
    LeaderNotAvailable => LeaderNotAvailable,
    ReplicaNotAvailable => ReplicaNotAvailable,
    FencedLeaderEpoch => FencedLeaderEpoch,
    UnknownLeaderEpoch => UnknownLeaderEpoch,
    OffsetNotAvailable => OffsetNotAvailable,
    UnknownTopicId => UnknownTopicId,
    NotEnoughReplicas => NotEnoughReplicas,
    NotEnoughReplicasAfterAppend => NotEnoughReplicasAfterAppend,
    RequestTimedOut => RequestTimedOut,
    BrokerNotAvailable => BrokerNotAvailable,
    NetworkException => NetworkException,
    NotController => NotController,
    KafkaStorageError => KafkaStorage,
    ThrottlingQuotaExceeded => Throttled,
    UnsupportedVersion => UnsupportedVersion,
    TopicAuthorizationFailed => TopicAuthorization,
    GroupAuthorizationFailed => GroupAuthorization,
    ClusterAuthorizationFailed => ClusterAuthorization,
    TransactionalIdAuthorizationFailed => TransactionalIdAuthorization,
    SaslAuthenticationFailed => SaslAuthentication,
    UnsupportedSASLMechanism => UnsupportedSaslMechanism,
    OutOfOrderSequenceNumber => OutOfOrderSequence,
    DuplicateSequenceNumber => DuplicateSequence,
    UnknownProducerId => UnknownProducerId,
    InvalidProducerEpoch => InvalidProducerEpoch,
    ProducerFenced => ProducerFenced,
    InvalidProducerIdMapping => InvalidProducerIdMapping,
    InvalidTransactionalState => InvalidTxnState,
    InvalidTransactionTimeout => InvalidTransactionTimeout,
    ConcurrentTransactions => ConcurrentTransactions,
    TransactionCoordinatorFenced => TransactionCoordinatorFenced,
    UnknownMemberId => UnknownMemberId,
    IllegalGeneration => IllegalGeneration,
    RebalanceInProgress => RebalanceInProgress,
    FencedInstanceId => FencedInstanceId,
    MemberIdRequired => MemberIdRequired,
    InconsistentGroupProtocol => InconsistentGroupProtocol,
    InvalidSessionTimeout => InvalidSessionTimeout,
    InvalidGroupId => InvalidGroupId,
    GroupIdNotFound => GroupIdNotFound,
    NonEmptyGroup => NonEmptyGroup,
    GroupSubscribedToTopic => GroupSubscribedToTopic,
    GroupMaxSizeReached => GroupMaxSizeReached,
    OffsetMetadataTooLarge => OffsetMetadataTooLarge,
    UnstableOffsetCommit => UnstableOffsetCommit,
    CoordinatorLoadInProgress => CoordinatorLoadInProgress,
    CoordinatorNotAvailable => CoordinatorNotAvailable,
    WaitingForCoordinator => CoordinatorNotAvailable,
    NotCoordinator => NotCoordinator,
    State => State,
    Fenced => ClientFenced,
    Fatal => Fatal,
    PurgeQueue => PurgeQueue,
    PurgeInflight => PurgeInFlight,
    UnknownPartition => UnknownPartition,
    AutoOffsetReset => AutoOffsetReset,
    OperationTimedOut => TimedOut,
    TimedOutQueue => TimedOut,
    InvalidArgument => InvalidArgument,
    BrokerTransportFailure => Transport,
    BrokerDestroy => Transport,
    Resolve => Resolve,
    AllBrokersDown => AllBrokersDown,
    Authentication => Authentication,
    SSL => Ssl,
    MessageTimedOut => TimedOut,
    QueueFull => QueueFull,
    GaplessGuarantee => GaplessGuarantee,
    Conflict => Conflict,
    PollExceeded => PollExceeded,
    AssignmentLost => AssignmentLost,
    NoOffset => NoOffset,
    UnsupportedFeature => UnsupportedFeature,
}

/// Whether the same call may succeed a little later: brokers come and go, leaders and coordinators move.
pub(super) fn passes(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(
        code,
        NotLeader
            | LeaderNotAvailable
            | ReplicaNotAvailable
            | FencedLeaderEpoch
            | UnknownLeaderEpoch
            | OffsetNotAvailable
            | UnknownTopicId
            | NotEnoughReplicas
            | NotEnoughReplicasAfterAppend
            | CorruptMessage
            | RequestTimedOut
            | BrokerNotAvailable
            | NetworkException
            | NotController
            | KafkaStorage
            | Throttled
            | CoordinatorLoadInProgress
            | CoordinatorNotAvailable
            | NotCoordinator
            | TransactionCoordinatorFenced
            | ConcurrentTransactions
            | UnstableOffsetCommit
            | Transport
            | Resolve
            | AllBrokersDown
            | TimedOut
            | QueueFull
    )
}

const TORN_DOWN: i32 = RDKafkaErrorCode::BrokerDestroy as i32;
const UNKNOWN_PARTITION: i32 = RDKafkaErrorCode::UnknownPartition as i32;

/// A code by our name, out of a number: brokers know codes that the client has no name for.
pub(super) fn code_of(number: i32) -> ErrorCode {
    const TRANSACTION_ABORTABLE: i32 = 120;
    match RDKafkaRespErr::try_from(number) {
        Ok(code) => name_of(code.into()),
        Err(_) if number == TRANSACTION_ABORTABLE => ErrorCode::TransactionAbortable,
        Err(_) => ErrorCode::Other(number),
    }
}

/// What became of a record. One that is on its way again while its partition goes away ends with the partition in librdkafka, under the error
/// of a client that is torn down; one that waits is refused for the missing partition. To a client that lives both are the same.
pub(super) fn of_delivery(number: i32) -> i32 {
    if number == TORN_DOWN { UNKNOWN_PARTITION } else { number }
}

/// An error by its name: what is known of such errors decides what can be done.
pub(super) fn error_of(code: ErrorCode, at: impl fmt::Display) -> LogError {
    let error = LogError::new(code, at);
    match code {
        ErrorCode::FencedInstanceId | ErrorCode::Fatal | ErrorCode::ClientFenced | ErrorCode::ProducerFenced => error.fatal(),
        code if passes(code) => error.retriable(),
        _ => error,
    }
}

/// An error of a call of which librdkafka says nothing but the code.
pub(super) fn refused(failure: &Failure, at: impl fmt::Display) -> LogError {
    error_of(code_of(failure.code), Said { at, text: &failure.text, known: &Failure::of_code(failure.code).text })
}

/// An error of a call of which librdkafka says what comes next. Where it gives no advice, as outside of transactions, the code decides.
pub(super) fn failed(failure: &Failure, at: impl fmt::Display) -> LogError {
    let code = code_of(failure.code);
    let error = LogError::new(code, Said { at, text: &failure.text, known: &code.to_string() });
    match failure.remedy {
        Remedy::Retry => error.retriable(),
        Remedy::Abort => error.abortable(),
        Remedy::Discard => error.fatal(),
        Remedy::None if passes(code) => error.retriable(),
        Remedy::None => error,
    }
}

/// Where it happened, and what was said about it unless the code says the same.
struct Said<'a, A> {
    at: A,
    text: &'a str,
    known: &'a str,
}

impl<A: fmt::Display> fmt::Display for Said<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        let text = self.text.trim();
        if text.is_empty() || self.known.contains(text) { Ok(()) } else { write!(f, ": {text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_ends_with_its_partition_is_refused_like_one_that_finds_none() {
        assert_eq!(code_of(of_delivery(TORN_DOWN)), ErrorCode::UnknownPartition);
        assert_eq!(code_of(of_delivery(UNKNOWN_PARTITION)), ErrorCode::UnknownPartition);
        assert_eq!(
            [of_delivery(0), of_delivery(RDKafkaErrorCode::BrokerTransportFailure as i32)],
            [0, RDKafkaErrorCode::BrokerTransportFailure as i32]
        );
    }
}
