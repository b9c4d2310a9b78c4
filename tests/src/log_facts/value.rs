//! Bytes, offsets and errors as the cases write them.

use headwater_streams::log::{LogError, TopicPartition};
use serde_json::{Map, Value, json};

/// More equal letters than this are written as a repetition.
const LONGEST_SPELLED: usize = 100;

/// Bytes out of a case.
pub(super) fn to_bytes(value: &Value) -> Option<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Some(text.as_bytes().to_vec());
    }
    if let Some([text, times]) = value["repeat"].as_array().map(Vec::as_slice) {
        return Some(text.as_str()?.repeat(usize::try_from(times.as_u64()?).ok()?).into_bytes());
    }
    let hex = value["hex"].as_str()?;
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// Bytes into a result.
pub(super) fn from_bytes(bytes: Option<&[u8]>) -> Value {
    let Some(bytes) = bytes else { return Value::Null };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return json!({"hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()});
    };
    let (count, first) = (text.chars().count(), text.chars().next());
    match first {
        Some(first) if count > LONGEST_SPELLED && text.chars().all(|letter| letter == first) => {
            json!({"repeat": [first.to_string(), count]})
        }
        _ => json!(text),
    }
}

/// A partition as `topic/0`.
pub(super) fn place(name: &str) -> Result<TopicPartition, String> {
    let (topic, partition) = name.rsplit_once('/').ok_or_else(|| format!("{name} is no partition"))?;
    Ok(TopicPartition::new(topic, partition.parse().map_err(|_| format!("{name} is no partition"))?))
}

pub(super) fn place_name(at: &TopicPartition) -> String {
    format!("{}/{}", at.topic, at.partition)
}

/// A partition out of an object with `topic` and `partition`.
pub(super) fn place_of(value: &Value) -> Result<TopicPartition, String> {
    let topic = value["topic"].as_str().ok_or("no topic")?;
    let partition = value["partition"].as_i64().unwrap_or_default();
    Ok(TopicPartition::new(topic, i32::try_from(partition).map_err(|_| "no partition number")?))
}

/// An empty result, or the error's name.
pub(super) fn plain(result: Result<(), LogError>) -> Value {
    result.map_or_else(|error| error_name(&error), |()| json!({}))
}

pub(super) fn error_name(error: &LogError) -> Value {
    json!({"error": error.code().name()})
}

/// An empty result, or the error with what the caller is to do.
pub(super) fn transactional(result: Result<(), LogError>) -> Value {
    let Err(error) = result else { return json!({}) };
    let mut seen = Map::from_iter([("error".to_owned(), json!(error.code().name()))]);
    let remedies = [("fatal", error.is_fatal()), ("retriable", error.is_retriable()), ("abort_needed", error.requires_abort())];
    seen.extend(remedies.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| (name.to_owned(), json!(true))));
    Value::Object(seen)
}
