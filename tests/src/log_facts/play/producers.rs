//! Producers.

use std::collections::BTreeMap;

use headwater_streams::log::{
    Delivery, GroupOffset, Header, Headers, LogError, NO_OFFSET, Producer, ProducerConfig, Records, Ticket, TopicPartition,
};
use serde_json::{Value, json};

use super::Play;
use crate::log_facts::case::Step;
use crate::log_facts::pace::{linger, transaction_timeout};
use crate::log_facts::value::{error_name, place_of, to_bytes, transactional};

/// So often a call is made that may succeed when it is repeated.
const ATTEMPTS: u32 = 5;

/// A producer with what it was given and not yet told about.
pub(super) struct Sender {
    producer: Box<dyn Producer>,
    transactional_id: Option<String>,
    waiting: Vec<Waiting>,
    known: BTreeMap<Ticket, Delivery>,
}

/// One send and how many records it has; or why it was not taken.
struct Waiting {
    to: TopicPartition,
    records: usize,
    ticket: Result<Ticket, LogError>,
}

impl Play {
    pub(super) fn producer_step(&mut self, step: &Step) -> Result<Value, String> {
        let name = step.text("producer")?.to_owned();
        match step.op.as_str() {
            "producer" => self.make_producer(step, name),
            "kill" => {
                self.senders.remove(&name);
                Ok(json!({}))
            }
            "begin" => self.call(&name, |producer| producer.begin()),
            "init" => self.end(step, &name, |producer| producer.init_transactions()),
            "commit" => self.end(step, &name, |producer| producer.commit()),
            "abort" => self.end(step, &name, |producer| producer.abort()),
            "send" => {
                let records = self.records(std::slice::from_ref(&step.body))?;
                let waiting = self.hand_over(&name, step, records)?;
                let results = self.results(&name, vec![waiting])?;
                Ok(results.into_iter().next().unwrap_or_default())
            }
            "send_batch" => {
                let records = self.records(step.list("records"))?;
                let waiting = self.hand_over(&name, step, records)?;
                Ok(json!({"results": self.results(&name, vec![waiting])?}))
            }
            "enqueue" => {
                let records = self.records(step.list("records"))?;
                let waiting = self.hand_over(&name, step, records)?;
                self.sender(&name)?.waiting.push(waiting);
                Ok(json!({}))
            }
            "flush" => {
                // What became of the records is told by `results`.
                self.sender(&name)?.settle(&[]);
                Ok(json!({}))
            }
            "results" => {
                let waiting = std::mem::take(&mut self.sender(&name)?.waiting);
                Ok(json!({"results": self.results(&name, waiting)?}))
            }
            _ => self.send_offsets(step, &name),
        }
    }

    fn make_producer(&mut self, step: &Step, name: String) -> Result<Value, String> {
        let config = ProducerConfig {
            transactional_id: step.body["transactional_id"].as_str().map(Into::into),
            transaction_timeout: transaction_timeout(step),
            linger: linger(step, self.subject.is_real()),
            // What the cases are about is a broker, which takes these.
            offsets_from_outside: true,
            ..ProducerConfig::default()
        };
        let transactional_id = config.transactional_id.clone();
        let producer = self.subject.log().producer(config).map_err(|error| error.to_string())?;
        self.senders.insert(name, Sender { producer, transactional_id, waiting: Vec::new(), known: BTreeMap::new() });
        Ok(json!({}))
    }

    fn send_offsets(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let offsets = offsets(step.list("offsets"), "")?;
        let member = self.identity(&step.body["member"]);
        let group = step.text("group")?;
        let sender = self.sender(name)?;
        let result = sender.producer.send_offsets(group, &offsets, &member);
        let id = sender.transactional_id.clone();
        self.open.commits(id.as_ref(), group, &offsets);
        Ok(transactional(result))
    }

    fn call(&mut self, name: &str, call: impl Fn(&mut dyn Producer) -> Result<(), LogError>) -> Result<Value, String> {
        Ok(transactional(call(&mut *self.sender(name)?.producer)))
    }

    /// A call that ends a transaction. The recorder repeated what may be repeated, and waited for the markers.
    fn end(&mut self, step: &Step, name: &str, call: impl Fn(&mut dyn Producer) -> Result<(), LogError>) -> Result<Value, String> {
        let is_real = self.subject.is_real();
        let sender = self.senders.get(name).ok_or_else(|| format!("no producer {name}"))?;
        let id = sender.transactional_id.clone().filter(|_| is_real);
        let ends_queue = |at: &TopicPartition| if step.op == "commit" { sender.queued(at) } else { 0 };
        // Nothing may come between what was put into a queue and the abort that throws it away.
        let is_urgent = step.op == "abort" && !sender.waiting.is_empty();
        let traces = id.as_ref().filter(|_| !is_urgent).map(|id| self.traces(id, ends_queue)).unwrap_or_default();
        let sender = self.sender(name)?;
        let mut result = call(&mut *sender.producer);
        for _ in 1..ATTEMPTS {
            if !is_real || !result.as_ref().is_err_and(LogError::is_retriable) {
                break;
            }
            result = call(&mut *sender.producer);
        }
        self.answered = Some(self.subject.elapsed());
        if let Some(id) = id.filter(|_| result.is_ok()) {
            self.settle(&id, &traces);
        }
        Ok(transactional(result))
    }

    fn hand_over(&mut self, name: &str, step: &Step, mut records: Records) -> Result<Waiting, String> {
        let to = place_of(&step.body)?;
        let count = records.len();
        let sender = self.sender(name)?;
        let ticket = sender.producer.send(&to, &mut records);
        let id = sender.transactional_id.clone();
        self.open.sends(id.as_ref(), &to);
        Ok(Waiting { to, records: count, ticket })
    }

    /// One result for each record.
    fn results(&mut self, name: &str, waiting: Vec<Waiting>) -> Result<Vec<Value>, String> {
        let sender = self.senders.get_mut(name).ok_or_else(|| format!("no producer {name}"))?;
        sender.settle(&waiting);
        let mut all = Vec::new();
        for one in waiting {
            let results = sender.result(&one);
            if let Some(first) = results.iter().find_map(|result| result["offset"].as_i64()) {
                self.open.stores(sender.transactional_id.as_ref(), &one.to, first);
            }
            all.extend(results);
        }
        Ok(all)
    }

    fn sender(&mut self, name: &str) -> Result<&mut Sender, String> {
        self.senders.get_mut(name).ok_or_else(|| format!("no producer {name}"))
    }

    fn records(&mut self, given: &[Value]) -> Result<Records, String> {
        let mut records = Records::new();
        for record in given {
            let timestamp = self.stamp(&record["timestamp"]);
            let (key, value) = (to_bytes(&record["key"]), to_bytes(&record["value"]));
            records.push(NO_OFFSET, timestamp, key.as_deref(), value.as_deref(), &headers(&record["headers"])?);
        }
        Ok(records)
    }
}

impl Sender {
    /// How many records for this partition have not been sent yet.
    fn queued(&self, at: &TopicPartition) -> usize {
        let is_queued = |waiting: &&Waiting| waiting.ticket.as_ref().is_ok_and(|ticket| !self.known.contains_key(ticket));
        self.waiting.iter().filter(|waiting| waiting.to == *at).filter(is_queued).map(|waiting| waiting.records).sum()
    }

    /// Waits until it is known what became of these.
    fn settle(&mut self, waiting: &[Waiting]) {
        for _ in 0..ATTEMPTS {
            // A refusal of the flush is told by each record itself; one that had no answer in time is asked for again.
            let _ = self.producer.flush();
            let mut deliveries = Vec::new();
            self.producer.deliveries(&mut deliveries);
            self.known.extend(deliveries.into_iter().map(|delivery| (delivery.ticket, delivery)));
            if waiting.iter().all(|waiting| waiting.ticket.as_ref().map_or(true, |ticket| self.known.contains_key(ticket))) {
                break;
            }
        }
    }

    fn result(&mut self, waiting: &Waiting) -> Vec<Value> {
        let outcome = match &waiting.ticket {
            Ok(ticket) => self.known.remove(ticket).map(|delivery| delivery.outcome),
            Err(error) => return vec![error_name(error); waiting.records],
        };
        (0..waiting.records as i64)
            .map(|place| match &outcome {
                None => json!({"error": "no answer"}),
                Some(Ok(stored)) => json!({"offset": stored.first + place}),
                Some(Err(refused)) => error_name(&refused.error),
            })
            .collect()
    }
}

/// Offsets of a group out of a case.
pub(super) fn offsets(given: &[Value], no_metadata: &str) -> Result<Vec<GroupOffset>, String> {
    let one = |given: &Value| {
        let metadata = to_bytes(&given["metadata"]).map_or_else(|| Ok(no_metadata.to_owned()), String::from_utf8);
        let offset = given["offset"].as_i64().ok_or("no offset")?;
        Ok(GroupOffset { at: place_of(given)?, offset, metadata: metadata.map_err(|error| error.to_string())? })
    };
    given.iter().map(one).collect()
}

fn headers(given: &Value) -> Result<Headers, String> {
    let one = |pair: &Value| {
        let name = pair[0].as_str().ok_or("a header without a name")?;
        Ok(Header { name: name.into(), value: to_bytes(&pair[1]).map(Into::into) })
    };
    given.as_array().into_iter().flatten().map(one).collect()
}
