//! Stores with options.

use super::{SessionStore, Store, VersionedStore, WindowStore};
use crate::format::{Nullable, Row};
use crate::graph::StoreOptions;
use crate::record::Timestamp;
use std::marker::PhantomData;
use std::time::Duration;

/// A store with options; the bare [`Store`], [`WindowStore`] or [`SessionStore`] is the same with the defaults. Kafka: `Materialized`.
///
/// What is said twice about one store, in two places, must agree.
/// ```
/// use headwater_streams::prelude::*;
/// const TOTALS: Store<String, u64> = Store::new("totals");
/// let small = TOTALS.cached(1 << 20);
/// # let _ = small;
/// ```
pub struct Materialized<K, V, Kept = ByKey> {
    pub(crate) name: &'static str,
    pub(crate) options: StoreOptions,
    types: PhantomData<fn() -> (K, V, Kept)>,
}

/// A window store with options.
pub type WindowMaterialized<K, V> = Materialized<K, V, ByWindow>;

/// A session store with options.
pub type SessionMaterialized<K, V> = Materialized<K, V, BySession>;

/// Rows are kept by key: in a [`Store`] or a [`VersionedStore`].
pub enum ByKey {}

/// Rows are kept by key and window: in a [`WindowStore`].
pub enum ByWindow {}

/// Rows are kept by key and session: in a [`SessionStore`].
pub enum BySession {}

/// Rows that expire: [`ByWindow`], [`BySession`].
pub trait Expiring {}
impl Expiring for ByWindow {}
impl Expiring for BySession {}

impl<K, V, Kept> Materialized<K, V, Kept> {
    fn new(name: &'static str) -> Self {
        Materialized { name, options: StoreOptions::default(), types: PhantomData }
    }

    fn with(self, change: impl FnOnce(&mut StoreOptions)) -> Self {
        let mut options = self.options;
        change(&mut options);
        Materialized { options, ..self }
    }

    /// Holds updates back until a commit, so that only the last one of each row is logged and forwarded; above so many bytes of rows it flushes early.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const WORDS: Store<String, u64> = Store::new("words");
    /// let app = StreamsBuilder::new();
    /// app.stream(Topic::<u64, String>::new("in")).group_by(|_, word| word.clone()).count(WORDS.cached(1 << 20)).to(Topic::<String, u64>::new("out"));
    /// assert!(app.build().unwrap().describe().to_string().contains("cached in 1048576 bytes"));
    /// ```
    pub fn cached(self, bytes: usize) -> Self {
        self.with(|options| options.cache_bytes = Some(bytes))
    }

    /// Logs and forwards each update at once.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// use headwater_streams::testing::TestDriver;
    /// const WORDS: Store<String, u64> = Store::new("words");
    /// const OUT: Topic<String, u64> = Topic::new("out");
    /// let app = StreamsBuilder::new();
    /// app.stream(Topic::<u64, String>::new("in")).flat_map_values(|_, line| vec![line.clone(), line]).group_by(|_, word| word.clone()).count(WORDS.uncached()).to(OUT);
    ///
    /// let mut driver = TestDriver::new(app.build().unwrap());
    /// driver.send(Topic::<u64, String>::new("in"), 1, "to");
    /// let told: Vec<_> = driver.all(OUT).into_iter().map(|(_, count, _)| count).collect();
    /// assert_eq!(told, [Some(1), Some(2)]); // a cached one would have told the second only
    /// ```
    pub fn uncached(self) -> Self {
        self.with(|options| options.cache_bytes = Some(0))
    }

    /// Keeps no changelog: what the machine loses is lost. `build()` wants [`may_lose_one_interval`](Self::may_lose_one_interval) said as well.
    pub fn unlogged(self) -> Self {
        self.with(|options| options.logged = Some(false))
    }

    /// Keeps the rows in memory only, where no budget counts them. A task that opens finds the store empty and restores it from the
    /// beginning of its changelog; without a changelog it stays empty. All else is as on the disk: order, retention, queries, one commit for
    /// all stores of a task. Kafka:
    /// `Stores.inMemoryKeyValueStore` and its siblings, `Materialized.withStoreType`.
    pub fn in_memory(self) -> Self {
        self.with(|options| options.in_memory = Some(true))
    }

    /// Keeps the rows on the disk of the state, which is the default unless [`StreamsBuilder::in_memory`](super::StreamsBuilder::in_memory) says otherwise.
    pub fn on_disk(self) -> Self {
        self.with(|options| options.in_memory = Some(false))
    }

    /// Says that a store without changelog may lose, or see twice, what happened since the last commit.
    ///
    /// ```
    /// use headwater_streams::prelude::*;
    /// const SEEN: Store<String, u64> = Store::new("seen");
    /// let app = StreamsBuilder::new();
    /// let _seen = app.stream(Topic::<String, u64>::new("in")).group_by_key().count(SEEN.unlogged().may_lose_one_interval());
    /// assert!(!app.build().unwrap().describe().to_string().contains("changelog -seen"));
    /// ```
    pub fn may_lose_one_interval(self) -> Self {
        self.with(|options| options.may_lose_one_interval = Some(true))
    }
}

impl<K, V, Kept: Expiring> Materialized<K, V, Kept> {
    /// How long windows are kept after their start, and sessions after their end, in stream time; at least size (or gap) and grace, which is the
    /// default (of sliding windows, twice their difference and grace). Kafka: `withRetention`. `build()` returns
    /// [`TopologyError::RetentionTooShort`](crate::graph::TopologyError::RetentionTooShort) for less.
    pub fn retention(self, retention: Duration) -> Self {
        self.retention_ms(millis(retention))
    }

    /// The same in milliseconds.
    pub fn retention_ms(self, retention: Timestamp) -> Self {
        self.with(|options| options.retention_ms = Some(retention))
    }
}

impl<K, V, Kept> Clone for Materialized<K, V, Kept> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V, Kept> Copy for Materialized<K, V, Kept> {}

/// What keeps rows of an operation: [`ByKey`] a [`Store`], [`ByWindow`] a [`WindowStore`], [`BySession`] a [`SessionStore`], or one of these with options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep rows `{Kept}`",
    note = "rows `ByKey` are kept in a `Store<K, V>`, `ByWindow` in a `WindowStore<K, V>`, `BySession` in a `SessionStore<K, V>`, or in one of these \
            with options, such as `STORE.cached(..)`"
)]
pub trait IntoStore<Kept = ByKey> {
    /// The keys, without their windows or sessions.
    type Key: Row;
    /// The values; `Option<A>` where an aggregation may delete its row.
    type Value: Nullable;
    /// The store and its options.
    fn into_store(self) -> Materialized<Self::Key, Self::Value, Kept>;
}

impl<K: Row, V: Nullable, Kept> IntoStore<Kept> for Materialized<K, V, Kept> {
    type Key = K;
    type Value = V;
    fn into_store(self) -> Self {
        self
    }
}

impl<K: Row, V: Nullable> IntoStore for VersionedStore<K, V> {
    type Key = K;
    type Value = V;
    fn into_store(self) -> Materialized<K, V> {
        let (history_ms, segment_ms) = (Some(self.history_ms()), self.segment_ms());
        // A version that waits for a commit would be overwritten by the next one.
        let options = StoreOptions { cache_bytes: Some(0), history_ms, segment_ms, ..StoreOptions::default() };
        Materialized { options, ..Materialized::new(self.name()) }
    }
}

macro_rules! stores { ($($store:ident $kept:ident)*) => { $(
    impl<K: Row, V: Nullable> IntoStore<$kept> for $store<K, V> {
        type Key = K;
        type Value = V;
        fn into_store(self) -> Materialized<K, V, $kept> {
            Materialized::new(self.name())
        }
    }

    impl<K, V> $store<K, V> {
        /// Holds updates back until a commit; above so many bytes of rows it flushes early.
        pub fn cached(self, bytes: usize) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).cached(bytes)
        }

        /// Logs and forwards each update at once.
        pub fn uncached(self) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).uncached()
        }

        /// Keeps the rows in memory only; a task that opens [restores them from the beginning of the changelog](Materialized::in_memory).
        pub fn in_memory(self) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).in_memory()
        }

        /// Keeps the rows on the disk of the state, whatever the builder's default is.
        pub fn on_disk(self) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).on_disk()
        }

        /// Keeps no changelog; `may_lose_one_interval` must be said as well.
        pub fn unlogged(self) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).unlogged()
        }
    }
)* } }
stores!(Store ByKey WindowStore ByWindow SessionStore BySession);

macro_rules! retention { ($($store:ident $kept:ident)*) => { $(
    impl<K, V> $store<K, V> {
        /// [How long rows are kept](Materialized::retention), in stream time.
        pub fn retention(self, retention: Duration) -> Materialized<K, V, $kept> {
            Materialized::new(self.name()).retention(retention)
        }
    }
)* } }
retention!(WindowStore ByWindow SessionStore BySession);

/// What the graph is told about a store.
pub(super) mod declare {
    use crate::format::{Format, Row};
    use crate::graph::{ChangelogLayout, Graph, NodeId, StoreKind, StoreOptions, StoreUse};
    use crate::record::Timestamp;
    use headwater_state::TimeIndex;
    use std::any::TypeId;

    /// One use of a store by one node.
    pub(crate) struct Declaration {
        node: NodeId,
        name: &'static str,
        owner: Option<&'static str>,
        kind: StoreKind,
        options: StoreOptions,
        source_changelog: Option<&'static str>,
        changelog_layout: ChangelogLayout,
    }

    impl Declaration {
        /// A node that reads and writes what another one may fill.
        pub(crate) fn shared(node: NodeId, name: &'static str, options: StoreOptions) -> Self {
            Declaration {
                node,
                name,
                owner: None,
                kind: options.rows_kind(),
                options,
                source_changelog: None,
                changelog_layout: ChangelogLayout::Shared,
            }
        }

        /// The node that fills the store.
        pub(crate) fn owned(node: NodeId, operation: &'static str, name: &'static str, options: StoreOptions) -> Self {
            Declaration { owner: Some(operation), ..Declaration::shared(node, name, options) }
        }

        /// A global table's rows, which belong to no task.
        pub(crate) fn global(name: &'static str, options: StoreOptions) -> Self {
            let kind = if options.history_ms.is_some() { options.rows_kind() } else { StoreKind::Global };
            Declaration {
                node: 0,
                name,
                owner: Some("global_table"),
                kind,
                options,
                source_changelog: None,
                changelog_layout: ChangelogLayout::Shared,
            }
        }

        /// Rows by key and window.
        pub(crate) fn windows(self, size_ms: Timestamp, needed_ms: Timestamp, index: TimeIndex) -> Self {
            Declaration { kind: StoreKind::Window { size_ms, needed_ms, index }, ..self }
        }

        /// Rows by key and session.
        pub(crate) fn sessions(self, gap_ms: Timestamp, needed_ms: Timestamp, index: TimeIndex) -> Self {
            Declaration { kind: StoreKind::Session { gap_ms, needed_ms, index }, ..self }
        }

        /// Events by key and time, kept so long.
        pub(crate) fn events(self, retention_ms: Timestamp) -> Self {
            Declaration { kind: StoreKind::Events { retention_ms }, ..self }
        }

        /// Records that wait for something, in a layout of the operator's.
        pub(crate) fn of_bytes(self) -> Self {
            Declaration { kind: StoreKind::Waiting, changelog_layout: ChangelogLayout::AwaitingTable, ..self }
        }

        pub(crate) fn restored_from(self, source_changelog: Option<&'static str>) -> Self {
            Declaration { source_changelog, ..self }
        }
    }

    pub(crate) fn declare<K: Row, V: Row>(graph: &mut Graph, declaration: Declaration) {
        let operation = graph.nodes[declaration.node].kind.operation();
        let shared_by = declaration.owner.is_none().then_some(operation);
        let used = StoreUse { shared_by, ..store_use::<K, V>(&declaration) };
        graph.nodes[declaration.node].stores.push(declaration.name);
        graph.stores.declare(used).unwrap_or_else(|mistake| graph.mistakes.push(mistake));
    }

    /// What the graph must know of the buffer of a suppressed table, before it has a name.
    pub(crate) fn buffer_use<K: Row, V: Row>() -> StoreUse {
        let (types, type_name) = (TypeId::of::<(K, [V; 0])>(), std::any::type_name::<(K, [V; 0])>());
        let formats = [K::Format::default().name().into_owned(), format!("suppressed({})", V::Format::default().name())];
        let (kind, options) = (StoreKind::KeyValue, StoreOptions::default());
        StoreUse {
            name: "",
            kind,
            types,
            type_name,
            formats,
            owner: Some("suppress"),
            shared_by: None,
            options,
            source_changelog: None,
            changelog_layout: ChangelogLayout::Suppressed,
        }
    }

    /// What the graph must know to make a store, whether it is declared or only may be.
    pub(crate) fn store_use<K: Row, V: Row>(declaration: &Declaration) -> StoreUse {
        let &Declaration { name, owner, kind, options, source_changelog, changelog_layout, .. } = declaration;
        // A window store, a session store and a store by key are different things even of the same types.
        let (types, type_name) = match kind {
            StoreKind::KeyValue | StoreKind::Global => (TypeId::of::<(K, V)>(), std::any::type_name::<(K, V)>()),
            StoreKind::Versioned { .. } => (TypeId::of::<([K; 1], V)>(), std::any::type_name::<([K; 1], V)>()),
            StoreKind::Window { .. } => (TypeId::of::<([K; 0], V)>(), std::any::type_name::<([K; 0], V)>()),
            StoreKind::Session { .. } => (TypeId::of::<(&'static [K], V)>(), std::any::type_name::<(&'static [K], V)>()),
            StoreKind::Waiting => (TypeId::of::<([K; 2], V)>(), std::any::type_name::<([K; 2], V)>()),
            StoreKind::Events { .. } => (TypeId::of::<([K; 0], [V; 0])>(), std::any::type_name::<([K; 0], [V; 0])>()),
        };
        let formats = [K::Format::default().name().into_owned(), V::Format::default().name().into_owned()];
        StoreUse { name, kind, types, type_name, formats, owner, shared_by: None, options, source_changelog, changelog_layout }
    }
}

/// Milliseconds, which are never so many that sums of them with times overflow.
pub(super) fn millis(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_millis()).unwrap_or(Timestamp::MAX).min(Timestamp::MAX / 4)
}
