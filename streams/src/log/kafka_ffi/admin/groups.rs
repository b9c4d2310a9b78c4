//! Groups: their committed offsets, their members, their end.

use super::super::client::{Client, Event, c_text, slice_of};
use super::super::failure::{Failure, text_of};
use super::super::number::{check, check_borrowed, failed};
use super::offsets::{Place, invalid_offset, read_places};
use super::topics::Owned;
use super::{Operation, Options};
use crate::log::{GroupOffset, MemberDescription, TopicPartition};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::time::Duration;

/// A group as its coordinator describes it.
pub(in crate::log) struct GroupSeen {
    pub(in crate::log) state: String,
    pub(in crate::log) members: Vec<MemberDescription>,
}

impl Client {
    /// Committed offsets by partition, in any order; a partition without one may be missing.
    pub(in crate::log) fn committed(
        &self, group: &str, partitions: &[TopicPartition], require_stable: bool, limit: Duration,
    ) -> Result<Vec<GroupOffset>, Failure> {
        let operation = Operation::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
        let options = Options::to_coordinator(self, operation)?.require_stable(require_stable)?;
        let (group, places) = (c_text(group)?, list(partitions));
        // SAFETY: both are copied.
        let question = unsafe { sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), places.ptr()) };
        let question = Owned(question, sys::rd_kafka_ListConsumerGroupOffsets_destroy);
        let places = self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one question it is given.
            |client, options, queue| unsafe { sys::rd_kafka_ListConsumerGroupOffsets(client, &mut { question.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event.ptr());
                    group_places(sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count), count)
                }
            },
        )?;
        let committed = places.into_iter().map(|place| check(place.code).map(|()| place));
        let committed = committed.collect::<Result<Vec<_>, _>>()?;
        Ok(committed.into_iter().filter(|place| place.offset >= 0).map(Place::into_offset).collect())
    }

    /// Commits offsets as nobody in particular. The results are in no certain order.
    pub(in crate::log) fn commit_offsets(
        &self, group: &str, offsets: &[GroupOffset], limit: Duration,
    ) -> Result<Vec<(TopicPartition, Result<(), Failure>)>, Failure> {
        let options = Options::to_coordinator(self, Operation::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS)?;
        let (group, places) = (c_text(group)?, list_offsets(offsets)?);
        // SAFETY: both are copied.
        let order = unsafe { sys::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), places.ptr()) };
        let order = Owned(order, sys::rd_kafka_AlterConsumerGroupOffsets_destroy);
        let places = self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one order it is given.
            |client, options, queue| unsafe { sys::rd_kafka_AlterConsumerGroupOffsets(client, &mut { order.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(event.ptr());
                    group_places(sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count), count)
                }
            },
        )?;
        Ok(places.into_iter().map(Place::into_outcome).collect())
    }

    /// Deletes offsets of a group. The results are in no certain order.
    pub(in crate::log) fn delete_offsets(
        &self, group: &str, partitions: &[TopicPartition], limit: Duration,
    ) -> Result<Vec<(TopicPartition, Result<(), Failure>)>, Failure> {
        let options = Options::to_coordinator(self, Operation::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS)?;
        let (group, places) = (c_text(group)?, list(partitions));
        // SAFETY: both are copied.
        let order = unsafe { sys::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), places.ptr()) };
        let order = Owned(order, sys::rd_kafka_DeleteConsumerGroupOffsets_destroy);
        let places = self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one order it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DeleteConsumerGroupOffsets(client, &mut { order.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_DeleteConsumerGroupOffsets_result(event.ptr());
                    group_places(sys::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &raw mut count), count)
                }
            },
        )?;
        Ok(places.into_iter().map(Place::into_outcome).collect())
    }

    pub(in crate::log) fn delete_group(&self, group: &str, limit: Duration) -> Result<(), Failure> {
        let options = Options::to_coordinator(self, Operation::RD_KAFKA_ADMIN_OP_DELETEGROUPS)?;
        let group = c_text(group)?;
        // SAFETY: the name is copied.
        let order = Owned(unsafe { sys::rd_kafka_DeleteGroup_new(group.as_ptr()) }, sys::rd_kafka_DeleteGroup_destroy);
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one order it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DeleteGroups(client, &mut { order.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_DeleteGroups_result(event.ptr());
                    group_places(sys::rd_kafka_DeleteGroups_result_groups(result, &raw mut count), count).map(drop)
                }
            },
        )
    }

    pub(in crate::log) fn describe_group(&self, group: &str, limit: Duration) -> Result<GroupSeen, Failure> {
        let options = Options::to_coordinator(self, Operation::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS)?;
        let group = c_text(group)?;
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one name it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DescribeConsumerGroups(client, &mut group.as_ptr(), 1, options, queue) },
            group_seen,
        )
    }
}

fn group_seen(event: &Event<'_>) -> Result<GroupSeen, Failure> {
    let mut count = 0;
    // SAFETY: the event answers such a question, and what hangs on it lives as long as it; the state's name is static.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event.ptr());
        let groups = slice_of(sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count), count);
        let Some(group) = groups.first() else {
            return Err(failed(RDKafkaErrorCode::GroupIdNotFound, "no such group"));
        };
        check_borrowed(sys::rd_kafka_ConsumerGroupDescription_error(*group))?;
        let state = sys::rd_kafka_consumer_group_state_name(sys::rd_kafka_ConsumerGroupDescription_state(*group));
        let member = |at| member_seen(sys::rd_kafka_ConsumerGroupDescription_member(*group, at));
        let members = (0..sys::rd_kafka_ConsumerGroupDescription_member_count(*group)).map(member).collect();
        Ok(GroupSeen { state: text_of(state), members })
    }
}

/// # Safety
/// `member` is valid.
unsafe fn member_seen(member: *const sys::rd_kafka_MemberDescription_t) -> MemberDescription {
    // SAFETY: by contract; what hangs on a member lives as long as it.
    unsafe {
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        let places = read_places(sys::rd_kafka_MemberAssignment_partitions(assignment));
        let mut partitions: Vec<_> = places.into_iter().map(|place| TopicPartition::new(place.topic, place.partition)).collect();
        partitions.sort();
        MemberDescription {
            member_id: text_of(sys::rd_kafka_MemberDescription_consumer_id(member)),
            client_id: text_of(sys::rd_kafka_MemberDescription_client_id(member)),
            partitions,
        }
    }
}

/// The places of the one group that was asked about.
///
/// # Safety
/// `first` points to `count` valid results.
unsafe fn group_places(first: *mut *const sys::rd_kafka_group_result_t, count: usize) -> Result<Vec<Place>, Failure> {
    // SAFETY: by contract; error and list live as long as the result.
    unsafe {
        let Some(group) = slice_of(first, count).first() else { return Ok(Vec::new()) };
        check_borrowed(sys::rd_kafka_group_result_error(*group))?;
        Ok(read_places(sys::rd_kafka_group_result_partitions(*group)))
    }
}

impl Place {
    fn into_offset(self) -> GroupOffset {
        GroupOffset { at: TopicPartition::new(self.topic, self.partition), offset: self.offset, metadata: self.metadata }
    }

    fn into_outcome(self) -> (TopicPartition, Result<(), Failure>) {
        (TopicPartition::new(self.topic, self.partition), check(self.code))
    }
}

/// Partitions as librdkafka lists them.
fn list(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        list.add_partition(&at.topic, at.partition);
    }
    list
}

/// Offsets as librdkafka lists them.
pub(in crate::log::kafka_ffi) fn list_offsets(offsets: &[GroupOffset]) -> Result<TopicPartitionList, Failure> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for GroupOffset { at, offset, metadata } in offsets {
        let mut place = list.add_partition(&at.topic, at.partition);
        place.set_offset(Offset::Offset(*offset)).map_err(|_| invalid_offset())?;
        place.set_metadata(metadata);
    }
    Ok(list)
}
