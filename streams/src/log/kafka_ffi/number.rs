//! Error codes as the numbers they are. The bindings return them as an enum, and a number that it does not list, as a newer broker may
//! send, would be undefined behaviour.

use super::failure::{Failure, text_of};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ffi::{c_char, c_int};

unsafe extern "C" {
    #[link_name = "rd_kafka_event_error"]
    pub(super) fn event_error(event: *mut sys::rd_kafka_event_t) -> c_int;
    #[link_name = "rd_kafka_topic_result_error"]
    pub(super) fn topic_result_error(result: *const sys::rd_kafka_topic_result_t) -> c_int;
    #[link_name = "rd_kafka_ConfigResource_error"]
    pub(super) fn config_resource_error(resource: *const sys::rd_kafka_ConfigResource_t) -> c_int;
    #[link_name = "rd_kafka_fatal_error"]
    pub(super) fn fatal_error(client: *mut sys::rd_kafka_t, text: *mut c_char, bytes: usize) -> c_int;
    #[link_name = "rd_kafka_metadata"]
    pub(super) fn metadata(
        client: *mut sys::rd_kafka_t, all: c_int, topic: *mut sys::rd_kafka_topic_t, answer: *mut *const sys::rd_kafka_metadata,
        limit_ms: c_int,
    ) -> c_int;
    #[link_name = "rd_kafka_error_code"]
    fn error_code(error: *const sys::rd_kafka_error_t) -> c_int;
}

/// What we find ourselves.
pub(super) fn failed(code: RDKafkaErrorCode, text: impl Into<String>) -> Failure {
    Failure { text: text.into(), ..Failure::of_code(code as i32) }
}

/// A code without a text; 0 is success.
pub(super) fn check(code: i32) -> Result<(), Failure> {
    if code == 0 { Ok(()) } else { Err(Failure::of_code(code)) }
}

/// A code with a text that may be missing; 0 is success.
///
/// # Safety
/// `text` is null or a string that ends with a zero byte.
pub(super) unsafe fn check_with(code: i32, text: *const c_char) -> Result<(), Failure> {
    let failure = check(code);
    if text.is_null() {
        return failure;
    }
    // SAFETY: by contract.
    failure.map_err(|failure| Failure { text: unsafe { text_of(text) }, ..failure })
}

/// An error object that somebody else owns; null is success.
///
/// # Safety
/// The pointer is null or valid.
pub(super) unsafe fn check_borrowed(error: *const sys::rd_kafka_error_t) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: valid by contract, and its text as long as it.
    unsafe { check_with(error_code(error), sys::rd_kafka_error_string(error)) }
}
