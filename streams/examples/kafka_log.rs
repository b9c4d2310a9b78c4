//! Measures the Kafka binding beside plain calls of `rdkafka`: `kafka_log BROKERS [RECORDS]`.
//!
//! Records of 200 bytes are produced to four partitions and read back, by the binding and by what a program without it would write; then
//! small transactions.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater_streams::log::{
    ErrorCode, FetchLimit, Headers, KafkaConfig, KafkaLog, Log, LogError, NO_OFFSET, Producer, ProducerConfig, Reader, ReaderConfig,
    Records, StartAt, TopicPartition, TopicSpec,
};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

const PARTITIONS: i32 = 4;
const PER_SEND: usize = 1000;
const KEY_BYTES: usize = 16;
const VALUE_BYTES: usize = 184;
const TRANSACTIONS: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().ok_or("usage: kafka_log BROKERS [RECORDS]")?;
    let count = arguments.next().map_or(Ok(2_000_000), |text| text.parse::<usize>())?;
    let log = KafkaLog::connect(KafkaConfig::new(&brokers))?;
    let (ours, plain) = (topic(&log, "ours")?, topic(&log, "plain")?);
    measure("produce", count, || produce(&mut *log.producer(ProducerConfig::default())?, &ours, count))?;
    measure("produce, plain rdkafka", count, || plain_produce(&brokers, &plain, count))?;
    measure("consume", count, || consume(&mut *reader(&log, &ours)?, count))?;
    measure("consume, plain rdkafka", count, || plain_consume(&brokers, &plain, count))?;
    measure("transactions of 4 records", TRANSACTIONS, || transactions(&log, &ours))?;
    Ok(())
}

fn topic(log: &KafkaLog, name: &str) -> Result<String, Box<dyn Error>> {
    let name = format!("{name}-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    log.admin().create_topic(&TopicSpec { name: name.as_str().into(), partitions: PARTITIONS, ..TopicSpec::default() })?;
    Ok(name)
}

fn value() -> Vec<u8> {
    (0..VALUE_BYTES as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect()
}

fn key(number: usize) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&(number as u64).to_be_bytes());
    key
}

fn places(topic: &str) -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect()
}

fn produce(producer: &mut dyn Producer, topic: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let (value, mut records, mut deliveries) = (value(), Records::new(), Vec::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    for (number, place) in (0..count / PER_SEND).zip(places(topic).iter().cycle()) {
        for i in 0..PER_SEND {
            records.push(NO_OFFSET, now, Some(&key(number * PER_SEND + i)), Some(&value), &Headers::EMPTY);
        }
        producer.send(place, &mut records)?;
        producer.deliveries(&mut deliveries);
        if let Some(Err(refused)) = deliveries.drain(..).map(|delivery| delivery.outcome).find(Result::is_err) {
            return Err(refused.error.into());
        }
    }
    loop {
        match producer.flush() {
            Err(error) if error.code() == ErrorCode::TimedOut => {}
            done => return Ok(done?),
        }
    }
}

fn plain_produce(brokers: &str, topic: &str, count: usize) -> Result<(), Box<dyn Error>> {
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

fn reader(log: &KafkaLog, topic: &str) -> Result<Box<dyn Reader>, LogError> {
    let mut reader = log.reader(ReaderConfig::default())?;
    places(topic).iter().for_each(|place| reader.assign(place, StartAt::Earliest));
    Ok(reader)
}

fn consume(reader: &mut dyn Reader, count: usize) -> Result<(), Box<dyn Error>> {
    let (mut seen, mut bytes, mut fetched) = (0, 0, Vec::new());
    while seen < count {
        reader.poll(FetchLimit::default(), Duration::from_secs(10), &mut fetched)?;
        for one in fetched.drain(..) {
            seen += one.records.len();
            bytes += one.records.iter().map(|record| record.value.map_or(0, <[u8]>::len)).sum::<usize>();
            reader.recycle(one.records);
        }
    }
    if bytes == count * VALUE_BYTES { Ok(()) } else { Err("bytes are missing".into()) }
}

fn plain_consume(brokers: &str, topic: &str, count: usize) -> Result<(), Box<dyn Error>> {
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

fn transactions(log: &KafkaLog, topic: &str) -> Result<(), Box<dyn Error>> {
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

fn measure(name: &str, count: usize, work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let (begun, cpu) = (Instant::now(), cpu_seconds()?);
    work()?;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let each = 1e6 / count as f64;
    println!("{name}: {:.0} per s, {:.2} µs each, {:.2} µs of CPU each", count as f64 / seconds, seconds * each, cpu * each);
    Ok(())
}

/// What this process has used of the processors, all threads together.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit(')').next().ok_or("a process has a name")?;
    let ticks = behind_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}
