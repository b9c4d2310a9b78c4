//! One run of one case.

mod groups;
mod members;
mod producers;
mod readers;
mod settle;
mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use headwater_streams::log::{LogError, TopicPartition};
use serde_json::{Value, json};

use super::case::Step;
use super::names::Prefix;
use super::pace::{Pace, until_limit};
use super::subject::{Ground, Subject};
use super::value;
use members::Actor;
use producers::Sender;
use readers::Stand;
use settle::Open;

/// A time this near to the clock is "now".
const NEAR_NOW_MS: i64 = 10 * 60 * 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A cluster that others use too may take longer for what it did in a moment when it was recorded.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who acts in a case, and what was labelled.
pub(super) struct Play {
    subject: Subject,
    step_takes: Duration,
    /// Before each name that the log hears.
    prefix: Prefix,
    senders: BTreeMap<String, Sender>,
    stands: BTreeMap<String, Stand>,
    actors: BTreeMap<String, Actor>,
    topic_ids: Vec<[u8; 16]>,
    producer_ids: Vec<i64>,
    open: Open,
    /// Times that were given relative to the clock.
    stamps: BTreeMap<i64, Value>,
    pace: Pace,
    /// When a call had its answer, where the step went on behind that.
    answered: Option<Duration>,
    /// What had run out before it should.
    pub(super) too_slow: Option<String>,
    pub(super) passed_over: usize,
}

impl Play {
    pub(super) fn new(ground: &Ground, step_takes: Duration) -> Result<Self, String> {
        Ok(Self {
            subject: Subject::new(ground)?,
            step_takes,
            prefix: if ground.is_real() { Prefix::fresh() } else { Prefix::default() },
            senders: BTreeMap::new(),
            stands: BTreeMap::new(),
            actors: BTreeMap::new(),
            topic_ids: Vec::new(),
            producer_ids: Vec::new(),
            open: Open::default(),
            stamps: BTreeMap::new(),
            pace: Pace::new(ground.is_real()),
            answered: None,
            too_slow: None,
            passed_over: 0,
        })
    }

    /// Does a step of a case; `None` where it only looks and the log has no such look.
    pub(super) fn play(&mut self, step: &Step) -> Result<Option<Value>, String> {
        let named = Step { op: step.op.clone(), body: self.prefix.put(&step.body), see: step.see.clone() };
        // An abort throws away what is in a queue only while it is there.
        if !self.subject.is_real() || step.op != "abort" {
            self.subject.pass(self.step_takes)?;
        }
        let began = self.subject.elapsed();
        let seen = self.step(&named);
        let late = self.pace.did(step, began, self.answered.take().unwrap_or_else(|| self.subject.elapsed()));
        self.too_slow = self.too_slow.take().or(late);
        Ok(seen?.map(|seen| self.prefix.strip(&seen)))
    }

    fn step(&mut self, step: &Step) -> Result<Option<Value>, String> {
        match step.op.as_str() {
            "wait" => self.wait(step),
            "until" => return self.until(step),
            "create_topic" | "delete_topic" | "create_partitions" | "alter_topic" | "describe" | "delete_records" | "list_offsets"
            | "ends" => self.topic_step(step),
            "dump" => return self.dump(step),
            "describe_transaction" if self.subject.is_real() => return Ok(None),
            "describe_transaction" => self.describe_transaction(step),
            "producer" | "init" | "begin" | "commit" | "abort" | "send" | "send_batch" | "enqueue" | "flush" | "results"
            | "send_offsets" | "kill" => self.producer_step(step),
            "reader" | "read" | "close_reader" | "client_committed" => self.reader_step(step),
            "commit_offsets" | "fetch_offsets" | "delete_offsets" | "delete_group" | "describe_group" => self.group_step(step),
            "join" | "joined" | "sync" | "synced" | "heartbeat" | "leave" => self.member_step(step),
            other => Err(format!("unknown operation {other}")),
        }
        .map(Some)
    }

    fn wait(&mut self, step: &Step) -> Result<Value, String> {
        self.subject.pass(millis(step.number_or("ms", 0)))?;
        Ok(json!({}))
    }

    fn until(&mut self, step: &Step) -> Result<Option<Value>, String> {
        let inner = Step::new(&step.body["step"]);
        let limit = until_limit(step);
        let (mut left, began) = (limit, Instant::now());
        loop {
            let seen = self.step(&inner)?;
            if seen.is_none() {
                // What was waited for cannot be seen, but its traces can.
                self.settle_alone(inner.text("transactional_id")?, limit);
            }
            if seen.as_ref().is_none_or(|seen| self.prefix.strip(seen) == step.see) {
                return Ok(seen);
            }
            if left.is_zero() || began.elapsed() > limit.max(PATIENCE) {
                return Ok(Some(json!({"never": true, "last": seen})));
            }
            self.subject.pass(LOOK_AGAIN.min(left))?;
            left = left.saturating_sub(LOOK_AGAIN);
        }
    }

    /// The time that a record is sent with.
    fn stamp(&mut self, given: &Value) -> i64 {
        match given["now_plus_ms"].as_i64() {
            Some(plus) => {
                let stamp = self.subject.now() + plus;
                self.stamps.insert(stamp, given.clone());
                stamp
            }
            None => given.as_i64().unwrap_or(self.subject.now()),
        }
    }

    /// A time as results show it; nothing for one near to the clock.
    fn seen_stamp(&self, timestamp: i64) -> Option<Value> {
        let near = (timestamp - self.subject.now()).abs() < NEAR_NOW_MS;
        self.stamps.get(&timestamp).cloned().or_else(|| (!near).then(|| json!(timestamp)))
    }
}

/// The label of something by the order of its appearance.
fn label<T: PartialEq>(known: &mut Vec<T>, value: T, letter: char) -> String {
    let place = known.iter().position(|one| *one == value).unwrap_or_else(|| {
        known.push(value);
        known.len() - 1
    });
    format!("{letter}{}", place + 1)
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

/// Errors by partition, where any failed.
fn by_partition(results: Vec<(TopicPartition, Result<(), LogError>)>) -> Value {
    let failed: BTreeSet<bool> = results.iter().map(|(_, result)| result.is_err()).collect();
    if !failed.contains(&true) {
        return json!({});
    }
    let names = results.into_iter().map(|(at, result)| (value::place_name(&at), json!(result.err().map(|error| error.code().name()))));
    json!({"errors": names.collect::<serde_json::Map<_, _>>()})
}
