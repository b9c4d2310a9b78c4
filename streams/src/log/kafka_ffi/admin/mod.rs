//! The administrator's calls of librdkafka. Each waits for its answer, at most as long as it is told.

mod groups;
mod offsets;
mod topics;

pub(super) use groups::list_offsets;
pub(in crate::log) use offsets::OffsetSpec;
pub(super) use offsets::read_places;

use super::client::{Client, Event, Refusal, check, check_owned, millis};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka_sys as sys;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::time::Duration;

/// librdkafka answers by its own timeout; this much later it would have had to.
const GRACE: Duration = Duration::from_secs(1);

type Operation = sys::rd_kafka_admin_op_t;

/// How a call is made; owned.
struct Options(*mut sys::rd_kafka_AdminOptions_t);

impl Options {
    fn new(client: &Client, operation: Operation, limit: Duration) -> Result<Self, Refusal> {
        // SAFETY: the client is alive.
        let options = Options(unsafe { sys::rd_kafka_AdminOptions_new(client.ptr(), operation) });
        // SAFETY: the options are ours; no room is given for a text.
        check(unsafe { sys::rd_kafka_AdminOptions_set_request_timeout(options.0, millis(limit), null_mut::<c_char>(), 0) })?;
        Ok(options)
    }

    /// The broker answers when it is done, not when it has begun.
    fn until_done(self, limit: Duration) -> Result<Self, Refusal> {
        // SAFETY: as above.
        check(unsafe { sys::rd_kafka_AdminOptions_set_operation_timeout(self.0, millis(limit), null_mut::<c_char>(), 0) })?;
        Ok(self)
    }

    fn require_stable(self, stable: bool) -> Result<Self, Refusal> {
        // SAFETY: as above; the error is ours.
        unsafe { check_owned(sys::rd_kafka_AdminOptions_set_require_stable_offsets(self.0, stable.into())) }?;
        Ok(self)
    }

    fn isolation(self, level: sys::rd_kafka_IsolationLevel_t) -> Result<Self, Refusal> {
        // SAFETY: as above; the error is ours.
        unsafe { check_owned(sys::rd_kafka_AdminOptions_set_isolation_level(self.0, level)) }?;
        Ok(self)
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the options are ours.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) };
    }
}

impl Client {
    /// Starts a call and waits for its answer.
    fn ask<T>(
        &self, limit: Duration, options: &Options,
        start: impl FnOnce(*mut sys::rd_kafka_t, *const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
        read: impl FnOnce(&Event<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let queue = self.new_queue();
        start(self.ptr(), options.0, queue.ptr());
        let Some(event) = queue.poll(limit + GRACE) else {
            return Err(Refusal { code: RDKafkaErrorCode::OperationTimedOut, text: "no answer in time".to_owned() });
        };
        event.outcome()?;
        read(&event)
    }
}

/// What a topic's part of an answer says.
///
/// # Safety
/// `first` points to `count` valid results.
unsafe fn topic_results(first: *mut *const sys::rd_kafka_topic_result_t, count: usize) -> Result<(), Refusal> {
    // SAFETY: by contract; the texts live as long as the results.
    unsafe {
        super::client::slice_of(first, count).iter().try_for_each(|result| match sys::rd_kafka_topic_result_error(*result) {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(super::client::refusal(code, sys::rd_kafka_topic_result_error_string(*result))),
        })
    }
}
