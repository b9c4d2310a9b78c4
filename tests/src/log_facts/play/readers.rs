//! Readers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use headwater_streams::log::{
    ErrorCode, FetchLimit, Fetched, Isolation, LogError, Reader, ReaderConfig, RecordRef, Reset, StartAt, TopicPartition,
};
use serde_json::{Map, Value, json};

use super::topics::isolation;
use super::{PATIENCE, Play, millis};
use crate::log_facts::case::Step;
use crate::log_facts::value::{self, error_name, from_bytes, place_name, place_of};

/// Small, so that reading in pieces is tested too.
const LIMIT: FetchLimit = FetchLimit { records: 3, bytes: 1 << 20 };

/// A reader and where it stands.
pub(super) struct Stand {
    reader: Box<dyn Reader>,
    config: ReaderConfig,
    places: Vec<(TopicPartition, StartAt)>,
}

/// What one read has found in one partition.
#[derive(Default)]
struct Found {
    records: Vec<Value>,
    error: Option<Value>,
    end: Option<i64>,
}

impl Play {
    pub(super) fn reader_step(&mut self, step: &Step) -> Result<Value, String> {
        let name = step.text("reader")?.to_owned();
        match step.op.as_str() {
            "reader" => self.make_reader(step, name),
            "read" => {
                let mut stand = self.stands.remove(&name).ok_or_else(|| format!("no reader {name}"))?;
                let seen = self.read(&mut stand, self.longest_read(step));
                self.stands.insert(name, stand);
                seen
            }
            "close_reader" => {
                self.stands.remove(&name);
                Ok(json!({}))
            }
            _ => self.client_committed(step, &name),
        }
    }

    fn make_reader(&mut self, step: &Step, name: String) -> Result<Value, String> {
        let reset = match step.text_or("reset", "error") {
            "earliest" => Reset::Earliest,
            "latest" => Reset::Latest,
            _ => Reset::Error,
        };
        let group = step.body["group"].as_str().map_or_else(|| format!("reader-{name}"), Into::into);
        let config = ReaderConfig { isolation: isolation(step, "read_committed"), group: Some(group), reset };
        let places = step.list("assign").iter().map(|place| Ok((place_of(place)?, start(&place["offset"]))));
        let places = places.collect::<Result<_, String>>()?;
        let reader = self.subject.log().reader(config.clone()).map_err(|error| error.to_string())?;
        self.stands.insert(name, Stand { reader, config, places });
        Ok(json!({}))
    }

    /// On a cluster, however slow, an end that was met when it was recorded is waited for.
    fn longest_read(&self, step: &Step) -> Duration {
        let has_met_ends = step.see.as_object().into_iter().flatten().all(|(_, place)| place["no_end"].is_null());
        let recorded = millis(step.number_or("max_wait_ms", 6000));
        if self.subject.is_real() && has_met_ends { recorded.max(PATIENCE) } else { recorded }
    }

    /// From where it stands to the end that its isolation shows.
    fn read(&mut self, stand: &mut Stand, wait: Duration) -> Result<Value, String> {
        for (at, start) in &stand.places {
            stand.reader.assign(at, *start);
        }
        let mut found: BTreeMap<TopicPartition, Found> = stand.places.iter().map(|(at, _)| (at.clone(), Found::default())).collect();
        let mut open: BTreeSet<TopicPartition> = found.keys().cloned().collect();
        // Where time passes by itself the reader waits, elsewhere the clock is moved.
        let (mut left, moved) = (wait, if self.subject.is_real() { Duration::ZERO } else { wait });
        while !open.is_empty() {
            let mut fetched = Vec::new();
            let began = Instant::now();
            stand.reader.poll(LIMIT, left.saturating_sub(moved), &mut fetched).map_err(|error| error.to_string())?;
            if fetched.is_empty() {
                if left.is_zero() {
                    break;
                }
                self.subject.pass(moved)?;
                left = left.saturating_sub(moved + began.elapsed());
            }
            for one in fetched {
                self.note(&one, &mut found, &mut open)?;
                stand.reader.recycle(one.records);
            }
        }
        let mut seen = Map::new();
        for (at, start) in &mut stand.places {
            let found = found.remove(at).unwrap_or_default();
            seen.insert(place_name(at), conclude(&*stand.reader, at, start, found, open.contains(at)));
            stand.reader.unassign(at);
        }
        Ok(Value::Object(seen))
    }

    /// Whether a read on a cluster differs only in that it stands at the end of a partition, where the recorded client stood before what was
    /// aborted: that client passes it with the marker that comes behind it, ours when it meets the end.
    pub(in crate::log_facts) fn stands_at_ends(&self, step: &Step, seen: &Value) -> bool {
        let (Some(seen), Some(recorded)) = (seen.as_object(), step.see.as_object()) else { return false };
        let stand = step.body["reader"].as_str().and_then(|name| self.stands.get(name));
        let Some(stand) = stand.filter(|_| self.subject.is_real() && step.op == "read") else { return false };
        let is_alike = |(name, place): (&String, &Value)| {
            let Some(wanted) = recorded.get(name) else { return false };
            *place == *wanted || (is_ahead(place, wanted) && place["position"] == json!(self.shown_end(name, stand.config.isolation)))
        };
        seen.len() == recorded.len() && seen.iter().all(is_alike)
    }

    fn shown_end(&self, name: &str, isolation: Isolation) -> Option<i64> {
        let at = value::place(name).ok()?;
        let at = TopicPartition::new(self.prefix.name(&at.topic), at.partition);
        let ends = self.subject.log().admin().ends(&at).ok()?;
        Some(if isolation == Isolation::Committed { ends.stable } else { ends.latest })
    }

    fn note(
        &mut self, fetched: &Fetched, found: &mut BTreeMap<TopicPartition, Found>, open: &mut BTreeSet<TopicPartition>,
    ) -> Result<(), String> {
        let at = &fetched.partition;
        let appended = self.is_append_time(at);
        let one = found.get_mut(at).ok_or_else(|| format!("{at} was not assigned"))?;
        if !open.contains(at) && (!fetched.records.is_empty() || fetched.error.is_some()) {
            return Err(format!("{at} went on behind its end"));
        }
        one.records.extend(fetched.records.iter().map(|record| self.seen_record(&record, appended)));
        one.error = fetched.error.as_ref().map(|error| json!(error.code().name()));
        if fetched.at_end {
            one.end = Some(fetched.next);
        }
        if fetched.at_end || fetched.error.is_some() {
            open.remove(at);
        }
        Ok(())
    }

    fn is_append_time(&self, at: &TopicPartition) -> bool {
        let topic = self.subject.log().admin().describe_topic(&at.topic).ok().flatten();
        topic.is_some_and(|topic| topic.configs["message.timestamp.type"] == "LogAppendTime")
    }

    fn seen_record(&self, record: &RecordRef<'_>, appended: bool) -> Value {
        let mut seen = json!({"offset": record.offset, "key": from_bytes(record.key), "value": from_bytes(record.value)});
        if !record.headers.is_empty() {
            seen["headers"] = record.headers.iter().map(|(name, value)| json!([name, from_bytes(value)])).collect();
        }
        let timestamp = self.seen_stamp(record.timestamp);
        match timestamp {
            None if appended => seen["timestamp"] = json!("append"),
            None => {}
            Some(timestamp) => seen["timestamp"] = timestamp,
        }
        seen
    }

    fn client_committed(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let config = self.stands.get(name).ok_or_else(|| format!("no reader {name}"))?.config.clone();
        let (group, stable) = (config.group.unwrap_or_default(), config.isolation == Isolation::Committed);
        let at = [place_of(&step.body)?];
        let committed = |play: &Self| play.subject.log().admin().committed(&group, &at, stable);
        let mut answer = committed(self);
        if answer.as_ref().is_err_and(LogError::is_retriable) {
            self.subject.pass(millis(step.number_or("timeout_ms", 1000)))?;
            answer = committed(self).map_err(|error| if error.is_retriable() { LogError::new(ErrorCode::TimedOut, &group) } else { error });
        }
        Ok(match answer {
            Ok(offsets) => json!({"offset": offsets.into_iter().flatten().next().map(|committed| committed.offset)}),
            Err(error) => error_name(&error),
        })
    }
}

/// What a read has seen of a partition; moves the place where the next one goes on.
fn conclude(reader: &dyn Reader, at: &TopicPartition, start: &mut StartAt, found: Found, is_open: bool) -> Value {
    let mut seen = json!({"records": found.records});
    if let Some(error) = found.error {
        seen["error"] = error;
    }
    if let Some(position) = reader.position(at).or(found.end) {
        *start = StartAt::Offset(position);
    }
    if let StartAt::Offset(position) = start {
        seen["position"] = json!(position);
    }
    if is_open {
        seen["no_end"] = json!(true);
    }
    seen
}

/// Whether one read of a partition went behind another, the rest being equal.
fn is_ahead(one: &Value, other: &Value) -> bool {
    let mut moved = other.clone();
    let both = (one["position"].as_i64(), other["position"].as_i64());
    moved["position"] = one["position"].clone();
    matches!(both, (Some(one), Some(other)) if one > other) && moved == *one
}

fn start(given: &Value) -> StartAt {
    match given.as_str() {
        Some("latest") => StartAt::Latest,
        Some("committed") => StartAt::Committed,
        _ => given.as_i64().map_or(StartAt::Earliest, StartAt::Offset),
    }
}
