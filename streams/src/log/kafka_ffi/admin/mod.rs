//! The administrator's calls of librdkafka. Each waits for its answer, at most as long as it is told.

mod groups;
mod offsets;
mod topics;

pub(super) use groups::list_offsets;
pub(in crate::log) use offsets::OffsetSpec;
pub(super) use offsets::read_places;

use super::client::{Client, Event, millis, slice_of};
use super::failure::Failure;
use super::number::{check, check_with, failed, topic_result_error};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::time::Duration;

/// librdkafka answers by its own timeout; this much later it would have had to.
const GRACE: Duration = Duration::from_secs(1);

/// How long a call to a coordinator lives in librdkafka, the most it allows; we stop waiting long before.
const COORDINATOR_LIMIT: Duration = Duration::from_secs(3600);

type Operation = sys::rd_kafka_admin_op_t;

/// How a call is made; owned.
struct Options(*mut sys::rd_kafka_AdminOptions_t);

impl Options {
    fn new(client: &Client, operation: Operation, limit: Duration) -> Result<Self, Failure> {
        // SAFETY: the client is alive.
        let options = Options(unsafe { sys::rd_kafka_AdminOptions_new(client.ptr(), operation) });
        // SAFETY: the options are ours; no room is given for a text.
        check(unsafe { sys::rd_kafka_AdminOptions_set_request_timeout(options.0, millis(limit), null_mut::<c_char>(), 0) } as i32)?;
        Ok(options)
    }

    /// A call that goes to a group's coordinator. When its time is up while the coordinator is down, librdkafka (2.12.1) frees it, and aborts
    /// the process once the coordinator is back: `rd_kafka_admin_coord_request` and, told of its failure, `rd_kafka_admin_coord_response_parse`
    /// both give the same reference back. So the call outlives our wait for it.
    fn to_coordinator(client: &Client, operation: Operation) -> Result<Self, Failure> {
        Self::new(client, operation, COORDINATOR_LIMIT)
    }

    /// The broker answers when it is done, not when it has begun.
    fn until_done(self, limit: Duration) -> Result<Self, Failure> {
        // SAFETY: as above.
        check(unsafe { sys::rd_kafka_AdminOptions_set_operation_timeout(self.0, millis(limit), null_mut::<c_char>(), 0) } as i32)?;
        Ok(self)
    }

    fn require_stable(self, stable: bool) -> Result<Self, Failure> {
        // SAFETY: as above; the error is ours.
        unsafe { Failure::check(sys::rd_kafka_AdminOptions_set_require_stable_offsets(self.0, stable.into())) }?;
        Ok(self)
    }

    fn isolation(self, level: sys::rd_kafka_IsolationLevel_t) -> Result<Self, Failure> {
        // SAFETY: as above; the error is ours.
        unsafe { Failure::check(sys::rd_kafka_AdminOptions_set_isolation_level(self.0, level)) }?;
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
        read: impl FnOnce(&Event<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let queue = self.new_queue();
        start(self.ptr(), options.0, queue.ptr());
        let Some(event) = queue.poll(limit + GRACE) else {
            return Err(failed(RDKafkaErrorCode::OperationTimedOut, "no answer in time"));
        };
        event.outcome()?;
        read(&event)
    }
}

/// What a topic's part of an answer says.
///
/// # Safety
/// `first` points to `count` valid results.
unsafe fn topic_results(first: *mut *const sys::rd_kafka_topic_result_t, count: usize) -> Result<(), Failure> {
    // SAFETY: by contract; the texts live as long as the results.
    unsafe {
        let outcome = |result: &*const _| check_with(topic_result_error(*result), sys::rd_kafka_topic_result_error_string(*result));
        slice_of(first, count).iter().try_for_each(outcome)
    }
}
