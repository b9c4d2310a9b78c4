//! Membership in a group. Its events are taken from the queue one by one and answered when the caller says so: nothing is called back,
//! so nothing can hold on to its own client (a cycle that would never end) or answer twice.

use super::admin::{list_offsets, read_places};
use super::client::{Client, Event};
use super::failure::{Failure, text_of};
use super::number::{check, check_with, fatal_error};
use crate::log::{GroupOffset, MemberIdentity, TopicPartition};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use rdkafka_sys as sys;
use std::ffi::{c_char, c_void};
use std::ptr::null;
use std::time::{Duration, Instant};

const ASSIGN: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS as i32;
const REVOKE: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS as i32;

/// What a group tells its member.
pub(in crate::log) enum Heard {
    /// To be answered with [`Client::accept`].
    Assigned(Vec<TopicPartition>),
    /// To be answered with [`Client::give_back`].
    Revoked(Vec<TopicPartition>),
    /// The answer to [`Client::commit`], with the number that it was given.
    Committed(u64, Result<(), Failure>),
    /// Something went wrong; whether the client goes on is told by [`Client::fatal_error`].
    Trouble(Failure),
}

impl Client {
    /// Joins a group, in the background.
    pub(in crate::log) fn subscribe(&self, topics: &[String]) -> Result<(), Failure> {
        let mut list = TopicPartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add_partition(topic, -1);
        }
        // SAFETY: the client is alive and copies the list.
        check(unsafe { sys::rd_kafka_subscribe(self.ptr(), list.ptr()) } as i32)?;
        // SAFETY: the client is alive. What went wrong is heard in the group's queue too.
        check(unsafe { sys::rd_kafka_poll_set_consumer(self.ptr()) } as i32)
    }

    /// What the group has told and was not heard yet. Does not wait; counts as a sign that the member is alive.
    pub(in crate::log) fn hear(&self) -> Option<Heard> {
        let queue = self.group_queue();
        std::iter::from_fn(|| queue.poll(Duration::ZERO)).find_map(|event| heard(&event))
    }

    /// Why the client is finished, if it is.
    pub(in crate::log) fn fatal_error(&self) -> Option<Failure> {
        let mut text = [0 as c_char; 512];
        // SAFETY: the client is alive, the buffer as long as stated, and the text in it ends with a zero byte.
        unsafe { check_with(fatal_error(self.ptr(), text.as_mut_ptr(), text.len()), text.as_ptr()) }.err()
    }

    /// Takes what was assigned. Nothing is read by this client, so librdkafka is given no partition to fetch.
    pub(in crate::log) fn accept(&self) -> Result<(), Failure> {
        let nothing = TopicPartitionList::new();
        if self.is_cooperative() {
            // SAFETY: the client is alive and copies the list; the error is ours.
            unsafe { Failure::check(sys::rd_kafka_incremental_assign(self.ptr(), nothing.ptr())) }
        } else {
            // SAFETY: as above.
            check(unsafe { sys::rd_kafka_assign(self.ptr(), nothing.ptr()) } as i32)
        }
    }

    /// Lets go of what was revoked: the group waits for this.
    pub(in crate::log) fn give_back(&self) -> Result<(), Failure> {
        if self.is_cooperative() {
            let nothing = TopicPartitionList::new();
            // SAFETY: the client is alive and copies the list; the error is ours.
            unsafe { Failure::check(sys::rd_kafka_incremental_unassign(self.ptr(), nothing.ptr())) }
        } else {
            // SAFETY: the client is alive; null means nothing is assigned any more.
            check(unsafe { sys::rd_kafka_assign(self.ptr(), null()) } as i32)
        }
    }

    fn is_cooperative(&self) -> bool {
        // SAFETY: the client is alive and the name static.
        let protocol = unsafe { text_of(sys::rd_kafka_rebalance_protocol(self.ptr())) };
        protocol == "COOPERATIVE"
    }

    /// Whether somebody else may own what this member was assigned.
    pub(in crate::log) fn is_assignment_lost(&self) -> bool {
        // SAFETY: the client is alive.
        unsafe { sys::rd_kafka_assignment_lost(self.ptr()) != 0 }
    }

    /// Who this member is now; none while it is not in the group.
    pub(in crate::log) fn identity(&self) -> Option<MemberIdentity> {
        // SAFETY: the client is alive; the metadata is ours, read while it lives, and destroyed once.
        unsafe {
            let metadata = sys::rd_kafka_consumer_group_metadata(self.ptr());
            if metadata.is_null() {
                return None;
            }
            let instance_id = text_of(sys::rd_kafka_consumer_group_metadata_group_instance_id(metadata));
            let identity = MemberIdentity {
                member_id: text_of(sys::rd_kafka_consumer_group_metadata_member_id(metadata)),
                generation: sys::rd_kafka_consumer_group_metadata_generation_id(metadata),
                instance_id: (!instance_id.is_empty()).then_some(instance_id),
            };
            sys::rd_kafka_consumer_group_metadata_destroy(metadata);
            Some(identity).filter(|identity| identity.generation >= 0 && !identity.member_id.is_empty())
        }
    }

    /// Commits offsets as the member that this client is when the request goes out. The answer is heard with this number.
    pub(in crate::log) fn commit(&self, offsets: &[GroupOffset], number: u64) -> Result<(), Failure> {
        const { assert!(usize::BITS == 64, "a commit's number travels in a pointer") };
        let (list, queue) = (list_offsets(offsets)?, self.group_queue());
        let number = number as usize as *mut c_void;
        // SAFETY: the client is alive and copies the list; it counts its references to the queue; the number is never used as an address.
        check(unsafe { sys::rd_kafka_commit_queue(self.ptr(), list.ptr(), queue.ptr(), None, number) } as i32)
    }

    /// Leaves the group, unless the member is a static one. Says whether that came to an end in time.
    pub(in crate::log) fn close(&self, limit: Duration) -> Result<bool, Failure> {
        let deadline = Instant::now() + limit;
        let queue = self.new_queue();
        // SAFETY: the client is alive and so is the queue; the error is ours.
        unsafe { Failure::check(sys::rd_kafka_consumer_close_queue(self.ptr(), queue.ptr())) }?;
        // SAFETY: the client is alive.
        while unsafe { sys::rd_kafka_consumer_closed(self.ptr()) } == 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let Some(event) = queue.poll(left.min(Duration::from_millis(20))) else { continue };
            match heard(&event) {
                Some(Heard::Assigned(_)) => self.accept()?,
                Some(Heard::Revoked(_)) => self.give_back()?,
                Some(Heard::Committed(..) | Heard::Trouble(_)) | None => {}
            }
        }
        Ok(true)
    }
}

fn heard(event: &Event<'_>) -> Option<Heard> {
    match (event.kind(), event.code()) {
        (sys::RD_KAFKA_EVENT_REBALANCE, ASSIGN) => Some(Heard::Assigned(partitions(event))),
        (sys::RD_KAFKA_EVENT_REBALANCE, REVOKE) => Some(Heard::Revoked(partitions(event))),
        (sys::RD_KAFKA_EVENT_OFFSET_COMMIT, _) => Some(Heard::Committed(event.opaque() as usize as u64, outcome_of_commit(event))),
        (sys::RD_KAFKA_EVENT_ERROR, _) => event.outcome().err().map(Heard::Trouble),
        _ => None,
    }
}

fn outcome_of_commit(event: &Event<'_>) -> Result<(), Failure> {
    event.outcome()?;
    // SAFETY: the event answers a commit, and its list lives as long as it.
    let places = unsafe { read_places(sys::rd_kafka_event_topic_partition_list(event.ptr())) };
    places.into_iter().try_for_each(|place| check(place.code))
}

fn partitions(event: &Event<'_>) -> Vec<TopicPartition> {
    // SAFETY: a rebalance event has a list, which lives as long as it.
    let places = unsafe { read_places(sys::rd_kafka_event_topic_partition_list(event.ptr())) };
    places.into_iter().map(|place| TopicPartition::new(place.topic, place.partition)).collect()
}
