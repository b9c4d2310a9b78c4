//! Topics, offsets by meaning, the look at batches.

use std::collections::BTreeMap;

use headwater_streams::log::{DumpedBatch, ErrorCode, Isolation, LogError, OffsetQuery, TopicPartition, TopicSpec};
use serde_json::{Map, Value, json};

use super::{Play, label};
use crate::log_facts::case::Step;
use crate::log_facts::value::{error_name, from_bytes, place_name, place_of, plain};

impl Play {
    pub(super) fn topic_step(&mut self, step: &Step) -> Result<Value, String> {
        let admin = self.subject.log().admin();
        let topic = step.text("topic")?;
        let at = place_of(&step.body)?;
        match step.op.as_str() {
            "create_topic" => {
                let partitions = i32::try_from(step.number_or("partitions", 1)).map_err(|error| error.to_string())?;
                Ok(plain(admin.create_topic(&TopicSpec { name: topic.into(), partitions, configs: configs(&step.body["configs"]) })))
            }
            "delete_topic" => Ok(plain(admin.delete_topic(topic))),
            "create_partitions" => {
                let count = i32::try_from(step.number_or("count", 0)).map_err(|error| error.to_string())?;
                Ok(plain(admin.create_partitions(topic, count)))
            }
            "alter_topic" => {
                let configs = configs(&step.body["configs"]);
                let changes: Vec<_> = configs.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
                let result = admin.alter_topic(topic, &changes);
                if self.subject.is_real() && result.is_ok() {
                    self.settle_settings(topic, &configs);
                }
                Ok(plain(result))
            }
            "describe" => self.describe(step),
            "delete_records" => {
                let before = Some(step.number_or("before", -1)).filter(|before| *before != -1);
                Ok(admin.delete_records(&at, before).map_or_else(|error| error_name(&error), |start| json!({"log_start": start})))
            }
            "list_offsets" => self.list_offsets(step, &at),
            _ => match admin.ends(&at) {
                Ok(ends) => Ok(json!({"earliest": ends.earliest, "latest": ends.latest, "stable": ends.stable})),
                Err(_) => Ok(json!({"earliest": null, "latest": null, "stable": null})),
            },
        }
    }

    fn describe(&mut self, step: &Step) -> Result<Value, String> {
        let found = self.subject.log().admin().describe_topic(step.text("topic")?).map_err(|error| error.to_string())?;
        let Some(found) = found else { return Ok(error_name(&LogError::new(ErrorCode::UnknownTopicOrPartition, ""))) };
        let mut seen = json!({"partitions": found.partitions, "topic_id": label(&mut self.topic_ids, found.topic_id, 'T')});
        let asked = step.list("configs").iter().filter_map(Value::as_str);
        let configs: Map<String, Value> = asked.map(|name| (name.to_owned(), json!(found.configs.get(name)))).collect();
        if !configs.is_empty() {
            seen["configs"] = Value::Object(configs);
        }
        Ok(seen)
    }

    fn list_offsets(&mut self, step: &Step, at: &TopicPartition) -> Result<Value, String> {
        let query = match &step.body["at"] {
            Value::String(word) if word == "earliest" => OffsetQuery::Earliest,
            Value::String(word) if word == "latest" => OffsetQuery::Latest,
            Value::String(word) if word == "max_timestamp" => OffsetQuery::MaxTimestamp,
            time => OffsetQuery::Time(time.as_i64().ok_or("no time")?),
        };
        let found = match self.subject.log().admin().list_offset(at, query, isolation(step, "read_uncommitted")) {
            Ok(found) => found,
            Err(error) => return Ok(error_name(&error)),
        };
        let mut seen = json!({"offset": found.map_or(-1, |found| found.offset)});
        if let Some(timestamp) = found.and_then(|found| found.timestamp).and_then(|timestamp| self.seen_stamp(timestamp)) {
            seen["timestamp"] = timestamp;
        }
        Ok(seen)
    }

    pub(super) fn describe_transaction(&mut self, step: &Step) -> Result<Value, String> {
        let found = self.subject.log().admin().describe_transaction(step.text("transactional_id")?).map_err(|error| error.to_string())?;
        let Some(found) = found else { return Ok(error_name(&LogError::new(ErrorCode::TransactionalIdNotFound, ""))) };
        let partitions: Vec<_> = found.partitions.iter().map(place_name).collect();
        Ok(json!({"state": found.state, "epoch": found.epoch, "partitions": partitions}))
    }

    pub(super) fn dump(&mut self, step: &Step) -> Result<Option<Value>, String> {
        let Some(inspect) = self.subject.inspect() else { return Ok(None) };
        let isolation = isolation(step, "read_uncommitted");
        let dump = match inspect.dump(&place_of(&step.body)?, isolation, step.body["at"].as_i64()) {
            Ok(dump) => dump,
            Err(error) => return Ok(Some(error_name(&error))),
        };
        let batches: Vec<_> = dump.batches.iter().map(|batch| self.seen_batch(batch)).collect();
        let mut seen = json!({"log_start": dump.log_start, "end": dump.end, "stable": dump.stable, "batches": batches});
        if isolation == Isolation::Committed {
            let aborted =
                dump.aborted.into_iter().map(|(id, first)| json!({"producer": label(&mut self.producer_ids, id, 'P'), "first": first}));
            seen["aborted"] = aborted.collect();
        }
        Ok(Some(seen))
    }

    fn seen_batch(&mut self, batch: &DumpedBatch) -> Value {
        let mut seen = json!({"first": batch.first, "last": batch.last});
        if let Some(id) = batch.producer_id {
            seen["producer"] = json!(label(&mut self.producer_ids, id, 'P'));
        }
        if let Some(commits) = batch.commits {
            seen["marker"] = json!(if commits { "COMMIT" } else { "ABORT" });
            return seen;
        }
        if batch.transactional {
            seen["transactional"] = json!(true);
        }
        let record = |record: headwater_streams::log::RecordRef<'_>| json!({"offset": record.offset, "key": from_bytes(record.key), "value": from_bytes(record.value)});
        seen["records"] = batch.records.iter().map(record).collect();
        seen
    }
}

/// The isolation that a step asks for.
pub(super) fn isolation(step: &Step, otherwise: &str) -> Isolation {
    if step.text_or("isolation", otherwise) == "read_committed" { Isolation::Committed } else { Isolation::Uncommitted }
}

fn configs(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
