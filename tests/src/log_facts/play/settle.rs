//! On a cluster a commit is answered before its markers are written. The cases were recorded after that, so a run waits for it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use headwater_streams::log::{GroupOffset, TopicPartition};

use super::Play;

/// How long markers may take.
const MARKERS_WITHIN: Duration = Duration::from_secs(3);
/// The same where another open transaction hides them.
const HIDDEN: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What open transactions have touched, by transactional id.
#[derive(Default)]
pub(super) struct Open(BTreeMap<String, Touched>);

#[derive(Default)]
struct Touched {
    partitions: BTreeSet<TopicPartition>,
    offsets: BTreeSet<(String, TopicPartition)>,
}

impl Open {
    pub(super) fn sends(&mut self, id: Option<&String>, to: &TopicPartition) {
        if let Some(id) = id {
            self.0.entry(id.clone()).or_default().partitions.insert(to.clone());
        }
    }

    pub(super) fn commits(&mut self, id: Option<&String>, group: &str, offsets: &[GroupOffset]) {
        if let Some(id) = id {
            self.0.entry(id.clone()).or_default().offsets.extend(offsets.iter().map(|offset| (group.to_owned(), offset.at.clone())));
        }
    }
}

impl Play {
    /// Waits until what the transaction of this id has touched shows its end.
    pub(super) fn settle(&mut self, id: &str) {
        let Some(touched) = self.open.0.remove(id) else { return };
        let of_others = |at: &TopicPartition| self.open.0.values().any(|other| other.partitions.contains(at));
        let admin = self.subject.log().admin();
        for at in &touched.partitions {
            let limit = if of_others(at) { HIDDEN } else { MARKERS_WITHIN };
            until(limit, || admin.ends(at).is_ok_and(|ends| ends.stable == ends.latest));
        }
        for (group, at) in &touched.offsets {
            let hidden = self.open.0.values().any(|other| other.offsets.contains(&(group.clone(), at.clone())));
            let limit = if hidden { HIDDEN } else { MARKERS_WITHIN };
            until(limit, || admin.committed(group, std::slice::from_ref(at), true).is_ok());
        }
    }

    /// Waits until the log itself has ended what was left open.
    pub(super) fn settle_all(&mut self, limit: Duration) {
        let touched: Vec<_> = std::mem::take(&mut self.open.0).into_values().flat_map(|touched| touched.partitions).collect();
        let admin = self.subject.log().admin();
        for at in &touched {
            until(limit, || admin.ends(at).is_ok_and(|ends| ends.stable == ends.latest));
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
