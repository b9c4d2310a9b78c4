//! The nodes that aggregate, alone or as one of several inputs of a cogroup.

use super::materialized::declare::Declaration;
use super::windows::FixedWindows;
use super::{KGroupedStream, Session, Sliding};
use crate::format::{Nullable, Row};
use crate::graph::{Kind, NodeId, StoreOptions, TopologyError};
use crate::operator::{
    self, Closing, Fold, Initial, SessionAggregate, SessionFold, SlidingAggregate, UnlimitedWindow, WindowAggregate, WindowsOf,
};
use crate::record::{Portable, Timestamp};
use headwater_state::TimeIndex;
use std::sync::Arc;

/// When the results of windows go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emission {
    OnUpdate,
    OnClose,
}

impl Emission {
    fn index(self) -> TimeIndex {
        match self {
            Emission::OnUpdate => TimeIndex::None,
            Emission::OnClose => TimeIndex::Kept,
        }
    }

    /// Sliding windows and sessions of which only the last word goes on are read and written as they are, as in Kafka.
    fn uncached(self, options: StoreOptions) -> StoreOptions {
        match self {
            Emission::OnUpdate => options,
            Emission::OnClose => StoreOptions { cache_bytes: Some(0), ..options },
        }
    }
}

/// Which aggregation, and which input of it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    operation: &'static str,
    store: &'static str,
    options: StoreOptions,
    /// The number of the input, among several that fill one store.
    input: usize,
}

impl Place {
    /// The only input of its store.
    pub(super) fn only(operation: &'static str, store: &'static str, options: StoreOptions) -> Self {
        Place { operation, store, options, input: 0 }
    }

    /// One of several.
    pub(super) fn input(self, input: usize) -> Self {
        Place { input, ..self }
    }

    fn kind(self) -> Kind {
        Kind::Operator { operation: self.operation, changes_key: false }
    }

    /// Each input has seen times of its own.
    fn clock(self) -> String {
        match self.input {
            0 => self.store.to_owned(),
            input => format!("{}/{input}", self.store),
        }
    }

    /// The first input owns the store, the others fill it as well.
    fn declare(self, node: NodeId) -> Declaration {
        match self.input {
            0 => Declaration::owned(node, self.operation, self.store, self.options),
            _ => Declaration::shared(node, self.store, self.options),
        }
    }
}

/// Adding in place as a fold, and what it begins with.
pub(super) fn folding<K, V, A: Nullable>(
    init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable,
) -> (impl Fn(&K, V, Option<A::Present>) -> Option<A::Present> + Portable, Initial<A::Present>) {
    let init = Arc::new(init);
    let begin = init.clone();
    let fold = move |key: &K, value: V, held: Option<A::Present>| {
        let mut aggregate = held.map_or_else(&*begin, A::from_present);
        add(key, value, &mut aggregate);
        aggregate.into_present()
    };
    (fold, Arc::new(move || init().into_present()))
}

/// An aggregate as its functions have it.
pub(super) fn present_or_null<A: Nullable>(aggregate: Option<A::Present>) -> A {
    aggregate.map(A::from_present).or_else(A::null).expect("only a type with a null leaves none")
}

/// Aggregates by key.
pub(super) fn over_keys<K: Row, V: Nullable, A: Row>(
    grouped: &KGroupedStream<K, V>, place: Place, fold: Arc<impl Fold<K, V::Present, A> + Portable>, initial: Initial<A>,
) -> NodeId {
    let (app, entry) = (&grouped.app, grouped.enter(place.store).node);
    let node = app.operator::<K, V, _>(place.kind(), &[entry], move |wiring, id| {
        let rows = wiring.key_value::<K, A>(place.store);
        let update = wiring.on_update(id, &rows);
        operator::aggregate::<K, V, A>(update, fold.clone(), initial.clone(), rows)
    });
    app.declare_store::<K, A>(place.declare(node));
    node
}

/// Aggregates by key and fixed window.
pub(super) fn over_windows<K: Row, V: Nullable, A: Row>(
    grouped: &KGroupedStream<K, V>, place: Place, windows: FixedWindows, emission: Emission, fold: Arc<impl Fold<K, V, A> + Portable>,
    initial: Initial<A>,
) -> NodeId {
    let (app, entry) = (&grouped.app, grouped.enter(place.store).node);
    let node = app.node(place.kind(), &[entry], move |wiring, id| match (windows, emission) {
        (FixedWindows::Aligned(windows), Emission::OnUpdate) => {
            put_updating::<K, V, A>(wiring, id, place, windows, fold.clone(), initial.clone());
        }
        (FixedWindows::Unlimited { start_ms }, _) => {
            put_updating::<K, V, A>(wiring, id, place, UnlimitedWindow { start_ms }, fold.clone(), initial.clone());
        }
        (FixedWindows::Aligned(windows), Emission::OnClose) => {
            let rows = wiring.window::<K, A>(place.store);
            let source = rows.clone();
            let by_time = Box::new(move |starts| source.by_time(starts, windows.size_ms));
            let emit = wiring.on_close(id, place.store, Closing::Time(windows), by_time);
            let observed = wiring.clock(&place.clock());
            let (fold, initial) = (fold.clone(), initial.clone());
            wiring.put::<K, V>(id, WindowAggregate { windows, fold, initial, rows, observed, emit, bytes: Vec::new() });
        }
    });
    let (size_ms, needed_ms) = match windows {
        FixedWindows::Aligned(windows) => (windows.size_ms, windows.needed_ms()),
        FixedWindows::Unlimited { .. } => (Timestamp::MAX, Timestamp::MAX),
    };
    let grace_ms = match windows {
        FixedWindows::Aligned(windows) => windows.grace_ms,
        FixedWindows::Unlimited { .. } => 0,
    };
    settle_windows(grouped, node, grace_ms, windows.mistakes(place.store, emission));
    app.declare_store::<K, A>(place.declare(node).windows(size_ms, needed_ms, emission.index()));
    node
}

fn put_updating<K: Row, V: Nullable, A: Row>(
    wiring: &mut crate::graph::Wiring<'_>, id: NodeId, place: Place, windows: impl WindowsOf, fold: Arc<impl Fold<K, V, A> + Portable>,
    initial: Initial<A>,
) {
    let rows = wiring.window::<K, A>(place.store);
    let emit = wiring.on_update(id, &rows);
    let observed = wiring.clock(&place.clock());
    wiring.put::<K, V>(id, WindowAggregate { windows, fold, initial, rows, observed, emit, bytes: Vec::new() });
}

/// Aggregates by key and sliding window.
pub(super) fn over_sliding<K: Row, V: Nullable, A: Row>(
    grouped: &KGroupedStream<K, V>, place: Place, windows: Sliding, emission: Emission, fold: Arc<impl Fold<K, V::Present, A> + Portable>,
    initial: Initial<A>,
) -> NodeId {
    let (app, entry) = (&grouped.app, grouped.enter(place.store).node);
    let Sliding { diff_ms, grace_ms } = windows;
    let node = app.node(place.kind(), &[entry], move |wiring, id| {
        let rows = wiring.window::<K, A>(place.store);
        let observed = wiring.clock(&place.clock());
        let (fold, initial, bytes) = (fold.clone(), initial.clone(), Vec::new());
        match emission {
            Emission::OnUpdate => {
                let emit = wiring.on_update(id, &rows);
                wiring.put::<K, V>(id, SlidingAggregate { diff_ms, grace_ms, fold, initial, rows, observed, emit, bytes });
            }
            Emission::OnClose => {
                let source = rows.clone();
                let by_time = Box::new(move |starts| source.by_time(starts, diff_ms));
                let emit = wiring.on_close(id, place.store, Closing::Sliding { diff_ms, grace_ms }, by_time);
                wiring.put::<K, V>(id, SlidingAggregate { diff_ms, grace_ms, fold, initial, rows, observed, emit, bytes });
            }
        }
    });
    settle_windows(grouped, node, grace_ms, windows.mistakes(place.store));
    let place = Place { options: emission.uncached(place.options), ..place };
    app.declare_store::<K, A>(place.declare(node).windows(diff_ms, windows.needed_ms(), emission.index()));
    node
}

/// Aggregates by key and session.
pub(super) fn over_sessions<K: Row, V: Nullable, A: Row>(
    grouped: &KGroupedStream<K, V>, place: Place, windows: Session, emission: Emission, fold: SessionFold<K, V, A>,
) -> NodeId {
    let (app, entry) = (&grouped.app, grouped.enter(place.store).node);
    let Session { gap_ms, grace_ms } = windows;
    let node = app.node(place.kind(), &[entry], move |wiring, id| {
        let rows = wiring.session::<K, A>(place.store);
        let observed = wiring.clock(&place.clock());
        let (fold, bytes) = (fold.clone(), Vec::new());
        match emission {
            Emission::OnUpdate => {
                let emit = wiring.on_update(id, &rows);
                wiring.put::<K, V>(id, SessionAggregate { gap_ms, grace_ms, fold, rows, observed, emit, bytes });
            }
            Emission::OnClose => {
                let source = rows.clone();
                let by_time = Box::new(move |ends| source.by_time(ends));
                let emit = wiring.on_close(id, place.store, Closing::Session { gap_ms, grace_ms }, by_time);
                wiring.put::<K, V>(id, SessionAggregate { gap_ms, grace_ms, fold, rows, observed, emit, bytes });
            }
        }
    });
    settle_windows(grouped, node, windows.needed_ms(), windows.mistakes(place.store));
    let place = Place { options: emission.uncached(place.options), ..place };
    app.declare_store::<K, A>(place.declare(node).sessions(gap_ms, windows.needed_ms(), emission.index()));
    node
}

fn settle_windows<K, V>(
    grouped: &KGroupedStream<K, V>, node: NodeId, closes_after_ms: Timestamp, mistakes: impl IntoIterator<Item = TopologyError>,
) {
    grouped.app.graph(|graph| {
        graph.nodes[node].closes_after_ms = Some(closes_after_ms);
        graph.mistakes.extend(mistakes);
    });
}
