//! Topics: made, changed, described, deleted.

use super::super::client::{Client, c_text, slice_of};
use super::super::failure::{Failure, text_of};
use super::super::number::{check, check_borrowed, check_with, config_resource_error, failed};
use super::{Operation, Options, topic_results};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::c_char;
use std::time::Duration;

/// The broker's own default.
const DEFAULT_REPLICATION: i32 = -1;

/// A topic as brokers describe it.
pub(in crate::log) struct TopicSeen {
    pub(in crate::log) partitions: i32,
    pub(in crate::log) topic_id: [u8; 16],
    /// Whether each partition has a leader.
    pub(in crate::log) is_led: bool,
}

impl Client {
    pub(in crate::log) fn create_topic(
        &self, name: &str, partitions: i32, configs: &BTreeMap<String, String>, limit: Duration,
    ) -> Result<(), Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_CREATETOPICS, limit)?.until_done(limit)?;
        let mut text = [0 as c_char; 256];
        let name = c_text(name)?;
        // SAFETY: name and buffer live through the call.
        let topic = unsafe { sys::rd_kafka_NewTopic_new(name.as_ptr(), partitions, DEFAULT_REPLICATION, text.as_mut_ptr(), text.len()) };
        if topic.is_null() {
            // SAFETY: the reason ends with a zero byte.
            return Err(failed(RDKafkaErrorCode::InvalidPartitions, unsafe { text_of(text.as_ptr()) }));
        }
        let topic = Owned(topic, sys::rd_kafka_NewTopic_destroy);
        for (name, value) in configs {
            let (name, value) = (c_text(name)?, c_text(value)?);
            // SAFETY: the topic is ours; both texts are copied.
            check(unsafe { sys::rd_kafka_NewTopic_set_config(topic.0, name.as_ptr(), value.as_ptr()) } as i32)?;
        }
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one topic it is given.
            |client, options, queue| unsafe { sys::rd_kafka_CreateTopics(client, &mut { topic.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_CreateTopics_result(event.ptr());
                    topic_results(sys::rd_kafka_CreateTopics_result_topics(result, &raw mut count), count)
                }
            },
        )
    }

    pub(in crate::log) fn delete_topic(&self, name: &str, limit: Duration) -> Result<(), Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_DELETETOPICS, limit)?.until_done(limit)?;
        let name = c_text(name)?;
        // SAFETY: the name is copied.
        let topic = Owned(unsafe { sys::rd_kafka_DeleteTopic_new(name.as_ptr()) }, sys::rd_kafka_DeleteTopic_destroy);
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one topic it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DeleteTopics(client, &mut { topic.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_DeleteTopics_result(event.ptr());
                    topic_results(sys::rd_kafka_DeleteTopics_result_topics(result, &raw mut count), count)
                }
            },
        )
    }

    pub(in crate::log) fn create_partitions(&self, topic: &str, partitions: i32, limit: Duration) -> Result<(), Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, limit)?.until_done(limit)?;
        let mut text = [0 as c_char; 256];
        let (topic, wanted) = (c_text(topic)?, usize::try_from(partitions).unwrap_or_default());
        // SAFETY: name and buffer live through the call.
        let wanted = unsafe { sys::rd_kafka_NewPartitions_new(topic.as_ptr(), wanted, text.as_mut_ptr(), text.len()) };
        if wanted.is_null() {
            // SAFETY: the reason ends with a zero byte.
            return Err(failed(RDKafkaErrorCode::InvalidPartitions, unsafe { text_of(text.as_ptr()) }));
        }
        let wanted = Owned(wanted, sys::rd_kafka_NewPartitions_destroy);
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one request it is given.
            |client, options, queue| unsafe { sys::rd_kafka_CreatePartitions(client, &mut { wanted.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_CreatePartitions_result(event.ptr());
                    topic_results(sys::rd_kafka_CreatePartitions_result_topics(result, &raw mut count), count)
                }
            },
        )
    }

    /// Changes these configurations and no others.
    pub(in crate::log) fn alter_topic(&self, topic: &str, configs: &[(&str, Option<&str>)], limit: Duration) -> Result<(), Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, limit)?;
        let resource = topic_resource(topic)?;
        for (name, value) in configs {
            let (name, text) = (c_text(name)?, value.map(c_text).transpose()?);
            let (kind, text) = match &text {
                Some(text) => (sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, text.as_ptr()),
                None => (sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, std::ptr::null()),
            };
            // SAFETY: the resource is ours, both texts are copied, the error is ours.
            unsafe { Failure::check(sys::rd_kafka_ConfigResource_add_incremental_config(resource.0, name.as_ptr(), kind, text)) }?;
        }
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one resource it is given.
            |client, options, queue| unsafe { sys::rd_kafka_IncrementalAlterConfigs(client, &mut { resource.0 }, 1, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(event.ptr());
                    let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
                    slice_of(resources, count).iter().try_for_each(|resource| resource_outcome(*resource))
                }
            },
        )
    }

    /// All configurations of a topic, defaults included.
    pub(in crate::log) fn topic_configs(&self, topic: &str, limit: Duration) -> Result<BTreeMap<String, String>, Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, limit)?;
        let resource = topic_resource(topic)?;
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the one resource it is given.
            |client, options, queue| unsafe { sys::rd_kafka_DescribeConfigs(client, &mut { resource.0 }, 1, options, queue) },
            |event| {
                let (mut count, mut configs) = (0, BTreeMap::new());
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_DescribeConfigs_result(event.ptr());
                    for resource in slice_of(sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count), count) {
                        resource_outcome(*resource)?;
                        let mut count = 0;
                        let entries = sys::rd_kafka_ConfigResource_configs(*resource, &raw mut count);
                        configs.extend(slice_of(entries, count).iter().map(|entry| {
                            (text_of(sys::rd_kafka_ConfigEntry_name(*entry)), text_of(sys::rd_kafka_ConfigEntry_value(*entry)))
                        }));
                    }
                }
                Ok(configs)
            },
        )
    }

    pub(in crate::log) fn describe_topic(&self, topic: &str, limit: Duration) -> Result<TopicSeen, Failure> {
        let options = Options::new(self, Operation::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, limit)?;
        let name = c_text(topic)?;
        // SAFETY: the names are copied.
        let names = unsafe { sys::rd_kafka_TopicCollection_of_topic_names(&mut name.as_ptr(), 1) };
        let names = Owned(names, sys::rd_kafka_TopicCollection_destroy);
        self.ask(
            limit,
            &options,
            // SAFETY: the call copies the names.
            |client, options, queue| unsafe { sys::rd_kafka_DescribeTopics(client, names.0, options, queue) },
            |event| {
                let mut count = 0;
                // SAFETY: the event answers this call, and the results live as long as it.
                unsafe {
                    let result = sys::rd_kafka_event_DescribeTopics_result(event.ptr());
                    match slice_of(sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count), count) {
                        [seen] => topic_seen(*seen),
                        _ => Err(failed(RDKafkaErrorCode::UnknownTopicOrPartition, "no such topic")),
                    }
                }
            },
        )
    }
}

/// # Safety
/// The description is valid.
unsafe fn topic_seen(seen: *const sys::rd_kafka_TopicDescription_t) -> Result<TopicSeen, Failure> {
    let mut count = 0;
    // SAFETY: by contract; what hangs on the description lives as long as it.
    unsafe {
        check_borrowed(sys::rd_kafka_TopicDescription_error(seen))?;
        let partitions = slice_of(sys::rd_kafka_TopicDescription_partitions(seen, &raw mut count), count);
        let is_led = partitions.iter().all(|partition| !sys::rd_kafka_TopicPartitionInfo_leader(*partition).is_null());
        let id = sys::rd_kafka_TopicDescription_topic_id(seen);
        let (most, least) = (sys::rd_kafka_Uuid_most_significant_bits(id), sys::rd_kafka_Uuid_least_significant_bits(id));
        let mut topic_id = [0; 16];
        topic_id[..8].copy_from_slice(&most.to_be_bytes());
        topic_id[8..].copy_from_slice(&least.to_be_bytes());
        Ok(TopicSeen { partitions: i32::try_from(count).unwrap_or(i32::MAX), topic_id, is_led })
    }
}

fn topic_resource(topic: &str) -> Result<Owned<sys::rd_kafka_ConfigResource_t>, Failure> {
    let name = c_text(topic)?;
    // SAFETY: the name is copied.
    let resource = unsafe { sys::rd_kafka_ConfigResource_new(sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr()) };
    Ok(Owned(resource, sys::rd_kafka_ConfigResource_destroy))
}

/// # Safety
/// The resource is valid.
unsafe fn resource_outcome(resource: *const sys::rd_kafka_ConfigResource_t) -> Result<(), Failure> {
    // SAFETY: by contract; the text lives as long as the resource.
    unsafe { check_with(config_resource_error(resource), sys::rd_kafka_ConfigResource_error_string(resource)) }
}

/// Something of librdkafka's that is ours, with the function that ends it.
pub(super) struct Owned<T>(pub(super) *mut T, pub(super) unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the thing is ours and this is the function for it.
            unsafe { (self.1)(self.0) };
        }
    }
}
