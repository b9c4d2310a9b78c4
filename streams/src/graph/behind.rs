//! Which topics a store is filled from: keys stand in its partitions as they stand in theirs.

use super::settle::{Settled, repartition_topic};
use super::{Kind, NodeId, TopicName};
use std::collections::{BTreeMap, BTreeSet};

/// How keys have come into the partitions of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// By their bytes, as Kafka's default partitioner does. Of the topics of others nothing else is known.
    ByKey,
    /// By a function of the user's: a key may be anywhere.
    Anywhere,
}

impl Settled {
    /// The topics at the beginning of all ways to the nodes that have the store.
    pub(super) fn topics_behind(&self, store: &'static str) -> BTreeMap<TopicName, Placed> {
        let mut next: Vec<NodeId> = self.sub_topologies.iter().flat_map(|sub| &sub.nodes).copied().collect();
        next.retain(|id| self.nodes[*id].stores.contains(&store));
        let (mut seen, mut topics) = (BTreeSet::new(), BTreeMap::new());
        while let Some(id) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &self.nodes[id].kind {
                Kind::Source(source) => topics.extend(source.topics.iter().map(|topic| (TopicName::Fixed(topic), Placed::ByKey))),
                Kind::RepartitionSource { sink } => {
                    topics.insert(repartition_topic(&self.repartition_names[sink]), self.placed(*sink));
                }
                _ => next.extend(&self.nodes[id].parents),
            }
        }
        topics
    }

    fn placed(&self, sink: NodeId) -> Placed {
        match &self.nodes[sink].kind {
            Kind::Repartition(repartition) if repartition.has_partitioner => Placed::Anywhere,
            _ => Placed::ByKey,
        }
    }
}
