//! On a cluster a commit is answered before its markers are written. The cases were recorded after that, so a run waits for it too.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headwater_streams::log::{Ends, GroupOffset, LogError, TopicPartition, TopicSpec};

use super::Play;
use crate::log_facts::names::Prefix;

/// How long markers may take that must come.
const MARKERS_WITHIN: Duration = Duration::from_secs(30);
/// The same where nothing tells whether one comes, or where another open transaction hides it.
const HIDDEN: Duration = Duration::from_millis(300);
/// How long a change may take to reach the logs.
const CHANGES_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What open transactions have touched, by transactional id.
#[derive(Default)]
pub(super) struct Open(BTreeMap<String, Touched>);

#[derive(Default)]
struct Touched {
    /// With the first offset that is known to be of this transaction.
    partitions: BTreeMap<TopicPartition, Option<i64>>,
    offsets: Vec<(String, TopicPartition)>,
}

/// What will tell that a transaction has ended in a partition.
pub(super) struct Trace {
    at: TopicPartition,
    first: Option<i64>,
    /// The end with all records of the transaction, without its marker.
    end: Option<i64>,
    is_certain: bool,
}

impl Open {
    pub(super) fn sends(&mut self, id: Option<&String>, to: &TopicPartition) {
        if let Some(id) = id {
            self.0.entry(id.clone()).or_default().partitions.entry(to.clone()).or_default();
        }
    }

    pub(super) fn stores(&mut self, id: Option<&String>, to: &TopicPartition, offset: i64) {
        let touched = id.and_then(|id| self.0.get_mut(id)).and_then(|touched| touched.partitions.get_mut(to));
        if let Some(first) = touched {
            first.get_or_insert(offset);
        }
    }

    pub(super) fn commits(&mut self, id: Option<&String>, group: &str, offsets: &[GroupOffset]) {
        if let Some(id) = id {
            self.0.entry(id.clone()).or_default().offsets.extend(offsets.iter().map(|offset| (group.to_owned(), offset.at.clone())));
        }
    }
}

impl Trace {
    fn shows(&self, ends: &Result<Ends, LogError>) -> bool {
        let Ok(ends) = ends else { return false };
        let is_passed = self.first.is_some_and(|first| ends.stable > first);
        is_passed || ends.stable == ends.latest || self.end.is_some_and(|end| ends.latest > end)
    }
}

impl Play {
    /// What will tell of the end of this id's transaction, which has so many records in a queue that its end will send.
    pub(super) fn traces(&self, id: &str, queued: impl Fn(&TopicPartition) -> usize) -> Vec<Trace> {
        let Some(touched) = self.open.0.get(id) else { return Vec::new() };
        let trace = |(at, first): (&TopicPartition, &Option<i64>)| {
            let queued = queued(at) as i64;
            let end = self.subject.log().admin().ends(at).ok().map(|ends| ends.latest + queued);
            Trace { at: at.clone(), first: *first, end, is_certain: first.is_some() || queued > 0 }
        };
        touched.partitions.iter().map(trace).collect()
    }

    /// Waits until what the transaction of this id has touched shows its end.
    pub(super) fn settle(&mut self, id: &str, traces: &[Trace]) {
        let Some(touched) = self.open.0.remove(id) else { return };
        let admin = self.subject.log().admin();
        for trace in traces {
            let limit = if trace.is_certain && trace.end.is_some() { MARKERS_WITHIN } else { HIDDEN };
            until(limit, || trace.shows(&admin.ends(&trace.at)));
        }
        for (group, at) in &touched.offsets {
            let hidden = self.open.0.values().any(|other| other.offsets.contains(&(group.clone(), at.clone())));
            let limit = if hidden { HIDDEN } else { MARKERS_WITHIN };
            until(limit, || admin.committed(group, std::slice::from_ref(at), true).is_ok());
        }
    }

    /// Waits until changed settings hold. A broker takes in one change of the cluster after the other, and shows a setting before its logs
    /// have it: they do when the broker leads a topic that was made after the setting was shown.
    pub(super) fn settle_settings(&self, topic: &str, settings: &BTreeMap<String, String>) {
        let admin = self.subject.log().admin();
        let is_shown = || {
            let found = admin.describe_topic(topic).ok().flatten();
            found.is_some_and(|found| settings.iter().all(|(name, value)| found.configs.get(name) == Some(value)))
        };
        until(CHANGES_WITHIN, is_shown);
        let later = Prefix::fresh().name("later");
        let _ = admin.create_topic(&TopicSpec { name: later.clone(), partitions: 1, configs: BTreeMap::new() });
        until(CHANGES_WITHIN, || admin.ends(&TopicPartition::new(&*later, 0)).is_ok());
    }

    /// Waits until the log itself has ended what this id has left open.
    pub(super) fn settle_alone(&mut self, id: &str, limit: Duration) {
        let Some(touched) = self.open.0.remove(id) else { return };
        let admin = self.subject.log().admin();
        for (at, first) in touched.partitions {
            let trace = Trace { at, first, end: None, is_certain: true };
            until(limit, || trace.shows(&admin.ends(&trace.at)));
        }
    }
}

fn until(limit: Duration, done: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !done() && Instant::now() < deadline {
        // Between two questions to a broker, which tells of no change by itself.
        std::thread::sleep(LOOK_AGAIN);
    }
}
