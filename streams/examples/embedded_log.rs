//! Measures the embedded log: `embedded_log [DIRECTORY] [RECORDS]`.
//!
//! Records of 200 bytes are produced to four partitions, read back, and produced again while a reader follows; then small transactions.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use headwater_streams::log::{
    EmbeddedLog, FetchLimit, GroupOffset, Headers, Log, MemberIdentity, NO_OFFSET, Producer, ProducerConfig, Reader, ReaderConfig, Records,
    StartAt, TopicPartition, TopicSpec,
};

const PARTITIONS: i32 = 4;
const PER_SEND: usize = 1000;
const KEY_BYTES: usize = 16;
const VALUE_BYTES: usize = 184;
const TRANSACTIONS: u32 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scratch = tempfile::tempdir()?;
    let directory = arguments.next().map_or_else(|| scratch.path().to_owned(), Into::into);
    let count = arguments.next().map_or(Ok(5_000_000), |text| text.parse::<usize>())?;
    let log = open(&directory)?;
    let config = ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() };
    measure("produce", count, || produce(&mut *log.producer(config.clone())?, "t", count))?;
    measure("consume", count, || consume(&mut *reader(&log, "t")?, count))?;
    drop(log);
    let log = open(&directory)?;
    measure("consume after reopening", count, || consume(&mut *reader(&log, "t")?, count))?;
    measure("produce and follow", count, || {
        let mut reader = reader(&log, "u")?;
        let following = std::thread::spawn(move || consume(&mut *reader, count).map_err(|error| error.to_string()));
        produce(&mut *log.producer(config.clone())?, "u", count)?;
        Ok(following.join().map_err(|_| "the reader panicked")??)
    })?;
    measure("transactions of 4 records and an offset", TRANSACTIONS as usize, || transactions(&log))?;
    Ok(())
}

fn open(directory: &Path) -> Result<EmbeddedLog, Box<dyn Error>> {
    let log = EmbeddedLog::open(directory)?;
    for name in ["t", "u"] {
        if log.admin().describe_topic(name)?.is_none() {
            log.admin().create_topic(&TopicSpec { name: name.into(), partitions: PARTITIONS, ..TopicSpec::default() })?;
        }
    }
    Ok(log)
}

fn produce(producer: &mut dyn Producer, topic: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let places: Vec<_> = (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect();
    let value: Vec<u8> = (0..VALUE_BYTES as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect();
    let (mut records, none, mut deliveries) = (Records::new(), Headers::new(), Vec::new());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    for (number, place) in (0..count / PER_SEND).zip(places.iter().cycle()) {
        for i in 0..PER_SEND {
            let mut key = [0; KEY_BYTES];
            key[..8].copy_from_slice(&((number * PER_SEND + i) as u64).to_be_bytes());
            records.push(NO_OFFSET, now, Some(&key), Some(&value), &none);
        }
        producer.send(place, &mut records)?;
        deliveries.clear();
        producer.deliveries(&mut deliveries);
        if let Some(Err(refused)) = deliveries.iter().map(|delivery| &delivery.outcome).find(|outcome| outcome.is_err()) {
            return Err(refused.error.clone().into());
        }
    }
    Ok(producer.flush()?)
}

fn reader(log: &EmbeddedLog, topic: &str) -> Result<Box<dyn Reader>, Box<dyn Error>> {
    let mut reader = log.reader(ReaderConfig::default())?;
    for partition in 0..PARTITIONS {
        reader.assign(&TopicPartition::new(topic, partition), StartAt::Earliest);
    }
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

fn transactions(log: &EmbeddedLog) -> Result<(), Box<dyn Error>> {
    let config = ProducerConfig { transactional_id: Some("x".into()), offsets_from_outside: true, ..ProducerConfig::default() };
    let mut producer = log.producer(config)?;
    producer.init_transactions()?;
    let (mut records, none, mut deliveries) = (Records::new(), Headers::new(), Vec::new());
    for number in 0..TRANSACTIONS {
        producer.begin()?;
        for partition in 0..PARTITIONS {
            records.push(NO_OFFSET, -1, Some(b"key"), Some(&[0; VALUE_BYTES]), &none);
            producer.send(&TopicPartition::new("t", partition), &mut records)?;
        }
        let offset = GroupOffset { at: TopicPartition::new("u", 0), offset: i64::from(number), metadata: String::new() };
        producer.send_offsets("g", &[offset], &MemberIdentity::outside())?;
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
