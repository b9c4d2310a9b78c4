//! The topic that shops fill.

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

/// The topic for whoever fills it before an application has run, as an application would make it.
pub fn sales_stream_topic() -> TopicSpec {
    let configs = [("retention.ms", WEEK.as_millis().to_string()), ("message.timestamp.type", "LogAppendTime".to_owned())];
    TopicSpec {
        name: SALES_STREAM.name().into(),
        partitions: PARTITIONS,
        configs: configs.map(|(name, value)| (name.into(), value)).into(),
    }
}
