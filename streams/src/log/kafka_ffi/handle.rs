//! One client of librdkafka and what it calls back. Data goes through it; for members and admins see `client.rs`, which says what separates both.

use super::client::{create, native_config};
use super::failure::{Failure, text_of};
use super::number::{check, metadata};
use super::produce::{Report, millis};
use rdkafka::ClientConfig;
use rdkafka_sys as sys;
use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::{debug, warn};

const UNKNOWN_TOPIC: i32 = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32;

/// A client. What hangs on it (queues, topics) keeps it alive and goes first.
pub(super) struct Handle {
    client: NonNull<sys::rd_kafka_t>,
    heard: NonNull<Heard>,
}

/// What the callbacks of one client have left to be picked up.
pub(super) struct Heard {
    troubles: Mutex<Vec<Trouble>>,
    /// Touched by the delivery callback only, and by `Sender`, which alone makes the calls that serve this callback.
    reports: UnsafeCell<Vec<Report>>,
}

/// Something that librdkafka tells apart from any call: brokers away, authentication refused, a fatal error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log) struct Trouble {
    pub(in crate::log) code: i32,
    pub(in crate::log) text: String,
}

// SAFETY: librdkafka's clients may be used from any thread, several at once (INTRODUCTION.md, "Threads and callbacks"); `heard` is behind a
// lock but for the reports, which only the owner of a `Sender` reaches, by `&mut`.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    pub(super) fn new(kind: sys::rd_kafka_type_t, config: &ClientConfig) -> Result<Self, Failure> {
        let native = native_config(config)?;
        let heard = Box::new(Heard { troubles: Mutex::default(), reports: UnsafeCell::default() });
        let heard = NonNull::from(Box::leak(heard));
        // SAFETY: the configuration is ours and not yet in use. `heard` outlives the client: `drop` frees it last. The callbacks have the
        // types that are asked for.
        unsafe {
            sys::rd_kafka_conf_set_opaque(native.ptr(), heard.as_ptr().cast());
            sys::rd_kafka_conf_set_error_cb(native.ptr(), Some(on_error));
            sys::rd_kafka_conf_set_log_cb(native.ptr(), Some(on_log));
            if kind == sys::rd_kafka_type_t::RD_KAFKA_PRODUCER {
                sys::rd_kafka_conf_set_dr_msg_cb(native.ptr(), Some(on_delivery));
            }
        }
        let client = create(kind, native).inspect_err(|_| {
            // SAFETY: no client was made, so nobody else has `heard`, and it came from a box.
            unsafe { drop(Box::from_raw(heard.as_ptr())) };
        })?;
        Ok(Self { client, heard })
    }

    pub(super) fn client(&self) -> *mut sys::rd_kafka_t {
        self.client.as_ptr()
    }

    pub(super) fn take_troubles(&self) -> Vec<Trouble> {
        // SAFETY: `heard` lives as long as this handle, and only shared references to it exist.
        let heard = unsafe { self.heard.as_ref() };
        std::mem::take(&mut *heard.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was delivered since the last call; `into` gives its memory in exchange.
    pub(super) fn swap_reports(&mut self, into: &mut Vec<Report>) {
        // SAFETY: the delivery callback runs inside calls of this thread's `Sender` only, and none of them is under way: we are here by `&mut`.
        unsafe { std::ptr::swap(self.heard.as_ref().reports.get(), into) };
    }

    /// Asks a broker how many partitions a topic has; none if it knows no such topic. The client knows it from then on, too.
    ///
    /// # Safety
    /// The topic is this client's and alive.
    pub(super) unsafe fn partitions(&self, topic: NonNull<sys::rd_kafka_topic_t>, limit: Duration) -> Result<usize, Failure> {
        let mut answer: *const sys::rd_kafka_metadata = null();
        // SAFETY: client and topic are alive; on success the answer is ours until it is destroyed.
        check(unsafe { metadata(self.client(), 0, topic.as_ptr(), &raw mut answer, millis(limit)) })?;
        // SAFETY: the answer is alive and has as many topics as it says. The code is read as the number it is.
        let (code, count) = unsafe {
            let found = ((*answer).topic_cnt > 0).then_some((*answer).topics);
            let about = found.map(|topic| ((&raw const (*topic).err).cast::<i32>().read(), (*topic).partition_cnt));
            sys::rd_kafka_metadata_destroy(answer);
            about.unwrap_or_default()
        };
        match code {
            0 => Ok(usize::try_from(count).unwrap_or_default()),
            UNKNOWN_TOPIC => Ok(0),
            code => Err(Failure::of_code(code)),
        }
    }

    /// Runs the callbacks that are due.
    pub(super) fn serve(&self, wait_ms: c_int) {
        // SAFETY: the client is alive.
        unsafe { sys::rd_kafka_poll(self.client(), wait_ms) };
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: queues and topics hold this handle, so they are gone; after this call nobody calls back, and `heard` came from a box.
        unsafe {
            sys::rd_kafka_destroy_flags(self.client(), sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE as c_int);
            drop(Box::from_raw(self.heard.as_ptr()));
        }
    }
}

/// Called while the owner polls.
unsafe extern "C" fn on_error(_: *mut sys::rd_kafka_t, code: c_int, reason: *const c_char, heard: *mut c_void) {
    // SAFETY: the opaque pointer is the `Heard` of this client, which outlives it; the reason is a string.
    let (heard, text) = unsafe { (&*heard.cast::<Heard>(), text_of(reason)) };
    heard.troubles.lock().unwrap_or_else(PoisonError::into_inner).push(Trouble { code, text });
}

/// Called while the owner polls, flushes, commits or aborts, once for each record.
unsafe extern "C" fn on_delivery(_: *mut sys::rd_kafka_t, message: *const sys::rd_kafka_message_t, heard: *mut c_void) {
    // SAFETY: the opaque pointer is the `Heard` of this client, which outlives it. The one who polls is the `Sender` of this client, by `&mut`,
    // so nobody else has the reports. The message is valid during this call; its code is read as the number it is, since the bindings' enum
    // does not list all that a broker may say.
    unsafe {
        let code = (&raw const (*message).err).cast::<i32>().read();
        let report = Report { mark: (&raw const (*message)._private).read() as u64, offset: (&raw const (*message).offset).read(), code };
        (*(*heard.cast::<Heard>()).reports.get()).push(report);
    }
}

/// Called by any thread of librdkafka. Its own words are for whoever looks for a cause; what matters we say ourselves.
unsafe extern "C" fn on_log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    const CRITICAL: c_int = 2;
    const WARNING: c_int = 4;
    // SAFETY: both are strings that live during this call.
    let (facility, line) = unsafe { (text_of(facility), text_of(line)) };
    match level {
        // Connections that fail come as errors here; they are told once, by the one who waits for them.
        ..=CRITICAL | WARNING => warn!(target: "librdkafka", facility, "{line}"),
        _ => debug!(target: "librdkafka", facility, level, "{line}"),
    }
}
