//! Names that no other run on the same cluster has: a case speaks of topic `t`, the cluster knows `f4711-3-t`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value};

/// Parameters that are the name of something in the cluster.
const NAMES: [&str; 4] = ["topic", "group", "transactional_id", "instance"];
/// Parameters that list such names, or partitions.
const LISTS: [&str; 2] = ["topics", "partitions"];

/// What stands before each name of one run of one case.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefix(String);

impl Prefix {
    /// One that was never there before.
    pub(super) fn fresh() -> Self {
        static RUN: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(format!("f{}-{}-", since.as_micros(), RUN.fetch_add(1, Ordering::Relaxed)))
    }

    /// The cluster's name of what a case calls so.
    pub(super) fn name(&self, text: &str) -> String {
        format!("{}{text}", self.0)
    }

    /// A step's parameters with the cluster's names.
    pub(super) fn put(&self, body: &Value) -> Value {
        match body {
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), self.put_field(name, value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.put(item)).collect(),
            other => other.clone(),
        }
    }

    fn put_field(&self, name: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if NAMES.contains(&name) => Value::String(self.name(text)),
            Value::Array(items) if LISTS.contains(&name) => items.iter().map(|item| self.put_field(NAMES[0], item)).collect(),
            Value::Object(_) | Value::Array(_) => self.put(value),
            other => other.clone(),
        }
    }

    /// A result with the case's names.
    pub(super) fn strip(&self, seen: &Value) -> Value {
        let bare = |text: &str| text.strip_prefix(&*self.0).unwrap_or(text).to_owned();
        match seen {
            Value::String(text) => Value::String(bare(text)),
            Value::Array(items) => items.iter().map(|item| self.strip(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, value)| (bare(name), self.strip(value))).collect::<Map<_, _>>().into(),
            other => other.clone(),
        }
    }
}
