//! A client of librdkafka that belongs to nobody else: its handle, its queues and their events.
//!
//! `rdkafka` has such a client too, but its consumer says goodbye to the group when it is dropped, and waits for that without a deadline.
//!
//! What separates this from `handle.rs`: here every answer is an event, taken from a queue one by one, as members and admins need it, who answer
//! when they like. Data is called back there: an event for each record or delivery would cost more than the record.

use super::failure::{Failure, text_of};
use super::number::{check, check_with, event_error, failed};
use rdkafka::ClientConfig;
use rdkafka::config::NativeClientConfig;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ffi::{CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::{debug, error, warn};

/// Room for the text of an error.
const TEXT_BYTES: usize = 512;

/// A client. Dropping it is its death: nothing is committed, and a group learns of it by its silence.
pub(in crate::log) struct Client {
    ptr: NonNull<sys::rd_kafka_t>,
    /// librdkafka holds its address.
    noted: Box<Noted>,
}

/// What the threads of librdkafka have left for us and tell in no event.
#[derive(Default)]
struct Noted {
    /// What is wrong with the certificate that was refused last, by OpenSSL's number; 0 for none.
    certificate: AtomicI32,
    /// The last line about a connection that failed.
    disconnect: Mutex<Option<String>>,
}

// SAFETY: librdkafka's handles may be used from any thread, and from several at once (its INTRODUCTION.md, "Threads and callbacks").
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// A consumer: with a group only if the configuration names one.
    pub(in crate::log) fn consumer(config: &ClientConfig) -> Result<Self, Failure> {
        let native = native_config(config)?;
        let events = sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_REBALANCE | sys::RD_KAFKA_EVENT_OFFSET_COMMIT;
        let noted = Box::<Noted>::default();
        // SAFETY: the configuration is ours and not yet in use; the functions have the signatures asked for and live for ever; the
        // number stands in a box that outlives the client.
        unsafe {
            sys::rd_kafka_conf_set_events(native.ptr(), events);
            sys::rd_kafka_conf_set_log_cb(native.ptr(), Some(forward_log));
            sys::rd_kafka_conf_set_ssl_cert_verify_cb(native.ptr(), Some(note_certificate));
            sys::rd_kafka_conf_set_opaque(native.ptr(), (&raw const *noted).cast_mut().cast());
        }
        Ok(Self { ptr: create(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, native)?, noted })
    }

    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.ptr.as_ptr()
    }

    /// What went wrong since the last look. Without a group nobody else empties this queue.
    pub(in crate::log) fn complaints(&self) -> Vec<Failure> {
        let queue = self.main_queue();
        let events = std::iter::from_fn(|| queue.poll(Duration::ZERO));
        events.filter(|event| event.kind() == sys::RD_KAFKA_EVENT_ERROR).filter_map(|event| event.outcome().err()).collect()
    }

    /// Why a broker's certificate was refused, by OpenSSL's number (`X509_V_ERR_..`), if one was.
    pub(in crate::log) fn certificate_error(&self) -> Option<i32> {
        Some(self.noted.certificate.load(Ordering::Relaxed)).filter(|error| *error != 0)
    }

    /// librdkafka's last words about a connection that failed: some failures it only logs.
    pub(in crate::log) fn disconnect(&self) -> Option<String> {
        self.noted.disconnect.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until some broker answers.
    pub(in crate::log) fn reach(&self, limit: Duration) -> Result<(), Failure> {
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: the answer is written to a pointer that outlives the call, and given back once.
        unsafe {
            check(sys::rd_kafka_metadata(self.ptr(), 0, std::ptr::null_mut(), &raw mut metadata, millis(limit)) as i32)?;
            sys::rd_kafka_metadata_destroy(metadata);
        }
        Ok(())
    }

    /// The names of all topics, as a broker knows them now.
    pub(in crate::log) fn topics(&self, limit: Duration) -> Result<Vec<String>, Failure> {
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: a null topic asks for all; the answer is written to a pointer that outlives the call.
        let code = unsafe { sys::rd_kafka_metadata(self.ptr(), 1, std::ptr::null_mut(), &raw mut metadata, millis(limit)) };
        check(code as i32)?;
        // SAFETY: on success the pointer is valid, with as many topics as it says; it is given back once and not used after that.
        unsafe {
            let topics = slice_of((*metadata).topics, (*metadata).topic_cnt as usize);
            let names = topics.iter().map(|topic| text_of(topic.topic)).collect();
            sys::rd_kafka_metadata_destroy(metadata);
            Ok(names)
        }
    }

    pub(super) fn new_queue(&self) -> Queue<'_> {
        // SAFETY: the client is alive; the queue's lifetime keeps it so.
        Queue::of(unsafe { sys::rd_kafka_queue_new(self.ptr()) })
    }

    /// The group's own queue. Only a client with a group has one.
    pub(super) fn group_queue(&self) -> Queue<'_> {
        // SAFETY: as above; this counts a reference, which the queue gives back.
        Queue::of(unsafe { sys::rd_kafka_queue_get_consumer(self.ptr()) })
    }

    fn main_queue(&self) -> Queue<'_> {
        // SAFETY: as above; this counts a reference, which the queue gives back.
        Queue::of(unsafe { sys::rd_kafka_queue_get_main(self.ptr()) })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and queues and events borrow from it, so none is left.
        unsafe { sys::rd_kafka_destroy_flags(self.ptr(), sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE) };
    }
}

/// A queue of events.
pub(super) struct Queue<'c> {
    ptr: *mut sys::rd_kafka_queue_t,
    client: PhantomData<&'c Client>,
}

impl Queue<'_> {
    fn of(ptr: *mut sys::rd_kafka_queue_t) -> Self {
        Self { ptr, client: PhantomData }
    }

    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.ptr
    }

    pub(super) fn poll(&self, wait: Duration) -> Option<Event<'_>> {
        // SAFETY: the queue is alive.
        let event = unsafe { sys::rd_kafka_queue_poll(self.ptr, millis(wait)) };
        NonNull::new(event).map(|ptr| Event { ptr, queue: PhantomData })
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours and no event of it is left.
        unsafe { sys::rd_kafka_queue_destroy(self.ptr) };
    }
}

/// An event, owned.
pub(super) struct Event<'q> {
    ptr: NonNull<sys::rd_kafka_event_t>,
    queue: PhantomData<&'q ()>,
}

impl Event<'_> {
    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.ptr.as_ptr()
    }

    pub(super) fn kind(&self) -> c_int {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_type(self.ptr()) }
    }

    /// The error's number; 0 for none.
    pub(super) fn code(&self) -> c_int {
        // SAFETY: the event is alive.
        unsafe { event_error(self.ptr()) }
    }

    /// What was given with the call that it answers.
    pub(super) fn opaque(&self) -> *mut c_void {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_opaque(self.ptr()) }
    }

    /// The error of the whole event.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        // SAFETY: the event is alive, and its text with it.
        unsafe { check_with(self.code(), sys::rd_kafka_event_error_string(self.ptr())) }
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        // SAFETY: the event is ours.
        unsafe { sys::rd_kafka_event_destroy(self.ptr()) };
    }
}

/// Hears what OpenSSL found, and leaves it at that: what is wrong stays wrong.
unsafe extern "C" fn note_certificate(
    _: *mut sys::rd_kafka_t, _: *const c_char, _: i32, found: *mut c_int, _: c_int, _: *const c_char, _: usize, _: *mut c_char, _: usize,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka gives a valid number and the address that it was given, whose box outlives the client.
    let (found, noted) = unsafe { (*found, &*opaque.cast::<Noted>()) };
    if found != 0 {
        noted.certificate.store(found, Ordering::Relaxed);
    }
    (found == 0).into()
}

/// librdkafka's own words. It calls this from its threads; none of its lines carries a password.
unsafe extern "C" fn forward_log(client: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    // SAFETY: both are strings that live during this call.
    let (facility, line) = unsafe { (text_of(facility), text_of(line)) };
    // SAFETY: the client is alive while it logs, and its opaque pointer is the notes of the client, which outlive it.
    let noted = unsafe { sys::rd_kafka_opaque(client).cast::<Noted>().as_ref() };
    if let Some(noted) = noted.filter(|_| facility == "FAIL") {
        *noted.disconnect.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
    }
    match level {
        0..=2 => error!(target: "librdkafka", facility, "{line}"),
        3 | 4 => warn!(target: "librdkafka", facility, "{line}"),
        _ => debug!(target: "librdkafka", facility, "{line}"),
    }
}

pub(super) fn native_config(config: &ClientConfig) -> Result<NativeClientConfig, Failure> {
    config.create_native_config().map_err(refused_config)
}

/// Makes librdkafka's client; whoever calls destroys it.
pub(super) fn create(kind: sys::rd_kafka_type_t, native: NativeClientConfig) -> Result<NonNull<sys::rd_kafka_t>, Failure> {
    let mut text = [0 as c_char; TEXT_BYTES];
    // SAFETY: the configuration is valid and the buffer as long as stated.
    let client = unsafe { sys::rd_kafka_new(kind, native.ptr(), text.as_mut_ptr(), text.len()) };
    let Some(client) = NonNull::new(client) else {
        // SAFETY: the reason ends with a zero byte.
        return Err(failed(RDKafkaErrorCode::InvalidArgument, unsafe { text_of(text.as_ptr()) }));
    };
    // The client owns the configuration from here on.
    let _ = ManuallyDrop::new(native);
    Ok(client)
}

/// The value of a refused setting is left out: it may be a password.
fn refused_config(error: rdkafka::error::KafkaError) -> Failure {
    let text = match error {
        rdkafka::error::KafkaError::ClientConfig(_, reason, key, _) => format!("setting {key}: {}", reason.trim()),
        _ => "a setting contains a zero byte".to_owned(),
    };
    failed(RDKafkaErrorCode::InvalidArgument, text)
}

pub(super) fn c_text(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| failed(RDKafkaErrorCode::InvalidArgument, "a name contains a zero byte"))
}

/// An array of C; an empty one may be null.
///
/// # Safety
/// `first` points to `count` values that live for `'a`.
pub(super) unsafe fn slice_of<'a, T>(first: *const T, count: usize) -> &'a [T] {
    // SAFETY: by contract.
    if first.is_null() || count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(first, count) } }
}

pub(super) fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}
