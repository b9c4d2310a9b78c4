//! A client of librdkafka that belongs to nobody else: its handle, its queues and their events.
//!
//! `rdkafka` has such a client too, but its consumer says goodbye to the group when it is dropped, and waits for that without a deadline.

use rdkafka::ClientConfig;
use rdkafka::config::NativeClientConfig;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka_sys as sys;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tracing::{debug, error, warn};

/// Room for the text of an error.
const TEXT_BYTES: usize = 512;

/// Why librdkafka or a broker said no.
#[derive(Debug)]
pub(in crate::log) struct Refusal {
    pub(in crate::log) code: RDKafkaErrorCode,
    pub(in crate::log) text: String,
}

/// Something that went wrong without being the answer to a call.
#[derive(Debug)]
pub(in crate::log) struct Report {
    pub(in crate::log) code: RDKafkaErrorCode,
    pub(in crate::log) text: String,
}

/// A client. Dropping it is its death: nothing is committed, and a group learns of it by its silence.
pub(in crate::log) struct Client {
    ptr: NonNull<sys::rd_kafka_t>,
    /// What is wrong with the certificate that was refused last, by OpenSSL's number; 0 for none. librdkafka holds its address.
    certificate: Box<AtomicI32>,
}

// SAFETY: librdkafka's handles may be used from any thread, and from several at once (its INTRODUCTION.md, "Threads and callbacks").
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// A consumer: with a group only if the configuration names one.
    pub(in crate::log) fn consumer(config: &ClientConfig) -> Result<Self, Refusal> {
        let native = config.create_native_config().map_err(refused_config)?;
        let events = sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_REBALANCE | sys::RD_KAFKA_EVENT_OFFSET_COMMIT;
        let certificate = Box::new(AtomicI32::new(0));
        // SAFETY: the configuration is ours and not yet in use; the functions have the signatures asked for and live for ever; the
        // number stands in a box that outlives the client.
        unsafe {
            sys::rd_kafka_conf_set_events(native.ptr(), events);
            sys::rd_kafka_conf_set_log_cb(native.ptr(), Some(forward_log));
            sys::rd_kafka_conf_set_ssl_cert_verify_cb(native.ptr(), Some(note_certificate));
            sys::rd_kafka_conf_set_opaque(native.ptr(), (&raw const *certificate).cast_mut().cast());
        }
        Self::create(native, certificate)
    }

    fn create(native: NativeClientConfig, certificate: Box<AtomicI32>) -> Result<Self, Refusal> {
        let mut text = [0 as c_char; TEXT_BYTES];
        // SAFETY: the configuration is valid and the buffer as long as stated.
        let ptr = unsafe { sys::rd_kafka_new(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, native.ptr(), text.as_mut_ptr(), text.len()) };
        let Some(ptr) = NonNull::new(ptr) else {
            return Err(Refusal { code: RDKafkaErrorCode::InvalidArgument, text: text_of(text.as_ptr()) });
        };
        // The client owns the configuration from here on.
        let _ = ManuallyDrop::new(native);
        Ok(Self { ptr, certificate })
    }

    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.ptr.as_ptr()
    }

    /// What went wrong since the last look. Without a group nobody else empties this queue.
    pub(in crate::log) fn reports(&self, wait: Duration) -> Vec<Report> {
        let queue = self.main_queue();
        let first = queue.poll(wait);
        std::iter::successors(first, |_| queue.poll(Duration::ZERO)).filter_map(|event| event.report()).collect()
    }

    /// Why a broker's certificate was refused, by OpenSSL's number (`X509_V_ERR_..`), if one was.
    pub(in crate::log) fn certificate_error(&self) -> Option<i32> {
        Some(self.certificate.load(Ordering::Relaxed)).filter(|error| *error != 0)
    }

    /// Waits until some broker answers.
    pub(in crate::log) fn reach(&self, limit: Duration) -> Result<(), Refusal> {
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: the answer is written to a pointer that outlives the call, and given back once.
        unsafe {
            check(sys::rd_kafka_metadata(self.ptr(), 0, std::ptr::null_mut(), &raw mut metadata, millis(limit)))?;
            sys::rd_kafka_metadata_destroy(metadata);
        }
        Ok(())
    }

    /// The names of all topics, as a broker knows them now.
    pub(in crate::log) fn topics(&self, limit: Duration) -> Result<Vec<String>, Refusal> {
        let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
        // SAFETY: a null topic asks for all; the answer is written to a pointer that outlives the call.
        let code = unsafe { sys::rd_kafka_metadata(self.ptr(), 1, std::ptr::null_mut(), &raw mut metadata, millis(limit)) };
        check(code)?;
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

    pub(super) fn code(&self) -> RDKafkaRespErr {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_error(self.ptr()) }
    }

    /// The error of the whole event.
    pub(super) fn outcome(&self) -> Result<(), Refusal> {
        if self.code() == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: the event is alive, and its text with it.
        Err(refusal(self.code(), unsafe { sys::rd_kafka_event_error_string(self.ptr()) }))
    }

    fn report(&self) -> Option<Report> {
        if self.kind() != sys::RD_KAFKA_EVENT_ERROR {
            return None;
        }
        let Refusal { code, text } = self.outcome().err()?;
        Some(Report { code, text })
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
    let (found, certificate) = unsafe { (*found, &*opaque.cast::<AtomicI32>()) };
    if found != 0 {
        certificate.store(found, Ordering::Relaxed);
    }
    (found == 0).into()
}

/// librdkafka's own words. It calls this from its threads; none of its lines carries a password.
unsafe extern "C" fn forward_log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    let (facility, line) = (text_of(facility), text_of(line));
    match level {
        0..=2 => error!(target: "librdkafka", facility, "{line}"),
        3 | 4 => warn!(target: "librdkafka", facility, "{line}"),
        _ => debug!(target: "librdkafka", facility, "{line}"),
    }
}

pub(super) fn check(code: RDKafkaRespErr) -> Result<(), Refusal> {
    // SAFETY: the text is static.
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(refusal(code, unsafe { sys::rd_kafka_err2str(code) })) }
}

/// An error object that somebody else owns; null is success.
///
/// # Safety
/// The pointer is null or valid.
pub(super) unsafe fn check_borrowed(error: *const sys::rd_kafka_error_t) -> Result<(), Refusal> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: valid by contract.
    let (code, text) = unsafe { (sys::rd_kafka_error_code(error), sys::rd_kafka_error_string(error)) };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(refusal(code, text)) }
}

/// An error object that is ours; null is success.
///
/// # Safety
/// The pointer is null or valid, and nobody uses it afterwards.
pub(super) unsafe fn check_owned(error: *mut sys::rd_kafka_error_t) -> Result<(), Refusal> {
    // SAFETY: valid by contract; destroyed once.
    unsafe {
        let result = check_borrowed(error);
        if !error.is_null() {
            sys::rd_kafka_error_destroy(error);
        }
        result
    }
}

pub(super) fn refusal(code: RDKafkaRespErr, text: *const c_char) -> Refusal {
    // SAFETY: the text of a code is static.
    let text = if text.is_null() { unsafe { sys::rd_kafka_err2str(code) } } else { text };
    Refusal { code: code.into(), text: text_of(text) }
}

/// The value of a refused setting is left out: it may be a password.
fn refused_config(error: rdkafka::error::KafkaError) -> Refusal {
    let text = match error {
        rdkafka::error::KafkaError::ClientConfig(_, reason, key, _) => format!("setting {key}: {}", reason.trim()),
        _ => "a setting contains a zero byte".to_owned(),
    };
    Refusal { code: RDKafkaErrorCode::InvalidArgument, text }
}

pub(super) fn c_text(text: &str) -> Result<CString, Refusal> {
    CString::new(text).map_err(|_| Refusal { code: RDKafkaErrorCode::InvalidArgument, text: "a name contains a zero byte".to_owned() })
}

/// A C string by value; empty for none.
pub(super) fn text_of(text: *const c_char) -> String {
    // SAFETY: librdkafka's strings end with a zero, and this copies at once.
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
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
