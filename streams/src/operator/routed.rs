//! Records that choose their topic or their partitions. Sinks and repartitions without a choice do not come here.

use crate::format::{FormatError, Nullable};
use crate::record::{Headers, Timestamp};
use crate::task::{Context, Destinations, Failure, Flow, OutputId};
use crate::topic::{Partitioner, Partitions, Target};
use std::collections::HashMap;
use std::sync::Arc;

/// The way of one sink's records in one task.
pub(crate) struct Routed<K, V: Nullable> {
    stage: Arc<str>,
    to: Outputs<K, V>,
    partitioner: Option<Partitioner<K, V>>,
}

enum Outputs<K, V: Nullable> {
    One(Arc<str>, OutputId),
    Chosen {
        choose: Arc<dyn Fn(&K, Option<&V::Present>) -> String + Send + Sync>,
        there: Arc<Destinations>,
        met: HashMap<String, OutputId>,
    },
}

/// What a record is made of, as far as it is the same wherever it goes.
pub(super) struct Letter<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) timestamp: Timestamp,
    pub(super) headers: &'a Headers,
}

impl<K, V: Nullable> Routed<K, V> {
    pub(crate) fn new(
        stage: Arc<str>, target: &Target<K, V>, partitioner: Option<Partitioner<K, V>>, there: &Arc<Destinations>,
        output: impl FnOnce(&str) -> OutputId,
    ) -> Self {
        let to = match target {
            Target::Topic(topic) => Outputs::One(Arc::from(*topic), output(topic)),
            Target::Chosen(choose) => Outputs::Chosen { choose: choose.clone(), there: there.clone(), met: HashMap::new() },
        };
        Routed { stage, to, partitioner }
    }

    /// The same for an internal topic.
    pub(crate) fn to_topic(stage: Arc<str>, topic: Arc<str>, output: OutputId, partitioner: Partitioner<K, V>) -> Self {
        Routed { stage, to: Outputs::One(topic, output), partitioner: Some(partitioner) }
    }

    /// Sends a record wherever it belongs; `write` encodes its value, once for each partition.
    pub(super) fn send(
        &mut self, key: &K, value: Option<&V::Present>, letter: &Letter<'_>, task: &mut Context,
        write: impl Fn(&mut Vec<u8>) -> Result<bool, FormatError>,
    ) -> Flow {
        let routed = self.route(key, value, task).and_then(|(to, partitions)| {
            let mut send_to = |partition: i32| -> Result<(), Failure> {
                let count = task.outbox.partitions(to);
                let place = u32::try_from(partition).ok().filter(|_| partition < count);
                let place = place.ok_or_else(|| Failure::text(format!("the partitioner chose partition {partition} of {count}")))?;
                Ok(task.outbox.send_to(to, place, letter.key, letter.timestamp, letter.headers, &write)?)
            };
            match partitions {
                Partitions::OfKey => Ok(task.outbox.send(to, letter.key, letter.timestamp, letter.headers, &write)?),
                Partitions::One(partition) => send_to(partition),
                Partitions::Each(partitions) => partitions.into_iter().try_for_each(send_to),
                Partitions::All => (0..task.outbox.partitions(to)).try_for_each(|partition| {
                    Ok(task.outbox.send_to(to, partition as u32, letter.key, letter.timestamp, letter.headers, &write)?)
                }),
                Partitions::Nowhere => {
                    task.drop_record();
                    Ok(())
                }
            }
        });
        routed.or_else(|failure| task.fail_send(&self.stage, failure))
    }

    fn route(&mut self, key: &K, value: Option<&V::Present>, task: &mut Context) -> Result<(OutputId, Partitions), Failure> {
        let partitions = |topic: &str, to: OutputId, task: &Context| match &self.partitioner {
            Some(choose) => choose(topic, key, value, task.outbox.partitions(to)),
            None => Partitions::OfKey,
        };
        match &mut self.to {
            Outputs::One(topic, to) => Ok((*to, partitions(topic, *to, task))),
            Outputs::Chosen { choose, there, met } => {
                let topic = choose(key, value);
                let to = match met.get(&topic) {
                    Some(to) => *to,
                    None => *met.entry(topic.clone()).or_insert(meet(&topic, there, task)?),
                };
                Ok((to, partitions(&topic, to, task)))
            }
        }
    }
}

/// A topic that data has chosen for the first time.
fn meet(topic: &str, there: &Destinations, task: &mut Context) -> Result<OutputId, Failure> {
    let missing = || Failure::text(format!("topic `{topic}`, which the record chose, did not exist when the application started"));
    let partitions = there.partitions_of(topic).ok_or_else(missing)?;
    Ok(task.outbox.output(&Arc::from(topic), partitions))
}
