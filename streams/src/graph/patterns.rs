//! Sources that read topics by a pattern: checked when the topology is built, resolved when the application starts.

use super::copartition::copartition_groups;
use super::settle::Settled;
use super::sub_topology::inputs_of;
use super::{Graph, Kind, NodeId, TopologyError};
use crate::topic::intern;
use regex::Regex;

/// The whole name must match, as in Kafka.
fn whole(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

impl Graph {
    /// Patterns that are none, and topics that a pattern would take from a source that names them.
    pub(super) fn check_patterns(&self, found: &mut Vec<TopologyError>) {
        for source in self.nodes.iter().filter_map(|node| if let Kind::Source(source) = &node.kind { Some(source) } else { None }) {
            let Some(pattern) = source.pattern else { continue };
            match whole(pattern) {
                Ok(regex) => {
                    let named =
                        self.nodes.iter().filter_map(|node| if let Kind::Source(other) = &node.kind { Some(&other.topics) } else { None });
                    let taken = named.flatten().filter(|topic| regex.is_match(topic));
                    found.extend(taken.map(|topic| TopologyError::PatternTakesTopic { pattern, topic }));
                }
                Err(reason) => found.push(TopologyError::IllegalPattern { pattern, reason }),
            }
        }
    }
}

impl Settled {
    pub(super) fn has_patterns(&self) -> bool {
        self.pattern_nodes().next().is_some()
    }

    fn pattern_nodes(&self) -> impl Iterator<Item = (NodeId, &'static str)> {
        let pattern = |(id, node): (NodeId, &super::Node)| match &node.kind {
            Kind::Source(source) => Some((id, source.pattern?)),
            _ => None,
        };
        self.nodes.iter().enumerate().filter_map(pattern)
    }

    /// Whether a pattern matches this topic.
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.pattern_nodes().any(|(_, pattern)| whole(pattern).is_ok_and(|regex| regex.is_match(topic)))
    }

    /// The topics of each pattern among those that exist. An error is what somebody must know.
    pub(super) fn resolve<'a>(&mut self, existing: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        let mut taken: Vec<(&'static str, &'static str)> = Vec::new();
        for (id, pattern) in self.pattern_nodes().collect::<Vec<_>>() {
            let regex = whole(pattern).map_err(|reason| format!("pattern {pattern}: {reason}"))?;
            let mut topics: Vec<_> = existing.clone().filter(|topic| regex.is_match(topic)).map(intern).collect();
            topics.sort_unstable();
            if topics.is_empty() {
                return Err(format!("no topic matches {pattern}: create one before the application starts"));
            }
            for topic in &topics {
                if let Some((_, other)) = taken.iter().find(|(known, _)| known == topic) {
                    return Err(format!("topic {topic} is matched by two sources, {other} and {pattern}: make the patterns narrower"));
                }
                taken.push((topic, pattern));
            }
            if let Kind::Source(source) = &mut self.nodes[id].kind {
                source.topics = topics;
            }
            self.read_by(id);
        }
        let mut runs = vec![false; self.nodes.len()];
        self.sub_topologies.iter().flat_map(|sub| &sub.nodes).for_each(|id| runs[*id] = true);
        self.copartition_groups = copartition_groups(&self.nodes, &runs, &self.repartition_names);
        Ok(())
    }

    /// Tells the sub-topology of a source what that reads now.
    fn read_by(&mut self, id: NodeId) {
        let inputs = inputs_of(&self.nodes, &self.nodes[id], &self.repartition_names);
        if let Some(sub) = self.sub_topologies.iter_mut().find(|sub| sub.nodes.contains(&id)) {
            let is_new = |input: &super::Input| !sub.inputs.iter().any(|known| known.topic == input.topic);
            let new: Vec<_> = inputs.into_iter().filter(is_new).collect();
            // Streams stand before tables: the first of them is the anchor.
            sub.inputs.splice(0..0, new);
        }
    }
}

/// What a pattern leaves out: the topics of the application itself and of the broker.
pub(super) fn is_somebodys(topic: &str, application_id: &str) -> bool {
    let is_ours = topic.strip_prefix(application_id).is_some_and(|rest| rest.starts_with('-'));
    !is_ours && !topic.starts_with("__")
}
