//! How a topic is created where it does not exist.

use std::time::Duration;

/// What a topology says about a topic that it reads or writes. An existing topic is taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDeclaration {
    /// The topic's name.
    pub name: &'static str,
    /// How many partitions; none stated: one, which is the order of all records.
    pub partitions: Option<i32>,
    /// How long records are kept.
    pub retention: Retention,
    /// What becomes of old records.
    pub cleanup: Cleanup,
}

/// How long records are kept. Kafka: `retention.ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Retention {
    /// As the broker has it.
    #[default]
    Default,
    /// For ever: -1.
    Forever,
    /// At least so long.
    Time(Duration),
}

/// What becomes of old records. Kafka: `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cleanup {
    /// They are deleted after the retention.
    #[default]
    Delete,
    /// The last record of each key is kept.
    Compact,
}

impl TopicDeclaration {
    pub(super) fn new(name: &'static str) -> Self {
        TopicDeclaration { name, partitions: None, retention: Retention::default(), cleanup: Cleanup::default() }
    }

    /// States the number of partitions. `build()` refuses a number below 1.
    pub fn partitions(self, partitions: i32) -> Self {
        TopicDeclaration { partitions: Some(partitions), ..self }
    }

    /// States how long records are kept.
    pub fn retention(self, retention: Duration) -> Self {
        TopicDeclaration { retention: Retention::Time(retention), ..self }
    }

    /// Records are kept for ever.
    pub fn keep_forever(self) -> Self {
        TopicDeclaration { retention: Retention::Forever, ..self }
    }

    /// The last record of each key is kept: what a topic that is read as a table needs.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const USERS: Topic<u64, String> = Topic::new("users");
    /// let app = StreamsBuilder::new();
    /// app.declare(USERS.declaration().partitions(6).compacted());
    /// let _users = app.table(USERS, Store::new("known-users"));
    /// assert_eq!(app.build().unwrap().declared_topics()[0].partitions, Some(6));
    /// ```
    pub fn compacted(self) -> Self {
        TopicDeclaration { cleanup: Cleanup::Compact, ..self }
    }
}
