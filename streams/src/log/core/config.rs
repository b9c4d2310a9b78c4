//! A topic's configurations: Kafka's names, defaults and bounds. What has no meaning on one machine is accepted and kept all the same.

use std::collections::BTreeMap;

use crate::log::ErrorCode;

const DAY: i64 = 24 * 60 * 60 * 1000;
const WEEK: i64 = 7 * DAY;

/// What may stand behind a name.
#[derive(Clone, Copy)]
enum Form {
    /// A whole number from the first to the second.
    Whole(i64, i64),
    Fraction,
    OneOf(&'static [&'static str]),
    Policies,
    Free,
}

const BOOL: Form = Form::OneOf(&["true", "false"]);
const FROM_ZERO: Form = Form::Whole(0, i64::MAX);
const LEVEL: Form = Form::Whole(-131_072, 22);

const KNOWN: &[(&str, &str, Form)] = &[
    ("cleanup.policy", "delete", Form::Policies),
    ("compression.gzip.level", "-1", LEVEL),
    ("compression.lz4.level", "9", LEVEL),
    ("compression.type", "producer", Form::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])),
    ("compression.zstd.level", "3", LEVEL),
    ("delete.retention.ms", "86400000", FROM_ZERO),
    ("file.delete.delay.ms", "60000", FROM_ZERO),
    ("flush.messages", "9223372036854775807", Form::Whole(1, i64::MAX)),
    ("flush.ms", "9223372036854775807", FROM_ZERO),
    ("follower.replication.throttled.replicas", "", Form::Free),
    ("index.interval.bytes", "4096", Form::Whole(0, i32::MAX as i64)),
    ("leader.replication.throttled.replicas", "", Form::Free),
    ("local.retention.bytes", "-2", Form::Whole(-2, i64::MAX)),
    ("local.retention.ms", "-2", Form::Whole(-2, i64::MAX)),
    ("max.compaction.lag.ms", "9223372036854775807", Form::Whole(1, i64::MAX)),
    ("max.message.bytes", "1048588", Form::Whole(0, i32::MAX as i64)),
    ("message.timestamp.after.max.ms", "3600000", FROM_ZERO),
    ("message.timestamp.before.max.ms", "9223372036854775807", FROM_ZERO),
    ("message.timestamp.type", "CreateTime", Form::OneOf(&["CreateTime", "LogAppendTime"])),
    ("min.cleanable.dirty.ratio", "0.5", Form::Fraction),
    ("min.compaction.lag.ms", "0", FROM_ZERO),
    ("min.insync.replicas", "1", Form::Whole(1, i32::MAX as i64)),
    ("preallocate", "false", BOOL),
    ("remote.log.copy.disable", "false", BOOL),
    ("remote.log.delete.on.disable", "false", BOOL),
    ("remote.storage.enable", "false", BOOL),
    ("retention.bytes", "-1", Form::Whole(i64::MIN, i64::MAX)),
    ("retention.ms", "604800000", Form::Whole(-1, i64::MAX)),
    ("segment.bytes", "1073741824", Form::Whole(1 << 20, i32::MAX as i64)),
    ("segment.index.bytes", "10485760", Form::Whole(4, i32::MAX as i64)),
    ("segment.jitter.ms", "0", FROM_ZERO),
    ("segment.ms", "604800000", Form::Whole(1, i64::MAX)),
    ("unclean.leader.election.enable", "false", BOOL),
];

/// The configurations of one topic, read once and checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopicConfig {
    /// What was said, by name.
    pub(crate) given: BTreeMap<String, String>,
    pub(crate) compact: bool,
    pub(crate) delete: bool,
    pub(crate) retention_ms: Option<i64>,
    pub(crate) retention_bytes: Option<i64>,
    pub(crate) segment_bytes: i64,
    pub(crate) segment_ms: i64,
    pub(crate) max_message_bytes: usize,
    pub(crate) append_time: bool,
    pub(crate) before_max_ms: i64,
    pub(crate) after_max_ms: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) min_compaction_lag_ms: i64,
    pub(crate) max_compaction_lag_ms: i64,
    pub(crate) min_dirty_ratio: f64,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            given: BTreeMap::new(),
            compact: false,
            delete: true,
            retention_ms: Some(WEEK),
            retention_bytes: None,
            segment_bytes: 1 << 30,
            segment_ms: WEEK,
            max_message_bytes: 1_048_588,
            append_time: false,
            before_max_ms: i64::MAX,
            after_max_ms: 3_600_000,
            delete_retention_ms: DAY,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            min_dirty_ratio: 0.5,
        }
    }
}

impl TopicConfig {
    /// Reads configurations by name; `INVALID_CONFIG` for an unknown name or an impossible value.
    pub(crate) fn parse(given: BTreeMap<String, String>) -> Result<Self, ErrorCode> {
        let mut config = Self::default();
        for (name, value) in &given {
            let (_, _, form) = KNOWN.iter().find(|(known, _, _)| known == name).ok_or(ErrorCode::InvalidConfig)?;
            if !form.admits(value) {
                return Err(ErrorCode::InvalidConfig);
            }
            config.set(name, value);
        }
        if config.min_compaction_lag_ms > config.max_compaction_lag_ms {
            return Err(ErrorCode::InvalidConfig);
        }
        config.given = given;
        Ok(config)
    }

    /// The same with some values changed; `None` returns to the default.
    pub(crate) fn altered(&self, changes: &[(&str, Option<&str>)]) -> Result<Self, ErrorCode> {
        let mut given = self.given.clone();
        for (name, value) in changes {
            match value {
                Some(value) => given.insert((*name).into(), (*value).into()),
                None => given.remove(*name),
            };
        }
        Self::parse(given)
    }

    /// All values by name, defaults included.
    pub(crate) fn describe(&self) -> BTreeMap<String, String> {
        let defaults = KNOWN.iter().map(|(name, default, _)| ((*name).to_owned(), (*default).to_owned()));
        defaults.chain(self.given.clone()).collect()
    }

    /// After this time a segment is full. Kafka: `LogConfig.maxSegmentMs`.
    pub(crate) fn roll_ms(&self) -> i64 {
        if self.compact { self.segment_ms.min(self.max_compaction_lag_ms) } else { self.segment_ms }
    }

    /// Takes over a value that was found good.
    fn set(&mut self, name: &str, value: &str) {
        let whole = || value.trim().parse::<i64>().unwrap_or_default();
        match name {
            "cleanup.policy" => {
                self.compact = value.split(',').any(|policy| policy.trim() == "compact");
                self.delete = value.split(',').any(|policy| policy.trim() == "delete");
            }
            "retention.ms" => self.retention_ms = Some(whole()).filter(|ms| *ms >= 0),
            "retention.bytes" => self.retention_bytes = Some(whole()).filter(|bytes| *bytes >= 0),
            "segment.bytes" => self.segment_bytes = whole(),
            "segment.ms" => self.segment_ms = whole(),
            "max.message.bytes" => self.max_message_bytes = usize::try_from(whole()).unwrap_or_default(),
            "message.timestamp.type" => self.append_time = value == "LogAppendTime",
            "message.timestamp.before.max.ms" => self.before_max_ms = whole(),
            "message.timestamp.after.max.ms" => self.after_max_ms = whole(),
            "delete.retention.ms" => self.delete_retention_ms = whole(),
            "min.compaction.lag.ms" => self.min_compaction_lag_ms = whole(),
            "max.compaction.lag.ms" => self.max_compaction_lag_ms = whole(),
            "min.cleanable.dirty.ratio" => self.min_dirty_ratio = value.trim().parse().unwrap_or(0.5),
            _ => {} // Kept and described; without effect on one machine.
        }
    }
}

impl Form {
    fn admits(self, value: &str) -> bool {
        match self {
            Form::Whole(least, most) => value.trim().parse::<i64>().is_ok_and(|number| (least..=most).contains(&number)),
            Form::Fraction => value.trim().parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Form::OneOf(words) => words.contains(&value),
            Form::Policies => value.split(',').all(|policy| matches!(policy.trim(), "compact" | "delete")),
            Form::Free => true,
        }
    }
}

/// Whether Kafka takes this name for a topic.
pub(crate) fn is_topic_name(name: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    !name.is_empty() && name.len() <= 249 && name != "." && name != ".." && name.chars().all(legal)
}
