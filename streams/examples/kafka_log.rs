//! Measures the Kafka binding beside plain calls of `rdkafka`: `kafka_log BROKERS [RECORDS]`.
//!
//! Records of 200 bytes are produced to four partitions and read back, by the binding and by what a program without it would write; then
//! small transactions.

mod load;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headwater_streams::log::{Headers, KafkaConfig, KafkaLog, Log, NO_OFFSET, ProducerConfig, Records, TopicSpec};
use load::{Fallible, PARTITIONS, PER_SEND, VALUE_BYTES, consume, key, measure, places, produce, reader, value};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

const TRANSACTIONS: usize = 500;

fn main() -> Fallible {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().ok_or("usage: kafka_log BROKERS [RECORDS]")?;
    let count = arguments.next().map_or(Ok(2_000_000), |text| text.parse::<usize>())?;
    let log = KafkaLog::connect(KafkaConfig::new(&brokers))?;
    let (ours, plain) = (topic(&log, "ours")?, topic(&log, "plain")?);
    measure("produce", count, || produce(&log, ProducerConfig::default(), &ours, count))?;
    measure("produce, plain rdkafka", count, || plain_produce(&brokers, &plain, count))?;
    measure("consume", count, || consume(&mut *reader(&log, &ours)?, count))?;
    measure("consume, plain rdkafka", count, || plain_consume(&brokers, &plain, count))?;
    measure("transactions of 4 records", TRANSACTIONS, || transactions(&log, &ours))?;
    Ok(())
}

fn topic(log: &KafkaLog, name: &str) -> Fallible<String> {
    let name = format!("{name}-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    log.admin().create_topic(&TopicSpec { name: name.as_str().into(), partitions: PARTITIONS, ..TopicSpec::default() })?;
    Ok(name)
}

fn plain_produce(brokers: &str, topic: &str, count: usize) -> Fallible {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("enable.idempotence", "true").set("linger.ms", "5");
    config.set("queue.buffering.max.messages", "500000").set("queue.buffering.max.kbytes", "65536");
    let producer: BaseProducer = config.create()?;
    let (value, now) = (value(), SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64);
    for number in 0..count {
        let (key, partition) = (key(number), (number / PER_SEND) as i32 % PARTITIONS);
        let mut record = BaseRecord::to(topic).key(&key[..]).payload(&value).partition(partition).timestamp(now);
        while let Err((error, back)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(20));
            record = back;
        }
        if number % PER_SEND == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(producer.flush(Duration::from_secs(60))?)
}

fn plain_consume(brokers: &str, topic: &str, count: usize) -> Fallible {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "plain").set("enable.auto.commit", "false");
    config.set("check.crcs", "true").set("fetch.queue.backoff.ms", "5");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut seen, mut bytes) = (0, 0);
    while seen < count {
        let Some(message) = consumer.poll(Duration::from_secs(10)) else { return Err("records are missing".into()) };
        let message = message?;
        let _ = (message.key(), message.timestamp(), message.offset());
        seen += 1;
        bytes += message.payload().map_or(0, <[u8]>::len);
    }
    if bytes == count * VALUE_BYTES { Ok(()) } else { Err("bytes are missing".into()) }
}

fn transactions(log: &KafkaLog, topic: &str) -> Fallible {
    let transactional_id = Some(format!("{topic}-transactions"));
    let mut producer = log.producer(ProducerConfig { transactional_id, ..ProducerConfig::default() })?;
    producer.init_transactions()?;
    let (value, mut records, mut deliveries) = (value(), Records::new(), Vec::new());
    for number in 0..TRANSACTIONS {
        producer.begin()?;
        for place in &places(topic) {
            records.push(NO_OFFSET, NO_OFFSET, Some(&key(number)), Some(&value), &Headers::EMPTY);
            producer.send(place, &mut records)?;
        }
        producer.commit()?;
        producer.deliveries(&mut deliveries);
        deliveries.clear();
    }
    Ok(())
}
