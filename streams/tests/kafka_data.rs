//! The data half of the Kafka binding on a real broker. Runs where `HEADWATER_TEST_BROKERS` names one.

use headwater_streams::log::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// The broker, or nothing to do.
fn cluster() -> Option<KafkaLog> {
    let Ok(brokers) = std::env::var("HEADWATER_TEST_BROKERS") else {
        println!("skipped: HEADWATER_TEST_BROKERS names no broker");
        return None;
    };
    Some(KafkaLog::connect(KafkaConfig::new(brokers)).unwrap())
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Ring(mpsc::Sender<()>);
    impl Wake for Ring {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap_or_default();
        }
    }
    let (ring, rung) = mpsc::channel();
    let waker = Waker::from(Arc::new(Ring(ring)));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => rung.recv().unwrap(),
        }
    }
}

/// A topic of its own for each test.
fn topic(partitions: i32, settings: &[(&str, &str)]) -> String {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = unique(&format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let brokers = std::env::var("HEADWATER_TEST_BROKERS").unwrap();
    let admin: AdminClient<_> = rdkafka::ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let mut new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        new = new.set(key, value);
    }
    block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap()[0].clone().unwrap();
    name
}

fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{name}-{}-{}", std::process::id(), now.as_nanos())
}

fn values(records: &[&str]) -> Records {
    let mut all = Records::new();
    for value in records {
        all.push(NO_OFFSET, NO_TIMESTAMP, Some(b"k"), Some(value.as_bytes()), &Headers::EMPTY);
    }
    all
}

/// Reads until `enough`, everything of all partitions together.
fn read_until(reader: &mut dyn Reader, enough: impl Fn(&Records, &[Fetched]) -> bool) -> (Records, Vec<Fetched>) {
    let (until, mut records, mut all) = (Instant::now() + PATIENCE, Records::new(), Vec::new());
    while !enough(&records, &all) {
        assert!(Instant::now() < until, "not enough after {PATIENCE:?}: {records:?} {all:?}");
        let mut fetched = Vec::new();
        reader.poll(FetchLimit::default(), Duration::from_millis(200), &mut fetched).unwrap();
        fetched.iter().for_each(|one| records.append(&one.records));
        all.extend(fetched);
    }
    (records, all)
}

fn at_end(all: &[Fetched]) -> bool {
    all.last().is_some_and(|fetched| fetched.at_end)
}

#[test]
fn records_come_back_as_they_were_sent() {
    let Some(log) = cluster() else { return };
    let at = TopicPartition::new(topic(1, &[]), 0);
    let mut sent = Records::new();
    sent.push(NO_OFFSET, 1_700_000_000_000, Some(b"k"), Some(b"v"), &Headers::EMPTY);
    sent.push(NO_OFFSET, 5, None, None, &Headers::new().with("a", Some(b"1")).with("a", None).with("", Some(b"")));
    sent.push(NO_OFFSET, -7, Some(b""), Some(b""), &Headers::new().with("\u{e4}", Some(&[0, 255])));
    let expected = sent.clone();
    let mut producer = log.producer(ProducerConfig::default()).unwrap();
    let ticket = producer.send(&at, &mut sent).unwrap();
    assert!(sent.is_empty());
    producer.flush().unwrap();
    let mut deliveries = Vec::new();
    producer.deliveries(&mut deliveries);
    assert_eq!(deliveries, [Delivery { ticket, to: at.clone(), outcome: Ok(Stored { first: 0, last: 2 }) }]);

    let mut reader = log.reader(ReaderConfig::default()).unwrap();
    reader.assign(&at, StartAt::Earliest);
    let (read, all) = read_until(&mut *reader, |_, all| at_end(all));
    assert_eq!(all.last().unwrap().next, 3);
    assert_eq!(reader.position(&at), Some(3));
    let without_offset = |record: RecordRef<'_>| {
        (record.timestamp, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), record.headers.to_headers())
    };
    assert!(read.iter().map(without_offset).eq(expected.iter().map(without_offset)), "{read:?}");
}
