//! Processors.

use super::streams::called;
use super::thing::on_stream;
use super::{Builder, CaseKey, Made, StoreRole, Thing, unsupported};
use crate::conformance::case::{Node, Processor};
use crate::conformance::value::Value;
use headwater_streams::dsl::{KStream, Materialized, Processor as Processes, Store};
use headwater_streams::operator::{Out, OutValues, ProcessorContext};
use headwater_streams::record::{Headers, Record, Timestamp};
use headwater_streams::task::store::StoreHandle;
use headwater_streams::task::{Due, Failure, Schedules};
use std::cell::Cell;
use std::time::Duration;

type Values = StoreHandle<Value, Value>;
type Plain = Materialized<Value, Value>;

impl Builder<'_> {
    pub(super) fn process(&mut self, node: &Node, from: &str, processor: &Processor) -> Made {
        let store = self.plain_store(processor);
        fn process<K: CaseKey>(stream: KStream<K, Value>, node: &Node, processor: Processor, store: Option<Plain>) -> Thing {
            let processed = match (processor, store) {
                (Processor::Dedup { ttl_ms, .. }, Some(store)) => {
                    stream.process(store, move |record, seen, out| dedup(record, ttl_ms, seen, out))
                }
                (Processor::Punctuate { clock, interval_ms, times, .. }, Some(store)) => {
                    let by_wall = clock == "wall";
                    stream.process_with(store, move || Counter { by_wall, interval_ms, times, fired: Cell::new(0) })
                }
                (_, Some(store)) => stream.process(store, total),
                (processor, None) => stream.process((), move |record, (), out| {
                    let answers = answers(&processor, &record.key.to_value(), &record, out)?;
                    answers.into_iter().try_for_each(|(value, timestamp, headers)| {
                        out.send_record(Record { key: record.key.clone(), value, timestamp, headers })
                    })?;
                    Ok(())
                }),
            };
            K::stream(called(processed, node))
        }
        Ok(Some(on_stream!(self.thing(from)?, "process", stream => process(stream, node, processor.clone(), store))))
    }

    pub(super) fn process_values(&mut self, node: &Node, from: &str, processor: &Processor) -> Made {
        if matches!(processor, Processor::Dedup { .. } | Processor::Punctuate { .. }) {
            return Err(unsupported("such a processor may change the key"));
        }
        let store = self.plain_store(processor);
        fn process<K: CaseKey>(stream: KStream<K, Value>, processor: Processor, store: Option<Plain>) -> KStream<K, Value> {
            match store {
                Some(store) => stream.process_values(store, total_values),
                None => stream.process_values((), move |record: Record<&K, Value>, (), out: &mut OutValues<'_, K, Value>| {
                    let answers = answers(&processor, &record.key.to_value(), &record, out)?;
                    answers.into_iter().try_for_each(|(value, timestamp, headers)| out.send_at(value, timestamp, headers))?;
                    Ok(())
                }),
            }
        }
        fn made<K: CaseKey>(stream: KStream<K, Value>, node: &Node) -> Thing {
            K::stream(super::streams::called(stream, node))
        }
        Ok(Some(on_stream!(self.thing(from)?, "process_values", stream => made(process(stream, processor.clone(), store), node))))
    }

    /// Kafka's processors have stores without times and without caches.
    fn plain_store(&mut self, processor: &Processor) -> Option<Plain> {
        let (Processor::Total { store } | Processor::Dedup { store, .. } | Processor::Punctuate { store, .. }) = processor else {
            return None;
        };
        self.stores.insert(store.clone(), StoreRole::PlainRows);
        Some(Store::of(store).uncached())
    }
}

/// What processors without a store send: value, time and headers.
fn answers<K, K2, V2>(
    processor: &Processor, key: &Value, record: &Record<K, Value>, out: &Out<'_, K2, V2>,
) -> Result<Vec<(Value, Timestamp, Headers)>, Failure> {
    let answer = |value| vec![(value, record.timestamp, record.headers.clone())];
    Ok(match processor {
        Processor::Echo { n } => vec![(record.value.clone(), record.timestamp, record.headers.clone()); *n],
        Processor::Header { name, value } => {
            let headers = record.headers.with(name, Some(value.apply(key, &record.value).show().as_bytes()));
            vec![(record.value.clone(), record.timestamp, headers)]
        }
        Processor::Metadata => {
            let read = out.coordinates().map(|at| format!("{}/{}/{}", at.topic, at.partition, at.offset));
            let nowhere = || "null/-1/-1".to_owned();
            answer(Value::text(format!("{}|{}", read.unwrap_or_else(nowhere), record.value.show())))
        }
        Processor::Time => answer(Value::text(format!("{}/{}/{}", record.timestamp, out.stream_time(), out.wall_time()))),
        Processor::ShiftTs { ms } => vec![(record.value.clone(), record.timestamp + ms, record.headers.clone())],
        Processor::FailOn { p } if p.test(key, &record.value) => return Err(Failure::text("built-in failure")),
        Processor::FailOn { .. } => answer(record.value.clone()),
        Processor::Total { .. } | Processor::Dedup { .. } | Processor::Punctuate { .. } => {
            return Err(Failure::text("this one has a store"));
        }
    })
}

/// The running total of a key; without a key the value by itself.
fn added(key: &Value, value: &Value, totals: &mut Values) -> Result<Value, Failure> {
    if key.is_null() {
        return Ok(Value::Long(value.number()));
    }
    let stored = totals.get(key)?.unwrap_or(Value::Null).number();
    let total = Value::Long(stored.wrapping_add(value.number()));
    totals.put(key, total.clone())?;
    Ok(total)
}

fn total<K: CaseKey>(record: Record<K, Value>, totals: &mut Values, out: &mut Out<'_, K, Value>) -> Result<(), Failure> {
    let total = added(&record.key.to_value(), &record.value, totals)?;
    out.send(record.key, total);
    Ok(())
}

fn total_values<K: CaseKey>(record: Record<&K, Value>, totals: &mut Values, out: &mut OutValues<'_, K, Value>) -> Result<(), Failure> {
    let total = added(&record.key.to_value(), &record.value, totals)?;
    out.send(total);
    Ok(())
}

fn dedup<K: CaseKey>(record: Record<K, Value>, ttl_ms: i64, seen: &mut Values, out: &mut Out<'_, K, Value>) -> Result<(), Failure> {
    let key = record.key.to_value();
    if key.is_null() {
        return Ok(());
    }
    match seen.get(&key)? {
        Some(Value::Long(at)) if record.timestamp - at < ttl_ms => Ok(()),
        _ => {
            seen.put(&key, Value::Long(record.timestamp))?;
            out.send(record.key, record.value);
            Ok(())
        }
    }
}

/// Counts by key, and tells and forgets the counts when its time has come.
struct Counter {
    by_wall: bool,
    interval_ms: i64,
    times: Option<usize>,
    fired: Cell<usize>,
}

impl<K: CaseKey> Processes<K, Value> for Counter {
    type Stores = Plain;
    type Key = K;
    type Value = Value;

    fn init(&mut self, schedules: &mut Schedules) {
        let every = Duration::from_millis(self.interval_ms.unsigned_abs());
        if self.by_wall {
            schedules.wall_clock(every)
        } else {
            schedules.stream_time(every)
        };
    }

    fn process(&self, record: Record<K, Value>, counts: &mut Values, _: &mut ProcessorContext<'_, K, Value>) -> Result<(), Failure> {
        let key = record.key.to_value();
        if !key.is_null() {
            let count = counts.get(&key)?.unwrap_or(Value::Null).number();
            counts.put(&key, Value::Long(count + 1))?;
        }
        Ok(())
    }

    fn punctuate(&self, due: Due, counts: &mut Values, context: &mut ProcessorContext<'_, K, Value>) -> Result<(), Failure> {
        let entries = counts.all()?;
        for (key, count) in &entries {
            context.send(K::of_value(key).ok_or_else(|| Failure::text("a key of another kind"))?, count.clone());
        }
        entries.iter().try_for_each(|(key, _)| counts.delete(key))?;
        self.fired.set(self.fired.get() + 1);
        if self.times == Some(self.fired.get()) {
            context.schedules().cancel(due.schedule);
        }
        Ok(())
    }
}
