//! Who gets which partitions: what the leader of a group decides, and how members tell it what they have.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::core::codec::{Decoder, Encoder};
use crate::log::{AssignmentPolicy, LogError, TopicPartition};

/// What a member tells the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) topics: Vec<String>,
    /// What it holds, as of this generation.
    pub(super) owned: BTreeSet<TopicPartition>,
    pub(super) generation: i32,
}

/// The assignment of all members, by member id.
pub(super) type Assignment = BTreeMap<String, BTreeSet<TopicPartition>>;

/// Shares the partitions of the subscribed topics out. `counts` says how many partitions each topic has.
pub(super) fn assign(policy: AssignmentPolicy, members: &BTreeMap<String, Subscription>, counts: &BTreeMap<String, i32>) -> Assignment {
    match policy {
        AssignmentPolicy::Range => range(members, counts),
        AssignmentPolicy::CooperativeSticky => {
            let owners = owners(members, counts);
            let mut assignment = sticky(members, counts, &owners);
            // What another member still holds is given away only after that member has let it go.
            for (id, partitions) in &mut assignment {
                partitions.retain(|at| owners.get(at).is_none_or(|owner| owner == id));
            }
            assignment
        }
    }
}

/// The name of a policy in the group protocol.
pub(super) fn strategy(policy: AssignmentPolicy) -> &'static str {
    match policy {
        AssignmentPolicy::CooperativeSticky => "cooperative-sticky",
        AssignmentPolicy::Range => "range",
    }
}

/// Neighbouring partitions of each topic to the same member, members in the order of their ids.
fn range(members: &BTreeMap<String, Subscription>, counts: &BTreeMap<String, i32>) -> Assignment {
    let mut assignment: Assignment = members.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
    for (topic, count) in counts {
        let subscribers: Vec<&String> = members.iter().filter(|(_, member)| member.topics.contains(topic)).map(|(id, _)| id).collect();
        let (count, many) = (usize::try_from(*count).unwrap_or_default(), subscribers.len());
        let mut next = 0;
        for (place, id) in subscribers.into_iter().enumerate() {
            let share = count / many + usize::from(place < count % many);
            let partitions = (next..next + share).map(|partition| TopicPartition::new(topic.as_str(), partition as i32));
            assignment.entry(id.clone()).or_default().extend(partitions);
            next += share;
        }
    }
    assignment
}

/// Who holds what. Of two who say so, the one of the later generation is right.
fn owners(members: &BTreeMap<String, Subscription>, counts: &BTreeMap<String, i32>) -> BTreeMap<TopicPartition, String> {
    let mut owners: BTreeMap<TopicPartition, (i32, String)> = BTreeMap::new();
    for (id, member) in members {
        let there = |at: &&TopicPartition| counts.get(&*at.topic).is_some_and(|count| at.partition < *count);
        for at in member.owned.iter().filter(there) {
            let claim = (member.generation, id.clone());
            let known = owners.entry(at.clone()).or_insert_with(|| claim.clone());
            if known.0 < claim.0 {
                *known = claim;
            }
        }
    }
    owners.into_iter().map(|(at, (_, id))| (at, id)).collect()
}

/// Balanced to within one, with as much as possible where it is.
fn sticky(
    members: &BTreeMap<String, Subscription>, counts: &BTreeMap<String, i32>, owners: &BTreeMap<TopicPartition, String>,
) -> Assignment {
    let topics = counts.iter().flat_map(|(topic, count)| (0..*count).map(|partition| TopicPartition::new(topic.as_str(), partition)));
    let mut free: Vec<TopicPartition> = topics.collect();
    // By number first, so that the partitions of one topic spread over the members.
    free.sort_by(|a, b| (a.partition, &a.topic).cmp(&(b.partition, &b.topic)));
    let mut assignment: Assignment = members.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
    let (least, mut larger) = (free.len() / members.len().max(1), free.len() % members.len().max(1));
    let mut by_size: Vec<(usize, &String)> = members.keys().map(|id| (owners.values().filter(|owner| *owner == id).count(), id)).collect();
    by_size.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    for (owned, id) in by_size {
        let quota = if owned > least && larger > 0 { least + 1 } else { least };
        larger -= usize::from(quota > least);
        let subscribed = |at: &TopicPartition| members[id].topics.iter().any(|topic| **topic == *at.topic);
        let kept: BTreeSet<_> = free.iter().filter(|at| owners.get(*at) == Some(id) && subscribed(at)).take(quota).cloned().collect();
        free.retain(|at| !kept.contains(at));
        assignment.entry(id.clone()).or_default().extend(kept);
    }
    for at in free {
        let subscribed = |id: &String| members[id].topics.iter().any(|topic| **topic == *at.topic);
        let next = assignment.iter_mut().filter(|(id, _)| subscribed(id)).min_by_key(|(_, partitions)| partitions.len());
        if let Some((_, partitions)) = next {
            partitions.insert(at);
        }
    }
    assignment
}

impl Subscription {
    pub(super) fn encode(&self) -> Vec<u8> {
        let out = Encoder::new().u32(self.generation as u32).list(self.topics.iter(), |out, topic| out.str(topic));
        put_partitions(out, &self.owned).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, LogError> {
        let mut from = Decoder::new(bytes, "a member's subscription");
        let generation = from.u32()? as i32;
        let topics = from.list(|from| Ok(from.str()?.to_owned()))?;
        Ok(Self { generation, topics, owned: take_partitions(&mut from)? })
    }
}

pub(super) fn encode_assignment(partitions: &BTreeSet<TopicPartition>) -> Vec<u8> {
    put_partitions(Encoder::new(), partitions).done()
}

pub(super) fn decode_assignment(bytes: &[u8]) -> Result<BTreeSet<TopicPartition>, LogError> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new()); // The leader did not know this member.
    }
    take_partitions(&mut Decoder::new(bytes, "an assignment"))
}

fn put_partitions(out: Encoder, partitions: &BTreeSet<TopicPartition>) -> Encoder {
    out.list(partitions.iter(), |out, at| out.str(&at.topic).u32(at.partition as u32))
}

fn take_partitions(from: &mut Decoder<'_>) -> Result<BTreeSet<TopicPartition>, LogError> {
    Ok(from.list(|from| Ok(TopicPartition::new(from.str()?, from.u32()? as i32)))?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(owned: &[(&str, i32)], generation: i32) -> Subscription {
        let owned = owned.iter().map(|(topic, partition)| TopicPartition::new(*topic, *partition)).collect();
        Subscription { topics: vec!["a".into(), "b".into()], owned, generation }
    }

    fn counts() -> BTreeMap<String, i32> {
        BTreeMap::from([("a".into(), 4), ("b".into(), 2)])
    }

    fn sizes(assignment: &Assignment) -> Vec<usize> {
        assignment.values().map(BTreeSet::len).collect()
    }

    #[test]
    fn fresh_members_share_evenly() {
        let members = ["m", "n"].map(|id| (id.to_owned(), subscription(&[], -1))).into();
        for policy in [AssignmentPolicy::CooperativeSticky, AssignmentPolicy::Range] {
            assert_eq!(sizes(&assign(policy, &members, &counts())), [3, 3], "{policy:?}");
        }
    }

    #[test]
    fn a_newcomer_gets_nothing_before_the_owner_has_let_go() {
        let all = [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 0), ("b", 1)];
        let mut members = BTreeMap::from([("m".to_owned(), subscription(&all, 1)), ("n".to_owned(), subscription(&[], -1))]);
        let first = assign(AssignmentPolicy::CooperativeSticky, &members, &counts());
        assert_eq!(sizes(&first), [3, 0]);
        members.insert("m".into(), Subscription { owned: first["m"].clone(), ..subscription(&[], 2) });
        let second = assign(AssignmentPolicy::CooperativeSticky, &members, &counts());
        assert_eq!((sizes(&second), &second["m"]), (vec![3, 3], &first["m"]));
    }

    #[test]
    fn of_two_owners_the_later_generation_is_right() {
        let members = BTreeMap::from([("m".to_owned(), subscription(&[("b", 0)], 1)), ("n".to_owned(), subscription(&[("b", 0)], 2))]);
        let assignment = assign(AssignmentPolicy::CooperativeSticky, &members, &counts());
        assert!(assignment["n"].contains(&TopicPartition::new("b", 0)) && !assignment["m"].contains(&TopicPartition::new("b", 0)));
    }

    #[test]
    fn subscriptions_come_back_as_they_were() {
        let one = subscription(&[("a", 3)], -1);
        assert_eq!(Subscription::decode(&one.encode()), Ok(one));
    }
}
