//! Moves fetched records out of a queue, without an object for each.
//!
//! `rd_kafka_consume_callback_queue` takes all that waits under one lock and gives each message to a function that copies it.
//! `rd_kafka_consume_batch_queue` locks for each message, and in librdkafka 2.12 it moves the position past the end at each end of a partition.

use super::failure::{Failure, Remedy, text_of};
use crate::log::records::{Entry, NULL};
use crate::log::{FetchLimit, Records, headers};
use rdkafka_sys as sys;
use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null, null_mut};

const PARTITION_EOF: i32 = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF as i32;

/// What a look into a queue has found, beside records.
#[derive(Debug, Default)]
pub(in crate::log) struct Drained {
    /// Whether there was anything, be it a marker.
    pub(in crate::log) any: bool,
    /// Whether the limit has left something behind.
    pub(in crate::log) limited: bool,
    /// The end that was reached, as the last thing that was found.
    pub(in crate::log) end: Option<i64>,
    /// The first error.
    pub(in crate::log) failure: Option<Failure>,
}

struct Draining<'a> {
    client: *mut sys::rd_kafka_t,
    records: &'a mut Records,
    limit: FetchLimit,
    drained: Drained,
}

pub(super) fn drain(
    client: *mut sys::rd_kafka_t, queue: NonNull<sys::rd_kafka_queue_t>, limit: FetchLimit, records: &mut Records,
) -> Drained {
    let mut draining = Draining { client, records, limit, drained: Drained::default() };
    // SAFETY: the queue is alive; `draining` lives during the call, which is the only time when the function is called, on this thread.
    let served = unsafe { sys::rd_kafka_consume_callback_queue(queue.as_ptr(), 0, Some(on_message), (&raw mut draining).cast()) };
    draining.drained.any = served > 0;
    draining.drained
}

unsafe extern "C" fn on_message(message: *mut sys::rd_kafka_message_t, draining: *mut c_void) {
    // SAFETY: `drain` hands its own `Draining` in and touches it only after the call.
    let draining = unsafe { &mut *draining.cast::<Draining<'_>>() };
    // SAFETY: the message is valid during this call. Its code is read as the number it is: the bindings' enum does not list all.
    match unsafe { (&raw const (*message).err).cast::<i32>().read() } {
        0 => {
            // SAFETY: as above; without an error it is a record.
            unsafe { push(draining.records, message) };
            draining.drained.end = None;
        }
        // SAFETY: as above.
        PARTITION_EOF => draining.drained.end = Some(unsafe { (&raw const (*message).offset).read() }),
        code => {
            // SAFETY: the text of an error lies in the message.
            let text = unsafe { text_of(sys::rd_kafka_message_errstr(message)) };
            draining.drained.failure.get_or_insert(Failure { code, text, remedy: Remedy::None });
        }
    }
    if draining.records.len() >= draining.limit.records || draining.records.byte_len() >= draining.limit.bytes {
        draining.drained.limited = true;
        // SAFETY: the client is alive; what is left goes back to the front of its queue.
        unsafe { sys::rd_kafka_yield(draining.client) };
    }
}

/// # Safety
/// `message` is a record that is valid during this call.
unsafe fn push(records: &mut Records, message: *mut sys::rd_kafka_message_t) {
    let (entries, bytes) = records.parts_mut();
    let start = bytes.len();
    // SAFETY: key and payload of a record are null or as long as it says, and live as long as it; all fields but the code are plain.
    let (key, value, offset, timestamp) = unsafe {
        let key = slice((&raw const (*message).key).read(), (&raw const (*message).key_len).read());
        let value = slice((&raw const (*message).payload).read(), (&raw const (*message).len).read());
        (key, value, (&raw const (*message).offset).read(), sys::rd_kafka_message_timestamp(message, null_mut()))
    };
    bytes.extend_from_slice(key.unwrap_or_default());
    let behind_key = bytes.len();
    // SAFETY: as above.
    unsafe { push_headers(bytes, message) };
    let behind_headers = bytes.len();
    bytes.extend_from_slice(value.unwrap_or_default());
    entries.push(Entry {
        offset,
        timestamp,
        start: start as u32,
        key: key.map_or(NULL, |key| key.len() as u32),
        headers: (behind_headers - behind_key) as u32,
        value: value.map_or(NULL, |value| value.len() as u32),
    });
}

/// # Safety
/// `message` is a record that is valid during this call.
unsafe fn push_headers(bytes: &mut Vec<u8>, message: *mut sys::rd_kafka_message_t) {
    let mut list = null_mut();
    // SAFETY: the list belongs to the message.
    let found = unsafe { sys::rd_kafka_message_headers(message, &raw mut list) };
    if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut size) = (null(), null(), 0);
        // SAFETY: the list lives as long as the message, and the three variables during the call.
        let one = unsafe { sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size) };
        if one != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        // SAFETY: a name is a string; a value is null or as long as it says; both live as long as the list.
        let (name, value) = unsafe { (CStr::from_ptr(name), slice(value, size)) };
        headers::put(bytes, Some(name.to_string_lossy().as_bytes()));
        headers::put(bytes, value);
    }
}

/// # Safety
/// `bytes` is null or points to `len` bytes that live for `'a`.
unsafe fn slice<'a>(bytes: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by this function's contract.
    (!bytes.is_null()).then(|| unsafe { std::slice::from_raw_parts(bytes.cast(), len) })
}
