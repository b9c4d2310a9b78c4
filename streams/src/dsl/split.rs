//! `split`: one stream becomes several.

use super::KStream;
use crate::graph::{Kind, Wiring};
use crate::operator::{self, Predicate};
use crate::record::{Item, Portable};
use std::sync::{Arc, Mutex, PoisonError};

/// A stream that is being split: each record goes into the first branch that takes it. Kafka: `BranchedKStream`.
///
/// ```
/// use headwater_streams::prelude::*;
/// const AMOUNTS: Topic<String, u64> = Topic::new("amounts");
/// let app = StreamsBuilder::new();
/// let split = app.stream(AMOUNTS).split();
/// let large = split.branch(|_, amount| *amount > 1_000).named("large");
/// let small = split.default();
/// # let _ = (large, small);
/// ```
#[must_use = "a split goes nowhere without branches"]
pub struct Split<K, V> {
    stream: KStream<K, V>,
    /// In the order of the branches. Behind a lock because the operator's maker is shared by all threads; none writes once it runs.
    takes: Arc<Mutex<Vec<Predicate<K, V>>>>,
}

impl<K: Item, V: Item> KStream<K, V> {
    /// Begins to split the stream.
    pub fn split(&self) -> Split<K, V> {
        let takes: Arc<Mutex<Vec<Predicate<K, V>>>> = Arc::default();
        let predicates = takes.clone();
        let stream = self.then("split", move |wiring: &mut Wiring<'_>, id| {
            let branches = wiring.children(id).iter().map(|branch| wiring.operator::<K, V>(*branch));
            let predicates = predicates.lock().unwrap_or_else(PoisonError::into_inner).clone();
            operator::split(predicates.into_iter().zip(branches).collect())
        });
        Split { stream, takes }
    }
}

impl<K: Item, V: Item> Split<K, V> {
    /// Records that no earlier branch has taken and that this one takes. What no branch takes goes nowhere.
    pub fn branch(&self, takes: impl Fn(&K, &V) -> bool + Portable) -> KStream<K, V> {
        self.takes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(takes));
        let app = &self.stream.app;
        let kind = Kind::Operator { operation: "branch", changes_key: false };
        let node = app.operator::<K, V, _>(kind, &[self.stream.node], |wiring, id| operator::pass::<K, V>(wiring.outlet(id)));
        KStream::at(app, node, self.stream.rekeyed)
    }

    /// The rest.
    pub fn default(self) -> KStream<K, V> {
        self.branch(|_, _| true)
    }
}
