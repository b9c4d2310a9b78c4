//! Reading partitions, each from a queue of its own.
//!
//! This is librdkafka's simple consumer: no group, no assignment, no coordinator. A new start has a new queue, so what was fetched
//! for an old one has nowhere to go; librdkafka's version barriers keep answers that are still under way from entering it. And a
//! partition that is paused is a queue that is not looked into: what was fetched of it stays.

use super::drain::{self, Drained};
use super::failure::Failure;
use super::handle::{Handle, Trouble};
use super::wake::{Wake, on_event};
use crate::log::{FetchLimit, Records, TopicPartition};
use rdkafka::ClientConfig;
use rdkafka_sys as sys;
use std::ffi::CString;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::Duration;

/// A consumer that belongs to no group.
pub(in crate::log) struct Consumer {
    handle: Arc<Handle>,
    wake: Arc<Wake>,
}

/// One partition being read from one start. Dropping it ends the reading and forgets what was fetched.
pub(in crate::log) struct Feed {
    queue: NonNull<sys::rd_kafka_queue_t>,
    topic: NonNull<sys::rd_kafka_topic_t>,
    /// A list of this one partition, for questions about its position.
    place: NonNull<sys::rd_kafka_topic_partition_list_t>,
    name: CString,
    partition: i32,
    /// Rung until `drop` has taken the callback away.
    _wake: Arc<Wake>,
    /// Freed last, as the last field.
    handle: Arc<Handle>,
}

// SAFETY: librdkafka's objects may be used from any thread, and `Feed` is used by one at a time (it is not `Sync`).
unsafe impl Send for Feed {}

impl Consumer {
    /// Connects lazily: nothing is sent before the first feed.
    pub(in crate::log) fn new(config: &ClientConfig, wake: Arc<Wake>) -> Result<Self, Failure> {
        let handle = Handle::new(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, config)?;
        Ok(Self { handle: Arc::new(handle), wake })
    }

    /// Reads this partition from `from` on: an offset, or one of librdkafka's logical ones.
    pub(in crate::log) fn start(&self, at: &TopicPartition, from: i64) -> Result<Feed, Failure> {
        let name = CString::new(&*at.topic).map_err(|_| Failure::invalid("a topic's name has no zero byte"))?;
        let client = self.handle.client();
        // SAFETY: the client is alive and the name a string; librdkafka aborts rather than to return null for queues and lists.
        let (queue, topic, place) = unsafe {
            let topic = sys::rd_kafka_topic_new(client, name.as_ptr(), null_mut());
            (sys::rd_kafka_queue_new(client), topic, sys::rd_kafka_topic_partition_list_new(1))
        };
        let topic = NonNull::new(topic).ok_or_else(Failure::last);
        let (queue, place) = (NonNull::new(queue).expect("queues can be made"), NonNull::new(place).expect("lists can be made"));
        let topic = topic.inspect_err(|_| {
            // SAFETY: both were made above and go nowhere else.
            unsafe {
                sys::rd_kafka_queue_destroy(queue.as_ptr());
                sys::rd_kafka_topic_partition_list_destroy(place.as_ptr());
            }
        })?;
        let (partition, wake) = (at.partition, Arc::clone(&self.wake));
        let feed = Feed { queue, topic, place, name, partition, _wake: wake, handle: Arc::clone(&self.handle) };
        // SAFETY: all are alive; the feed keeps the bell until its drop has taken the callback away.
        let started = unsafe {
            sys::rd_kafka_topic_partition_list_add(place.as_ptr(), feed.name.as_ptr(), partition);
            sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_event), Arc::as_ptr(&feed._wake).cast_mut().cast());
            sys::rd_kafka_consume_start_queue(topic.as_ptr(), partition, from, queue.as_ptr())
        };
        if started == 0 { Ok(feed) } else { Err(Failure::last()) }
    }

    /// What librdkafka has told apart from any feed.
    pub(in crate::log) fn take_troubles(&self) -> Vec<Trouble> {
        self.handle.serve(0);
        self.handle.take_troubles()
    }
}

impl Feed {
    /// Moves what was fetched into `records`, up to the limit (which is passed by the one record that reaches it).
    pub(in crate::log) fn drain(&mut self, limit: FetchLimit, records: &mut Records) -> Drained {
        drain::drain(self.handle.client(), self.queue, limit, records)
    }

    /// The offset behind the last record or marker that was taken, if any was.
    pub(in crate::log) fn position(&mut self) -> Option<i64> {
        // SAFETY: client and list are alive, and the list has one element, which nobody else sees.
        let offset = unsafe {
            sys::rd_kafka_position(self.handle.client(), self.place.as_ptr());
            (*(*self.place.as_ptr()).elems).offset
        };
        (offset >= 0).then_some(offset)
    }

    /// The end of the log as the last answer has told it, for any isolation.
    pub(in crate::log) fn known_end(&self) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is alive, the name a string, and both numbers live during the call.
        unsafe {
            sys::rd_kafka_get_watermark_offsets(self.handle.client(), self.name.as_ptr(), self.partition, &raw mut low, &raw mut high)
        };
        (high >= 0).then_some(high)
    }

    /// Asks a broker how many partitions this topic has; none if it knows no such topic.
    pub(in crate::log) fn partitions(&self, limit: Duration) -> Result<usize, Failure> {
        // SAFETY: the topic is this client's and alive.
        unsafe { self.handle.partitions(self.topic, limit) }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // SAFETY: all three are ours. Stopping waits until librdkafka has let go of the queue (its main thread answers without the network);
        // then the callback goes, before the bell and the queue do.
        unsafe {
            sys::rd_kafka_consume_stop(self.topic.as_ptr(), self.partition);
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
            sys::rd_kafka_topic_partition_list_destroy(self.place.as_ptr());
            sys::rd_kafka_topic_destroy(self.topic.as_ptr());
        }
    }
}
