//! Sessions: records of a key with no silence between them.

use super::aggregation::{self, Emission, Place, present_or_null};
use super::materialized::millis;
use super::windows::negative_grace;
use super::{BySession, CogroupedKStream, IntoStore, KGroupedStream, KTable, SessionMaterialized, SessionWindowedCogroup, Windowing};
use crate::format::{Nullable, Row};
use crate::graph::TopologyError;
use crate::operator::SessionFold;
use crate::record::{Portable, Timestamp, Windowed};
use std::sync::Arc;
use std::time::Duration;

/// Sessions: records of a key belong together while no silence between them is longer than the gap. Start and end are the times of the first
/// and the last record. Kafka: `SessionWindows` (KIP-94).
///
/// ```
/// use headwater_streams::prelude::*;
/// use std::time::Duration;
/// let visits = Session::of(Duration::from_secs(30 * 60)).grace(Duration::from_secs(60));
/// # let _ = visits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub(super) gap_ms: Timestamp,
    pub(super) grace_ms: Timestamp,
}

impl Session {
    /// Sessions that end with a silence longer than this. `build()` returns [`TopologyError::SessionGap`] for a value below zero.
    pub fn of(gap: Duration) -> Self {
        Session::of_ms(millis(gap))
    }

    /// The same in milliseconds.
    pub fn of_ms(gap: Timestamp) -> Self {
        Session { gap_ms: gap, grace_ms: 0 }
    }

    /// How long a session still takes late records after its end and the gap, in stream time. KIP-328.
    pub fn grace(self, grace: Duration) -> Self {
        self.grace_ms(millis(grace))
    }

    /// The same in milliseconds. `build()` returns [`TopologyError::NegativeGrace`] for a value below zero.
    pub fn grace_ms(self, grace: Timestamp) -> Self {
        Session { grace_ms: grace, ..self }
    }

    /// How long after its end a session may change.
    pub(super) fn needed_ms(self) -> Timestamp {
        self.gap_ms.saturating_add(self.grace_ms)
    }

    pub(super) fn mistakes(self, store: &'static str) -> impl Iterator<Item = TopologyError> {
        let Session { gap_ms, grace_ms } = self;
        let gap = (gap_ms < 0).then_some(TopologyError::SessionGap { store, gap_ms });
        gap.into_iter().chain(negative_grace(grace_ms, store))
    }
}

impl Windowing for Session {
    type Stream<K: Row, V: Nullable> = SessionWindowedKStream<K, V>;
    type Cogroup<K: Row, A: Nullable> = SessionWindowedCogroup<K, A>;

    fn of_stream<K: Row, V: Nullable>(self, grouped: KGroupedStream<K, V>) -> SessionWindowedKStream<K, V> {
        SessionWindowedKStream { grouped, windows: self, emission: Emission::OnUpdate }
    }

    fn of_cogroup<K: Row, A: Nullable>(self, cogroup: CogroupedKStream<K, A>) -> SessionWindowedCogroup<K, A> {
        SessionWindowedCogroup { cogroup, windows: self }
    }
}

/// Records by key and session, about to be aggregated. Kafka: `SessionWindowedKStream`.
///
/// A record that touches sessions makes one of them: downstream the old ones are deleted, oldest first, and the new one follows.
#[must_use = "sessions do nothing until they are aggregated"]
#[derive(Clone)]
pub struct SessionWindowedKStream<K, V> {
    grouped: KGroupedStream<K, V>,
    windows: Session,
    emission: Emission,
}

impl<K: Row, V: Nullable> SessionWindowedKStream<K, V> {
    /// One result for each session, when it has closed, in place of one for each update. Kafka: `EmitStrategy.onWindowClose` (KIP-825).
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const CLICKS: Topic<String, String> = Topic::new("clicks");
    /// const VISITS: SessionStore<String, u64> = SessionStore::new("visits");
    /// const FINAL: Topic<Windowed<String>, u64> = Topic::new("final");
    /// let app = StreamsBuilder::new();
    /// app.stream(CLICKS).group_by_key().windowed_by(Session::of_ms(10)).emit_on_close().count(VISITS).to(FINAL);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(CLICKS, "ann", "/").at(8).send(CLICKS, "ann", "/cart");
    /// assert!(driver.all(FINAL).is_empty());
    /// driver.at(19).send(CLICKS, "bob", "/");
    /// assert_eq!(driver.latest(FINAL, Windowed { key: "ann".to_owned(), start: 0, end: 8 }), Some(2));
    /// ```
    pub fn emit_on_close(self) -> Self {
        SessionWindowedKStream { emission: Emission::OnClose, ..self }
    }

    /// How many records each session has. Null values count, as in Kafka.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    ///
    /// const CLICKS: Topic<String, String> = Topic::new("clicks");
    /// const VISITS: SessionStore<String, u64> = SessionStore::new("visits");
    /// const LENGTHS: Topic<Windowed<String>, Option<u64>> = Topic::new("visit-lengths");
    ///
    /// let app = StreamsBuilder::new();
    /// app.stream(CLICKS).group_by_key().windowed_by(Session::of_ms(10).grace_ms(100)).count(VISITS).to(LENGTHS);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(CLICKS, "ann", "/").at(20).send(CLICKS, "ann", "/tea").at(10).send(CLICKS, "ann", "/list");
    /// // The third click stands between two visits, which it makes one.
    /// assert_eq!(driver.latest(LENGTHS, Windowed { key: "ann".to_owned(), start: 0, end: 0 }), None);
    /// assert_eq!(driver.latest(LENGTHS, Windowed { key: "ann".to_owned(), start: 0, end: 20 }), Some(3));
    /// ```
    pub fn count<S: IntoStore<BySession, Key = K, Value = u64>>(&self, store: S) -> KTable<Windowed<K>, u64> {
        let fold = SessionFold {
            init: Arc::new(|| Some(0)),
            merge: Arc::new(|_, one: Option<u64>, other| Some(one.unwrap_or(0) + other)),
            add: Arc::new(|_, _, count: Option<u64>| Some(count.unwrap_or(0) + 1)),
        };
        self.fold("count", store.into_store(), fold)
    }

    /// The values of each session made into one; the first stands for itself. The same function merges sessions. A null takes part, as in
    /// Kafka: the function sees it as it flows.
    pub fn reduce<S: IntoStore<BySession, Key = K, Value = V>>(
        &self, store: S, f: impl Fn(&K, V::Present, V) -> V + Portable,
    ) -> KTable<Windowed<K>, V::Present> {
        let f = Arc::new(f);
        let add = move |key: &K, value: V, held: Option<V::Present>| match held {
            Some(held) => f(key, held, value).into_present(),
            None => value.into_present(),
        };
        let add = Arc::new(add);
        let merge = add.clone();
        let merge = move |key: &K, one: Option<V::Present>, other: V::Present| merge(key, V::from_present(other), one);
        let fold = SessionFold { init: Arc::new(|| None), merge: Arc::new(merge), add };
        self.fold("reduce", store.into_store(), fold)
    }

    /// The values of each session gathered in an aggregate that begins as `init()`. Where a record joins sessions, `merge` makes one aggregate
    /// of two, the earlier one first; `init()` is the first of all in every merge, so it must change nothing there.
    /// With a `SessionStore<K, Option<A>>` the functions may delete the session by leaving `None`.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const CLICKS: Topic<String, u64> = Topic::new("clicks"); // visitor, milliseconds on the page
    /// const VISITS: SessionStore<String, u64> = SessionStore::new("visits");
    /// const TIMES: Topic<Windowed<String>, u64> = Topic::new("times");
    /// let app = StreamsBuilder::new();
    /// let visits = app.stream(CLICKS).group_by_key().windowed_by(Session::of_ms(10).grace_ms(100));
    /// visits.aggregate(VISITS, || 0, |_, stay, sum| *sum += stay, |_, one, other| one + other).updates().to(TIMES);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.at(0).send(CLICKS, "ann", 3).at(20).send(CLICKS, "ann", 4).at(10).send(CLICKS, "ann", 5); // which makes one visit of two
    /// assert_eq!(driver.latest(TIMES, Windowed { key: "ann".to_owned(), start: 0, end: 20 }), Some(12));
    /// ```
    pub fn aggregate<S: IntoStore<BySession, Key = K, Value = A>, A: Nullable>(
        &self, store: S, init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable, merge: impl Fn(&K, A, A) -> A + Portable,
    ) -> KTable<Windowed<K>, A::Present> {
        self.fold("aggregate", store.into_store(), merging(init, add, merge))
    }

    fn fold<A: Nullable>(
        &self, operation: &'static str, store: SessionMaterialized<K, A>, fold: SessionFold<K, V, A::Present>,
    ) -> KTable<Windowed<K>, A::Present> {
        let place = Place::only(operation, store.name, store.options);
        let node = aggregation::over_sessions(&self.grouped, place, self.windows, self.emission, fold);
        KTable::kept_sessions(&self.grouped.app, node, store.name)
    }
}

/// A user's three functions as one fold.
pub(super) fn merging<K, V, A: Nullable>(
    init: impl Fn() -> A + Portable, add: impl Fn(&K, V, &mut A) + Portable, merge: impl Fn(&K, A, A) -> A + Portable,
) -> SessionFold<K, V, A::Present> {
    SessionFold {
        init: Arc::new(move || init().into_present()),
        merge: Arc::new(move |key, one, other| merge(key, present_or_null(one), A::from_present(other)).into_present()),
        add: Arc::new(move |key, value, held| {
            let mut aggregate: A = present_or_null(held);
            add(key, value, &mut aggregate);
            aggregate.into_present()
        }),
    }
}
