//! How librdkafka is set up for data: what a guarantee rests on, and what makes it fast.

use super::KafkaConfig;
use crate::log::{Isolation, ProducerConfig, ReaderConfig, Reset};
use rdkafka::ClientConfig;
use std::time::Duration;

/// What is fetched of one partition and not yet read is at most about this much, and one fetch more.
const PREFETCH_KBYTES: u32 = 4096;

/// An answer without records comes after this time. It is also the longest that a new start waits for its first fetch.
const FETCH_WAIT: Duration = Duration::from_millis(50);

/// A queue that was full is looked at again after this time; by default it would be a second.
const QUEUE_BACKOFF: Duration = Duration::from_millis(5);

/// So long a topic may be unknown to a broker after it was made, until that is an error.
const PROPAGATION: Duration = Duration::from_secs(5);

/// The first wait before a refused request goes out again; further ones double, up to a second. A transaction that begins right behind
/// another is refused until the markers of that one are written, which takes a few milliseconds: with the default of 100 each such wait
/// showed in the latency of one record in ten.
const RETRY_BACKOFF: Duration = Duration::from_millis(5);

/// Records that wait to be sent.
const MOST_WAITING_RECORDS: u32 = 500_000;
const MOST_WAITING_KBYTES: u32 = 64 * 1024;

/// The largest record that goes out, alone in its batch: as large as the largest that a topic of ours takes, a dead letter with its headers.
/// Topics that take less refuse it themselves.
const LARGEST_RECORD_BYTES: u32 = 10 << 20;

/// The client of a reader.
pub(super) fn reader(kafka: &KafkaConfig, config: &ReaderConfig) -> ClientConfig {
    let mut client = base(kafka);
    let isolation = match config.isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    let reset = match config.reset {
        Reset::Error => "error",
        Reset::Earliest => "earliest",
        Reset::Latest => "latest",
    };
    set(&mut client, "isolation.level", isolation);
    set(&mut client, "auto.offset.reset", reset);
    set(&mut client, "enable.auto.commit", false);
    set(&mut client, "enable.auto.offset.store", false);
    set(&mut client, "enable.partition.eof", true);
    if let Some(group) = &config.group {
        set(&mut client, "group.id", group);
    }
    set(&mut client, "check.crcs", true);
    set(&mut client, "fetch.wait.max.ms", FETCH_WAIT.as_millis());
    set(&mut client, "fetch.queue.backoff.ms", QUEUE_BACKOFF.as_millis());
    set(&mut client, "fetch.error.backoff.ms", 100);
    set(&mut client, "queued.max.messages.kbytes", PREFETCH_KBYTES);
    kafka.finish(client)
}

/// The client of a producer.
pub(super) fn producer(kafka: &KafkaConfig, config: &ProducerConfig) -> ClientConfig {
    let mut client = base(kafka);
    set(&mut client, "enable.idempotence", true);
    set(&mut client, "acks", "all");
    if let Some(id) = &config.transactional_id {
        set(&mut client, "transactional.id", id);
        set(&mut client, "transaction.timeout.ms", config.transaction_timeout.as_millis());
    }
    set(&mut client, "message.timeout.ms", message_timeout(config).as_millis());
    set(&mut client, "linger.ms", config.linger.as_secs_f64() * 1e3);
    set(&mut client, "retry.backoff.ms", RETRY_BACKOFF.as_millis());
    set(&mut client, "message.max.bytes", LARGEST_RECORD_BYTES);
    set(&mut client, "batch.size", config.batch_bytes);
    set(&mut client, "queue.buffering.max.messages", MOST_WAITING_RECORDS);
    set(&mut client, "queue.buffering.max.kbytes", MOST_WAITING_KBYTES);
    kafka.finish(client)
}

/// A record that is not stored after this time never will be: so it cannot come behind the end of its transaction, or of its owner's session.
fn message_timeout(config: &ProducerConfig) -> Duration {
    config.transaction_timeout * 4 / 5
}

fn base(kafka: &KafkaConfig) -> ClientConfig {
    let mut client = kafka.client();
    set(&mut client, "socket.nagle.disable", true);
    set(&mut client, "topic.metadata.propagation.max.ms", PROPAGATION.as_millis());
    client
}

fn set(client: &mut ClientConfig, key: &str, value: impl ToString) {
    client.set(key, value.to_string());
}
