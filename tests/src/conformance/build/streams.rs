//! Sources, operations on streams without state, sinks.

use super::thing::on_stream;
use super::{Builder, CaseKey, Made, Thing, Unbuildable, unsupported};
use crate::conformance::case::{Branch, Node};
use crate::conformance::functions::{Lister, Mapper, Predicate};
use crate::conformance::value::{Value, decimal};
use headwater_streams::dsl::{KStream, Repartitioned};
use headwater_streams::topic::{IntoSource, Sink, Source, Topic};

impl Builder<'_> {
    pub(super) fn stream(&mut self, node: &Node, topics: &[String], timestamps: Option<&str>) -> Made {
        self.sources.extend(node.id.clone().map(|id| (id, topics.join(" "))));
        let mut names = topics.to_vec();
        names.sort_unstable();
        names.dedup();
        // Kafka reads the same topics once, in the way that was said first.
        if let Some(known) = self.streams.get(&names) {
            return Ok(Some(known.clone()));
        }
        let topics: Vec<Topic<Value, Value>> = topics.iter().map(Topic::of).collect();
        let stream = Thing::Stream(self.app.stream(named(timed(topics.into_source(), timestamps)?, node)));
        self.streams.insert(names, stream.clone());
        Ok(Some(stream))
    }

    pub(super) fn filter_stream(&self, node: &Node, from: Thing, p: Predicate) -> Made {
        Ok(Some(on_stream!(from, "filter", stream => kept(stream, node, p))))
    }

    pub(super) fn map_stream_values(&self, node: &Node, from: Thing, f: Mapper) -> Made {
        Ok(Some(on_stream!(from, "map_values", stream => mapped(stream, node, f))))
    }

    pub(super) fn map(&mut self, node: &Node, from: &str, key: &Mapper, value: &Mapper) -> Made {
        let (key, value) = (key.clone(), value.clone());
        fn map<K: CaseKey>(stream: KStream<K, Value>, key: Mapper, value: Mapper) -> KStream<Value, Value> {
            stream.map(move |k, v| {
                let k = k.to_value();
                (key.apply(&k, &v), value.apply(&k, &v))
            })
        }
        let stream = on_stream!(self.thing(from)?, "map", stream => map(stream, key, value));
        Ok(Some(Thing::Stream(called(stream, node))))
    }

    pub(super) fn select_key(&mut self, node: &Node, from: &str, key: &Mapper) -> Made {
        let key = key.clone();
        let stream = on_stream!(self.thing(from)?, "select_key", stream => stream.select_key(move |k, v| key.apply(&k.to_value(), v)));
        Ok(Some(Thing::Stream(called(stream, node))))
    }

    pub(super) fn flat_map(&mut self, node: &Node, from: &str, values: &Lister, key: &Mapper) -> Made {
        let (values, key) = (values.clone(), key.clone());
        fn flat_map<K: CaseKey>(stream: KStream<K, Value>, values: Lister, key: Mapper) -> KStream<Value, Value> {
            stream.flat_map(move |k, v| {
                let k = k.to_value();
                let list = values.list(&k, &v).into_iter();
                list.map(|value| (key.apply(&k, &value), value)).collect::<Vec<_>>()
            })
        }
        let stream = on_stream!(self.thing(from)?, "flat_map", stream => flat_map(stream, values, key));
        Ok(Some(Thing::Stream(called(stream, node))))
    }

    pub(super) fn flat_map_values(&mut self, node: &Node, from: &str, values: &Lister) -> Made {
        let values = values.clone();
        fn flat<K: CaseKey>(stream: KStream<K, Value>, node: &Node, values: Lister) -> Thing {
            K::stream(called(stream.flat_map_values(move |k, v| values.list(&k.to_value(), &v)), node))
        }
        Ok(Some(on_stream!(self.thing(from)?, "flat_map_values", stream => flat(stream, node, values))))
    }

    pub(super) fn peek(&mut self, from: &str) -> Made {
        fn peek<K: CaseKey>(stream: KStream<K, Value>) -> Thing {
            K::stream(stream.peek(|_, _| ()))
        }
        Ok(Some(on_stream!(self.thing(from)?, "peek", stream => peek(stream))))
    }

    pub(super) fn for_each(&mut self, from: &str) -> Made {
        on_stream!(self.thing(from)?, "foreach", stream => stream.for_each(|_, _| ()));
        Ok(None)
    }

    pub(super) fn split(&mut self, from: &str, branches: &[Branch], default: Option<&str>) -> Made {
        fn split<K: CaseKey>(stream: KStream<K, Value>, branches: &[Branch], default: Option<&str>) -> Vec<(String, Thing)> {
            let split = stream.split();
            let branch = |branch: &Branch| {
                let p = branch.p.clone();
                (branch.id.clone(), K::stream(split.branch(move |k, v| p.test(&k.to_value(), v))))
            };
            let mut made: Vec<_> = branches.iter().map(branch).collect();
            made.extend(default.map(|id| (id.to_owned(), K::stream(split.default()))));
            made
        }
        let made = on_stream!(self.thing(from)?, "split", stream => split(stream, branches, default));
        self.things.extend(made);
        Ok(None)
    }

    pub(super) fn merge(&mut self, from: &[String]) -> Made {
        let mut things = from.iter().map(|id| self.thing(id)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = things.next().ok_or_else(|| unsupported("a merge of nothing"))?;
        let merged = things.try_fold(first, |merged, thing| match (merged, thing) {
            (Thing::Stream(a), Thing::Stream(b)) => Ok(Thing::Stream(a.merge(&b))),
            (Thing::WindowedStream(a), Thing::WindowedStream(b)) => Ok(Thing::WindowedStream(a.merge(&b))),
            (_, other) => Err(other.has_no("merge")),
        });
        merged.map(Some)
    }

    pub(super) fn repartition(&mut self, node: &Node, from: &str, partitions: Option<i32>) -> Made {
        let name = self.label(node);
        fn repartition<K: CaseKey>(stream: KStream<K, Value>, name: String, partitions: Option<i32>) -> Thing {
            let options = Repartitioned::named(name);
            // Nobody counts partitions here, where each topic has one; Kafka takes 0 as well.
            let options = partitions.into_iter().filter(|count| *count > 0).fold(options, Repartitioned::partitions);
            K::stream(stream.repartition(options))
        }
        Ok(Some(on_stream!(self.thing(from)?, "repartition", stream => repartition(stream, name, partitions))))
    }

    pub(super) fn to(&mut self, node: &Node, from: &str, topic: Option<&str>, topic_fn: Option<&Mapper>) -> Made {
        fn to<K: CaseKey>(stream: KStream<K, Value>, topic: Option<&str>, topic_fn: Option<Mapper>, name: Option<&String>) {
            let chosen = |f: Mapper| move |k: &K, v: Option<&Value>| f.apply(&k.to_value(), v.unwrap_or(&Value::Null)).show();
            let sink = match topic_fn {
                Some(f) => Sink::chosen_by(chosen(f)),
                None => Topic::of(topic.unwrap_or_default()).sink(),
            };
            let sink = K::written(sink);
            stream.to(match name {
                Some(name) => sink.named(name),
                None => sink,
            });
        }
        on_stream!(self.thing(from)?, "to", stream => to(stream, topic, topic_fn.cloned(), node.name.as_ref()));
        Ok(None)
    }
}

fn kept<K: CaseKey>(stream: KStream<K, Value>, node: &Node, p: Predicate) -> Thing {
    K::stream(called(stream.filter(move |k, v| p.test(&k.to_value(), v)), node))
}

fn mapped<K: CaseKey>(stream: KStream<K, Value>, node: &Node, f: Mapper) -> Thing {
    K::stream(called(stream.map_values(move |k, v| f.apply(&k.to_value(), &v)), node))
}

/// The stream under a name of its own, for a repartition that would otherwise have none. Kafka makes such names.
pub(super) fn entering<K: CaseKey>(stream: &KStream<K, Value>, name: String) -> KStream<K, Value> {
    stream.peek(|_, _| ()).named(name)
}

/// The stream under the name that the case gives, if it gives one.
pub(super) fn called<K: CaseKey>(stream: KStream<K, Value>, node: &Node) -> KStream<K, Value> {
    match &node.name {
        Some(name) => stream.named(name),
        None => stream,
    }
}

/// The source under the name that the case gives, if it gives one.
pub(super) fn named(source: Source<Value, Value>, node: &Node) -> Source<Value, Value> {
    match &node.name {
        Some(name) => source.named(name),
        None => source,
    }
}

/// The source with the timestamps that the case wants.
pub(super) fn timed(source: Source<Value, Value>, timestamps: Option<&str>) -> Result<Source<Value, Value>, Unbuildable> {
    match timestamps.unwrap_or("record") {
        "record" => Ok(source),
        "log_and_skip" => Ok(source.skip_invalid_timestamps()),
        "use_partition_time" => Ok(source.partition_time_for_invalid_timestamps()),
        "from_value" => Ok(source.timestamp_if_any(|_, value| time_in(value))),
        other => Err(unsupported(format!("unsupported timestamps {other}"))),
    }
}

/// A long is the time itself; a string may begin with it.
fn time_in(value: &Value) -> Option<i64> {
    match value {
        Value::Long(time) => Some(*time),
        Value::String(text) => decimal(text.split(':').next().unwrap_or_default()),
        Value::Null | Value::List(_) | Value::Windowed(_) => None,
    }
}
