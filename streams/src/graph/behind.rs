//! Which topics a store is filled from: keys stand in its partitions as they stand in theirs.

use super::settle::{Settled, repartition_topic};
use super::{Kind, NodeId, TopicName};
use std::collections::BTreeSet;

impl Settled {
    /// The topics at the beginning of all ways to the nodes that have the store.
    pub(super) fn topics_behind(&self, store: &'static str) -> Vec<TopicName> {
        let mut next: Vec<NodeId> = self.sub_topologies.iter().flat_map(|sub| &sub.nodes).copied().collect();
        next.retain(|id| self.nodes[*id].stores.contains(&store));
        let (mut seen, mut topics) = (BTreeSet::new(), BTreeSet::new());
        while let Some(id) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &self.nodes[id].kind {
                Kind::Source(source) => topics.extend(source.topics.iter().map(|topic| TopicName::Fixed(topic))),
                Kind::RepartitionSource { sink } => drop(topics.insert(repartition_topic(&self.repartition_names[sink]))),
                _ => next.extend(&self.nodes[id].parents),
            }
        }
        topics.into_iter().collect()
    }
}
