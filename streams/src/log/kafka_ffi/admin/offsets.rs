//! Where partitions begin and end, and the deletion of records.

use super::super::client::{Client, slice_of};
use super::super::failure::{Failure, text_of};
use super::super::number::{check, failed};
use super::topics::Owned;
use super::{Operation, Options};
use crate::log::{Isolation, TopicPartition};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::time::Duration;

/// What is asked of a partition.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) enum OffsetSpec {
    Earliest,
    /// The log end, or the last stable offset under read_committed.
    Latest,
    MaxTimestamp,
    /// The first record at or after this time.
    Time(i64),
}

/// Offset and timestamp of one partition, or why not.
pub(in crate::log) type Listed = Result<(i64, i64), Failure>;

/// One place of a list.
pub(in crate::log::kafka_ffi) struct Place {
    pub(in crate::log::kafka_ffi) topic: String,
    pub(in crate::log::kafka_ffi) partition: i32,
    pub(in crate::log::kafka_ffi) offset: i64,
    pub(in crate::log::kafka_ffi) metadata: String,
    pub(in crate::log::kafka_ffi) code: i32,
}

impl Client {
    /// Offset and timestamp of each; both -1 where nothing fits.
    pub(in crate::log) fn list_offsets(
        &self, of: &[TopicPartition], spec: OffsetSpec, isolation: Isolation, limit: Duration,
    ) -> Result<Vec<(TopicPartition, Listed)>, Failure> {
        let level = match isolation {
            Isolation::Committed => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            Isolation::Uncommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        };
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_LISTOFFSETS, limit)?.isolation(level)?;
        let mut places = TopicPartitionList::with_capacity(of.len());
        for at in of {
            places.add_partition(&at.topic, at.partition);
        }
        for place in 0..of.len() {
            // SAFETY: the list has so many places, at which nobody else looks. The number is a question here, which the safe type cannot hold.
            unsafe { (*(*places.ptr()).elems.add(place)).offset = spec.number() };
        }
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the list.
            |client, options, queue| unsafe { sys::rd_kafka_ListOffsets(client, places.ptr(), options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call with infos of places, and all live as long as it.
                let listed = |info: &*const sys::rd_kafka_ListOffsetsResultInfo_t| unsafe {
                    let place = &*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
                    let offset = check(code_of_place(place)).map(|()| (place.offset, sys::rd_kafka_ListOffsetsResultInfo_timestamp(*info)));
                    (TopicPartition::new(text_of(place.topic), place.partition), offset)
                };
                // SAFETY: as above; the count is that of the infos.
                let infos = unsafe {
                    let result = sys::rd_kafka_event_ListOffsets_result(event.ptr());
                    slice_of(sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count), count)
                };
                Ok(infos.iter().map(listed).collect())
            },
        )
    }

    /// Deletes what is below `before`, or everything; returns the new first offset.
    pub(in crate::log) fn delete_records(&self, topic: &str, partition: i32, before: Option<i64>, limit: Duration) -> Result<i64, Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_DELETERECORDS, limit)?.until_done(limit)?;
        let mut places = TopicPartitionList::with_capacity(1);
        let before = before.map_or(Offset::End, Offset::Offset);
        places.add_partition_offset(topic, partition, before).map_err(|_| invalid_offset())?;
        // SAFETY: the list is copied.
        let order = Owned(unsafe { sys::rd_kafka_DeleteRecords_new(places.ptr()) }, sys::rd_kafka_DeleteRecords_destroy);
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one order it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DeleteRecords(client, &mut { order.0 }, 1, options, queue) },
            |event| {
                // SAFETY: the event answers this call, and the list lives as long as it.
                let places = unsafe {
                    read_places(sys::rd_kafka_DeleteRecords_result_offsets(sys::rd_kafka_event_DeleteRecords_result(event.ptr())))
                };
                places.first().map_or(Ok(-1), |place| check(place.code).map(|()| place.offset))
            },
        )
    }
}

impl OffsetSpec {
    fn number(self) -> i64 {
        match self {
            OffsetSpec::Earliest => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST as i64,
            OffsetSpec::Latest => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64,
            OffsetSpec::MaxTimestamp => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_MAX_TIMESTAMP as i64,
            OffsetSpec::Time(at) => at,
        }
    }
}

pub(super) fn invalid_offset() -> Failure {
    failed(RDKafkaErrorCode::OffsetOutOfRange, "not an offset")
}

/// The code as the number it is: the field's type does not list all that a broker may say.
///
/// # Safety
/// The place is valid.
unsafe fn code_of_place(place: *const sys::rd_kafka_topic_partition_t) -> i32 {
    // SAFETY: by contract; the enum has the size of a number.
    unsafe { (&raw const (*place).err).cast::<i32>().read() }
}

/// # Safety
/// The list is null or valid.
pub(in crate::log::kafka_ffi) unsafe fn read_places(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<Place> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: by contract; the list says how many it holds, and metadata how long it is.
    unsafe {
        let places = slice_of((*list).elems, usize::try_from((*list).cnt).unwrap_or_default());
        let read = |place: &sys::rd_kafka_topic_partition_t| Place {
            topic: text_of(place.topic),
            partition: place.partition,
            offset: place.offset,
            metadata: String::from_utf8_lossy(slice_of(place.metadata.cast(), place.metadata_size)).into_owned(),
            code: code_of_place(place),
        };
        places.iter().map(read).collect()
    }
}
