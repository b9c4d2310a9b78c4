//! librdkafka's errors by our names.

use super::super::{ErrorCode, LogError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::fmt;

/// A code by our name.
pub(super) fn code_of(code: RDKafkaErrorCode) -> ErrorCode {
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        other => ErrorCode::Other(other as i32),
    }
}

/// An error of a safe call.
pub(super) fn explain(error: &KafkaError, at: impl fmt::Display) -> LogError {
    let code = error.rdkafka_error_code().map_or(ErrorCode::Other(-1), code_of);
    LogError::new(code, format_args!("{at}: {error}"))
}
