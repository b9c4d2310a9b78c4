//! Measures the embedded log: `embedded_log [DIRECTORY] [RECORDS]`.
//!
//! Records of 200 bytes are produced to four partitions, read back, and produced again while a reader follows; then small transactions.

mod load;

use std::path::Path;
use std::time::Duration;

use headwater_streams::log::{
    EmbeddedLog, GroupOffset, Headers, Log, MemberIdentity, NO_OFFSET, ProducerConfig, Records, TopicPartition, TopicSpec,
};
use load::{Fallible, PARTITIONS, consume, key, measure, places, produce, reader, value};

const TRANSACTIONS: u32 = 10_000;

fn main() -> Fallible {
    let mut arguments = std::env::args().skip(1);
    let scratch = tempfile::tempdir()?;
    let directory = arguments.next().map_or_else(|| scratch.path().to_owned(), Into::into);
    let count = arguments.next().map_or(Ok(5_000_000), |text| text.parse::<usize>())?;
    let log = open(&directory)?;
    let config = ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() };
    measure("produce", count, || produce(&log, config.clone(), "t", count))?;
    measure("consume", count, || consume(&mut *reader(&log, "t")?, count))?;
    drop(log);
    let log = open(&directory)?;
    measure("consume after reopening", count, || consume(&mut *reader(&log, "t")?, count))?;
    measure("produce and follow", count, || {
        let mut reader = reader(&log, "u")?;
        let following = std::thread::spawn(move || consume(&mut *reader, count).map_err(|error| error.to_string()));
        produce(&log, config.clone(), "u", count)?;
        Ok(following.join().map_err(|_| "the reader panicked")??)
    })?;
    measure("transactions of 4 records and an offset", TRANSACTIONS as usize, || transactions(&log))?;
    Ok(())
}

fn open(directory: &Path) -> Fallible<EmbeddedLog> {
    let log = EmbeddedLog::open(directory)?;
    for name in ["t", "u"] {
        if log.admin().describe_topic(name)?.is_none() {
            log.admin().create_topic(&TopicSpec { name: name.into(), partitions: PARTITIONS, ..TopicSpec::default() })?;
        }
    }
    Ok(log)
}

fn transactions(log: &EmbeddedLog) -> Fallible {
    let config = ProducerConfig { transactional_id: Some("x".into()), offsets_from_outside: true, ..ProducerConfig::default() };
    let mut producer = log.producer(config)?;
    producer.init_transactions()?;
    let (value, mut records, mut deliveries) = (value(), Records::new(), Vec::new());
    for number in 0..TRANSACTIONS {
        producer.begin()?;
        for place in &places("t") {
            records.push(NO_OFFSET, -1, Some(&key(number as usize)), Some(&value), &Headers::EMPTY);
            producer.send(place, &mut records)?;
        }
        let offset = GroupOffset { at: TopicPartition::new("u", 0), offset: i64::from(number), metadata: String::new() };
        producer.send_offsets("g", &[offset], &MemberIdentity::outside())?;
        producer.commit()?;
        producer.deliveries(&mut deliveries);
        deliveries.clear();
    }
    Ok(())
}
