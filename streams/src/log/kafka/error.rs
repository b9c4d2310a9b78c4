//! librdkafka's errors by our names.

use super::super::kafka_ffi::{Failure, Remedy};
use super::super::{ErrorCode, LogError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use std::fmt;

/// A code by our name.
pub(super) fn code_of(code: RDKafkaErrorCode) -> ErrorCode {
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        RDKafkaErrorCode::UnknownTopic => ErrorCode::UnknownTopicOrPartition,
        RDKafkaErrorCode::UnknownPartition => ErrorCode::UnknownPartition,
        RDKafkaErrorCode::InvalidTopic => ErrorCode::InvalidTopic,
        RDKafkaErrorCode::OffsetOutOfRange => ErrorCode::OffsetOutOfRange,
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge => ErrorCode::MessageTooLarge,
        RDKafkaErrorCode::InvalidTimestamp => ErrorCode::InvalidTimestamp,
        RDKafkaErrorCode::InvalidRecord => ErrorCode::InvalidRecord,
        RDKafkaErrorCode::OutOfOrderSequenceNumber => ErrorCode::OutOfOrderSequence,
        RDKafkaErrorCode::InvalidProducerEpoch => ErrorCode::InvalidProducerEpoch,
        RDKafkaErrorCode::ProducerFenced => ErrorCode::ProducerFenced,
        RDKafkaErrorCode::InvalidProducerIdMapping => ErrorCode::InvalidProducerIdMapping,
        RDKafkaErrorCode::InvalidTransactionalState => ErrorCode::InvalidTxnState,
        RDKafkaErrorCode::InvalidTransactionTimeout => ErrorCode::InvalidTransactionTimeout,
        RDKafkaErrorCode::ConcurrentTransactions => ErrorCode::ConcurrentTransactions,
        RDKafkaErrorCode::UnknownMemberId => ErrorCode::UnknownMemberId,
        RDKafkaErrorCode::IllegalGeneration => ErrorCode::IllegalGeneration,
        RDKafkaErrorCode::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        RDKafkaErrorCode::FencedInstanceId => ErrorCode::FencedInstanceId,
        RDKafkaErrorCode::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
        RDKafkaErrorCode::UnstableOffsetCommit => ErrorCode::UnstableOffsetCommit,
        RDKafkaErrorCode::State => ErrorCode::State,
        RDKafkaErrorCode::Fenced => ErrorCode::ClientFenced,
        RDKafkaErrorCode::Fatal => ErrorCode::Fatal,
        RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => ErrorCode::PurgeQueue,
        RDKafkaErrorCode::AutoOffsetReset => ErrorCode::AutoOffsetReset,
        RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::MessageTimedOut => ErrorCode::TimedOut,
        RDKafkaErrorCode::InvalidArgument => ErrorCode::InvalidArgument,
        RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown => ErrorCode::Transport,
        other => ErrorCode::Other(other as i32),
    }
}

/// A code by our name, out of a number: brokers know codes that the client has no name for.
pub(super) fn code_of_number(number: i32) -> ErrorCode {
    const TRANSACTION_ABORTABLE: i32 = 120;
    match RDKafkaRespErr::try_from(number) {
        Ok(code) => code_of(code.into()),
        Err(_) if number == TRANSACTION_ABORTABLE => ErrorCode::TransactionAbortable,
        Err(_) => ErrorCode::Other(number),
    }
}

/// An error of a safe call.
pub(super) fn explain(error: &KafkaError, at: impl fmt::Display) -> LogError {
    let code = error.rdkafka_error_code().map_or(ErrorCode::Other(-1), code_of);
    LogError::new(code, format_args!("{at}: {error}"))
}

/// An error of a call in `kafka_ffi`, with what librdkafka advises.
pub(super) fn explain_failure(failure: &Failure, at: impl fmt::Display) -> LogError {
    let error = LogError::new(code_of_number(failure.code), format_args!("{at}: {}", failure.text));
    match failure.remedy {
        Remedy::None => error,
        Remedy::Retry => error.retriable(),
        Remedy::Abort => error.abortable(),
        Remedy::Discard => error.fatal(),
    }
}
