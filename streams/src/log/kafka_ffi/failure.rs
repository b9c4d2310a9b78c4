//! What librdkafka says when a call fails.

use rdkafka_sys as sys;
use std::ffi::{CStr, c_char, c_int};

/// Why a call failed, by librdkafka's number.
///
/// A number and no enum: a broker may send codes that the bindings have no name for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log) struct Failure {
    pub(in crate::log) code: i32,
    pub(in crate::log) text: String,
    pub(in crate::log) remedy: Remedy,
}

/// What librdkafka advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Remedy {
    None,
    Retry,
    Abort,
    Discard,
}

unsafe extern "C" {
    /// The bindings return this as an enum, and a number that it does not list would be undefined behaviour.
    #[link_name = "rd_kafka_error_code"]
    fn error_number(error: *const sys::rd_kafka_error_t) -> c_int;
    #[link_name = "rd_kafka_last_error"]
    fn last_error_number() -> c_int;
    #[link_name = "rd_kafka_err2str"]
    fn text_of_number(code: c_int) -> *const c_char;
}

impl Failure {
    pub(in crate::log) fn of_code(code: i32) -> Self {
        // SAFETY: every number has a text, which is static or, for unknown numbers, in a buffer of this thread.
        let text = unsafe { text_of(text_of_number(code)) };
        Self { code, text, remedy: Remedy::None }
    }

    /// What the last call of this thread failed with.
    pub(super) fn last() -> Self {
        // SAFETY: reads a variable of this thread.
        Self::of_code(unsafe { last_error_number() })
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self { code: sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__INVALID_ARG as i32, text: text.into(), remedy: Remedy::None }
    }

    /// Takes an error object over; none is success.
    ///
    /// # Safety
    /// `error` is null or an error object that nobody else will use or destroy.
    pub(super) unsafe fn check(error: *mut sys::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so it is a live error object by this function's contract; its text lives as long as it and is copied.
        unsafe {
            let remedy = if sys::rd_kafka_error_is_fatal(error) != 0 {
                Remedy::Discard
            } else if sys::rd_kafka_error_txn_requires_abort(error) != 0 {
                Remedy::Abort
            } else if sys::rd_kafka_error_is_retriable(error) != 0 {
                Remedy::Retry
            } else {
                Remedy::None
            };
            let failure = Self { code: error_number(error), text: text_of(sys::rd_kafka_error_string(error)), remedy };
            sys::rd_kafka_error_destroy(error);
            Err(failure)
        }
    }
}

/// The text at `chars`, copied.
///
/// # Safety
/// `chars` is null or a string that ends with a zero byte.
pub(super) unsafe fn text_of(chars: *const c_char) -> String {
    if chars.is_null() {
        return String::new();
    }
    // SAFETY: not null, so it is a string by this function's contract.
    unsafe { CStr::from_ptr(chars) }.to_string_lossy().into_owned()
}
