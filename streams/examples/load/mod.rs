//! What the measurements of both bindings share: records of 200 bytes on four partitions, and the clock.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater_streams::log::{
    ErrorCode, FetchLimit, Headers, Log, LogError, NO_OFFSET, ProducerConfig, Reader, ReaderConfig, Records, StartAt, TopicPartition,
};

pub(crate) type Fallible<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const PARTITIONS: i32 = 4;
pub(crate) const PER_SEND: usize = 1000;
pub(crate) const VALUE_BYTES: usize = 184;
const KEY_BYTES: usize = 16;

/// Bytes that do not compress to nothing.
pub(crate) fn value() -> Vec<u8> {
    (0..VALUE_BYTES as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect()
}

pub(crate) fn key(number: usize) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&(number as u64).to_be_bytes());
    key
}

pub(crate) fn places(topic: &str) -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect()
}

/// Produces so many records, round the partitions.
pub(crate) fn produce(log: &dyn Log, config: ProducerConfig, topic: &str, count: usize) -> Fallible {
    let mut producer = log.producer(config)?;
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

/// A reader of the whole topic from its start.
pub(crate) fn reader(log: &dyn Log, topic: &str) -> Result<Box<dyn Reader>, LogError> {
    let mut reader = log.reader(ReaderConfig::default())?;
    places(topic).iter().for_each(|place| reader.assign(place, StartAt::Earliest));
    Ok(reader)
}

/// Reads so many records and looks at each.
pub(crate) fn consume(reader: &mut dyn Reader, count: usize) -> Fallible {
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

/// Does it and prints what it took.
pub(crate) fn measure(name: &str, count: usize, work: impl FnOnce() -> Fallible) -> Fallible {
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
