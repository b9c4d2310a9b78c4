//! The same bytes again: what the engine costs when it does nothing.

use super::TopicNames;
use headwater_streams::prelude::*;

pub(super) fn add(app: &StreamsBuilder, topics: &TopicNames) {
    app.stream(Topic::<Bytes, Bytes>::of(&topics.input)).to(Topic::of(&topics.output));
}
