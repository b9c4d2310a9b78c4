//! Sending records, copied once, and what became of them.

use super::failure::Failure;
use super::handle::{Handle, Trouble};
use super::number::{check_with, fatal_error};
use crate::log::{HeadersRef, NO_TIMESTAMP, RecordRef, Records, TopicPartition};
use rdkafka::ClientConfig;
use rdkafka_sys as sys;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::Duration;
use sys::rd_kafka_vtype_t as Kind;

/// A producer.
pub(in crate::log) struct Sender {
    topics: HashMap<Arc<str>, NonNull<sys::rd_kafka_topic_t>>,
    pub(super) handle: Handle,
}

// SAFETY: librdkafka's objects may be used from any thread; a `Sender` is used by one at a time (it is not `Sync`).
unsafe impl Send for Sender {}

/// Names a record on its way: its send, counted modulo 2^32, and its place in it. It travels in the record's opaque pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct Mark {
    pub(in crate::log) ticket: u32,
    pub(in crate::log) index: u32,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct Report {
    pub(super) mark: u64,
    /// Where it stands, if the broker said so.
    pub(in crate::log) offset: i64,
    /// 0 if it is stored.
    pub(in crate::log) code: i32,
}

impl Report {
    pub(in crate::log) fn new(mark: Mark, offset: i64, code: i32) -> Self {
        Self { mark: mark.packed(), offset, code }
    }

    /// Which record.
    pub(in crate::log) fn mark(&self) -> Mark {
        Mark { ticket: (self.mark >> 32) as u32, index: self.mark as u32 }
    }
}

impl Mark {
    fn packed(self) -> u64 {
        u64::from(self.ticket) << 32 | u64::from(self.index)
    }
}

impl Sender {
    /// Connects in the background.
    pub(in crate::log) fn new(config: &ClientConfig) -> Result<Self, Failure> {
        const { assert!(usize::BITS == 64, "a record's mark travels in a pointer") };
        Ok(Self { topics: HashMap::new(), handle: Handle::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config)? })
    }

    /// Queues the records from `first` on. Returns how many were taken, and why the next one was not.
    pub(in crate::log) fn send(
        &mut self, to: &TopicPartition, records: &Records, ticket: u32, first: usize,
    ) -> (usize, Result<(), Failure>) {
        let topic = match self.topic(&to.topic) {
            Ok(topic) => topic,
            Err(failure) => return (0, Err(failure)),
        };
        let mut parts = Parts::new(topic, to.partition);
        for (taken, (index, record)) in records.iter().enumerate().skip(first).enumerate() {
            if let Err(failure) = parts.send(&self.handle, record, Mark { ticket, index: index as u32 }) {
                return (taken, Err(failure));
            }
        }
        (records.len() - first, Ok(()))
    }

    /// Asks a broker how many partitions a topic has, and knows it from then on.
    pub(in crate::log) fn partitions(&mut self, topic: &Arc<str>, limit: Duration) -> Result<usize, Failure> {
        let topic = self.topic(topic)?;
        // SAFETY: the topic is this client's and lives as long as the sender.
        unsafe { self.handle.partitions(topic, limit) }
    }

    /// Serves what is due, waiting at most so long for something, and swaps what became of records into `reports`.
    pub(in crate::log) fn poll(&mut self, wait: Duration, reports: &mut Vec<Report>) {
        self.handle.serve(millis(wait));
        self.handle.swap_reports(reports);
    }

    /// Sends without lingering until nothing is on its way, at most so long. Says whether nothing is.
    pub(in crate::log) fn flush(&mut self, wait: Duration, reports: &mut Vec<Report>) -> bool {
        // SAFETY: the client is alive.
        let left = unsafe { sys::rd_kafka_flush(self.handle.client(), millis(wait)) };
        self.handle.swap_reports(reports);
        left == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// What librdkafka has told apart from any call.
    pub(in crate::log) fn take_troubles(&self) -> Vec<Trouble> {
        self.handle.take_troubles()
    }

    /// Why this producer is finished, if it is.
    pub(in crate::log) fn fatal(&self) -> Option<Failure> {
        let mut text = [0 as c_char; 512];
        // SAFETY: the client is alive, the buffer as long as it says, and it ends with a zero byte.
        unsafe { check_with(fatal_error(self.handle.client(), text.as_mut_ptr(), text.len()), text.as_ptr()) }.err()
    }

    fn topic(&mut self, name: &Arc<str>) -> Result<NonNull<sys::rd_kafka_topic_t>, Failure> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(*topic);
        }
        let text = CString::new(&**name).map_err(|_| Failure::invalid("a topic's name has no zero byte"))?;
        // SAFETY: the client is alive and the name a string.
        let topic = unsafe { sys::rd_kafka_topic_new(self.handle.client(), text.as_ptr(), null_mut()) };
        let topic = NonNull::new(topic).ok_or_else(Failure::last)?;
        self.topics.insert(Arc::clone(name), topic);
        Ok(topic)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let everything = sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT | sys::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client is alive, the topics are ours, and nothing uses them after this.
        unsafe {
            // Death: what waits must not go out in the last moment.
            sys::rd_kafka_purge(self.handle.client(), everything as c_int);
            self.topics.values().for_each(|topic| sys::rd_kafka_topic_destroy(topic.as_ptr()));
        }
    }
}

/// The arguments of one `rd_kafka_produceva`, of which a record changes some.
struct Parts([sys::rd_kafka_vu_t; 8]);

const KEY: usize = 3;
const VALUE: usize = 4;
const TIMESTAMP: usize = 5;
const MARK: usize = 6;
const HEADERS: usize = 7;

impl Parts {
    fn new(topic: NonNull<sys::rd_kafka_topic_t>, partition: i32) -> Self {
        let part = |vtype| sys::rd_kafka_vu_t { vtype, u: sys::rd_kafka_vu_s__bindgen_ty_1 { _pad: [0; 64] } };
        let kinds = [
            Kind::RD_KAFKA_VTYPE_RKT,
            Kind::RD_KAFKA_VTYPE_PARTITION,
            Kind::RD_KAFKA_VTYPE_MSGFLAGS,
            Kind::RD_KAFKA_VTYPE_KEY,
            Kind::RD_KAFKA_VTYPE_VALUE,
            Kind::RD_KAFKA_VTYPE_TIMESTAMP,
            Kind::RD_KAFKA_VTYPE_OPAQUE,
            Kind::RD_KAFKA_VTYPE_HEADERS,
        ];
        let mut parts = kinds.map(part);
        parts[0].u.rkt = topic.as_ptr();
        parts[1].u.i32_ = partition;
        parts[2].u.i = sys::RD_KAFKA_MSG_F_COPY as c_int;
        Self(parts)
    }

    fn send(&mut self, handle: &Handle, record: RecordRef<'_>, mark: Mark) -> Result<(), Failure> {
        let parts = &mut self.0;
        parts[KEY].u.mem = memory(record.key);
        parts[VALUE].u.mem = memory(record.value);
        parts[TIMESTAMP].u.i64_ = timestamp(record.timestamp);
        parts[MARK].u.ptr = mark.packed() as usize as *mut c_void;
        let headers = if record.headers.is_empty() { null_mut() } else { list_of(record.headers) };
        parts[HEADERS].u.headers = headers;
        let count = if headers.is_null() { HEADERS } else { parts.len() };
        // SAFETY: each part has the field set that its kind names; topic and client are alive; key and value are copied during the call.
        let sent = unsafe { Failure::check(sys::rd_kafka_produceva(handle.client(), parts.as_ptr(), count)) };
        if sent.is_err() && !headers.is_null() {
            // SAFETY: librdkafka takes headers over only with their record.
            unsafe { sys::rd_kafka_headers_destroy(headers) };
        }
        sent
    }
}

fn memory(bytes: Option<&[u8]>) -> sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    let (ptr, size) = bytes.map_or((null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()));
    sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size }
}

/// librdkafka takes 0 for "now", so that the very first millisecond of 1970 cannot be said: it becomes the second one.
fn timestamp(timestamp: i64) -> i64 {
    const NOW: i64 = 0;
    match timestamp {
        NO_TIMESTAMP => NOW,
        NOW => 1,
        known => known,
    }
}

fn list_of(headers: HeadersRef<'_>) -> *mut sys::rd_kafka_headers_t {
    // SAFETY: a list of our own; names and values are copied, and a value of no bytes is told from none by its pointer.
    unsafe {
        let list = sys::rd_kafka_headers_new(headers.iter().count());
        for (name, value) in headers.iter() {
            let value = memory(value);
            sys::rd_kafka_header_add(list, name.as_ptr().cast(), name.len() as isize, value.ptr, value.size as isize);
        }
        list
    }
}

pub(super) fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_their_way_through_a_pointer() {
        for (ticket, index) in [(0, 0), (u32::MAX, u32::MAX), (7, 0), (0, 7), (1 << 31, 1)] {
            let report = Report { mark: Mark { ticket, index }.packed(), offset: 0, code: 0 };
            assert_eq!(report.mark(), Mark { ticket, index });
        }
    }
}
