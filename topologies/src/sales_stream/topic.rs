//! The topic that shops fill, and the one that says what was fraud.

use super::Transaction;
use headwater_streams::log::TopicSpec;
use headwater_streams::prelude::*;
use std::time::Duration;

/// What shops send. Keys are the producers' own business: whoever needs records by something rekeys them.
pub const SALES_STREAM: Topic<(), Transaction<'static>> = Topic::new("sales_stream");

const PARTITIONS: i32 = 3;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Declares the topic as an application that reads it expects it.
pub fn declare(app: &StreamsBuilder) {
    app.declare(SALES_STREAM.declaration().partitions(PARTITIONS).retention(WEEK));
}

/// Which transactions were fraud: JSON with `transaction_id`, `user_id` and `kind`, keyed by user. For measuring, never for an application.
pub const FRAUD_LABELS: &str = "fraud_labels";

/// The topic for whoever fills it before an application has run, as an application would make it.
pub fn sales_stream_topic() -> TopicSpec {
    spec(SALES_STREAM.name())
}

/// The topic of the labels.
pub fn fraud_labels_topic() -> TopicSpec {
    spec(FRAUD_LABELS)
}

fn spec(name: &str) -> TopicSpec {
    let configs = [("retention.ms", WEEK.as_millis().to_string()), ("message.timestamp.type", "LogAppendTime".to_owned())];
    TopicSpec { name: name.into(), partitions: PARTITIONS, configs: configs.map(|(name, value)| (name.into(), value)).into() }
}
