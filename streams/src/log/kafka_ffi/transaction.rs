//! The transactional calls of a producer. All of them wait at most as long as they are told.

use super::failure::Failure;
use super::produce::{Report, Sender, millis};
use crate::log::{GroupOffset, MemberIdentity};
use rdkafka_sys as sys;
use std::ffi::CString;
use std::ptr::null;
use std::time::Duration;

impl Sender {
    pub(in crate::log) fn init_transactions(&mut self, limit: Duration) -> Result<(), Failure> {
        // SAFETY: the client is alive, and the error object is ours.
        unsafe { Failure::check(sys::rd_kafka_init_transactions(self.handle.client(), millis(limit))) }
    }

    pub(in crate::log) fn begin(&mut self) -> Result<(), Failure> {
        // SAFETY: as above.
        unsafe { Failure::check(sys::rd_kafka_begin_transaction(self.handle.client())) }
    }

    /// Serves deliveries while it waits.
    pub(in crate::log) fn commit(&mut self, limit: Duration, reports: &mut Vec<Report>) -> Result<(), Failure> {
        // SAFETY: as above.
        let ended = unsafe { Failure::check(sys::rd_kafka_commit_transaction(self.handle.client(), millis(limit))) };
        self.handle.swap_reports(reports);
        ended
    }

    /// Throws away what waits, and serves deliveries while it waits for what is on its way.
    pub(in crate::log) fn abort(&mut self, limit: Duration, reports: &mut Vec<Report>) -> Result<(), Failure> {
        // SAFETY: as above.
        let ended = unsafe { Failure::check(sys::rd_kafka_abort_transaction(self.handle.client(), millis(limit))) };
        self.handle.swap_reports(reports);
        ended
    }

    pub(in crate::log) fn send_offsets(
        &mut self, group: &str, offsets: &[GroupOffset], member: &MemberIdentity, limit: Duration,
    ) -> Result<(), Failure> {
        let list = OffsetList::new(offsets)?;
        let credentials = Credentials::new(group, member)?;
        // SAFETY: client, list and credentials are alive during the call, which copies what it keeps.
        unsafe {
            let error = sys::rd_kafka_send_offsets_to_transaction(self.handle.client(), list.0, credentials.0, millis(limit));
            Failure::check(error)
        }
    }
}

struct OffsetList(*mut sys::rd_kafka_topic_partition_list_t);

impl OffsetList {
    fn new(offsets: &[GroupOffset]) -> Result<Self, Failure> {
        // SAFETY: a list of our own, freed by `drop`.
        let list = Self(unsafe { sys::rd_kafka_topic_partition_list_new(i32::try_from(offsets.len()).unwrap_or_default()) });
        for offset in offsets {
            let topic = c_string(&offset.at.topic)?;
            // SAFETY: the list is alive and so is the element until the list grows; the metadata is memory of librdkafka, which frees it with
            // the list: for that it must come from its allocator, which `rd_kafka_mem_malloc` gives.
            unsafe {
                let element = sys::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), offset.at.partition);
                (*element).offset = offset.offset;
                let len = offset.metadata.len();
                if len > 0 {
                    let copy = sys::rd_kafka_mem_malloc(std::ptr::null_mut(), len).cast::<u8>();
                    copy.copy_from_nonoverlapping(offset.metadata.as_ptr(), len);
                    (*element).metadata = copy.cast();
                    (*element).metadata_size = len;
                }
            }
        }
        Ok(list)
    }
}

impl Drop for OffsetList {
    fn drop(&mut self) {
        // SAFETY: ours, and used no more.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.0) };
    }
}

struct Credentials(*mut sys::rd_kafka_consumer_group_metadata_t);

impl Credentials {
    fn new(group: &str, member: &MemberIdentity) -> Result<Self, Failure> {
        let (group, id) = (c_string(group)?, c_string(&member.member_id)?);
        let instance = member.instance_id.as_deref().map(c_string).transpose()?;
        let instance = instance.as_ref().map_or(null(), |instance| instance.as_ptr());
        // SAFETY: all are strings that live during the call, which copies them.
        Ok(Self(unsafe { sys::rd_kafka_consumer_group_metadata_new_with_genid(group.as_ptr(), member.generation, id.as_ptr(), instance) }))
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        // SAFETY: ours, and used no more.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0) };
    }
}

fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::invalid("names have no zero byte"))
}
