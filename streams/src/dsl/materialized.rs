//! Stores with options.

use super::{SessionStore, Store, VersionedStore, WindowStore};
use crate::format::{Nullable, Row};
use crate::graph::StoreOptions;
use crate::record::Timestamp;
use std::marker::PhantomData;
use std::time::Duration;

/// A store with options; the bare [`Store`] is the same with the defaults. Kafka: `Materialized`.
///
/// What is said twice about one store, in two places, must agree.
/// ```
/// use headwater_streams::prelude::*;
/// const TOTALS: Store<String, u64> = Store::new("totals");
/// let small = TOTALS.cached(1 << 20);
/// # let _ = small;
/// ```
pub struct Materialized<K, V> {
    pub(crate) name: &'static str,
    pub(crate) options: StoreOptions,
    types: PhantomData<fn() -> (K, V)>,
}

/// A window store with options; the bare [`WindowStore`] is the same with the defaults. Kafka: `Materialized`.
pub struct WindowMaterialized<K, V> {
    pub(crate) name: &'static str,
    pub(crate) options: StoreOptions,
    types: PhantomData<fn() -> (K, V)>,
}

/// A session store with options; the bare [`SessionStore`] is the same with the defaults. Kafka: `Materialized`.
pub struct SessionMaterialized<K, V> {
    pub(crate) name: &'static str,
    pub(crate) options: StoreOptions,
    types: PhantomData<fn() -> (K, V)>,
}

macro_rules! options { ($($store:ident $materialized:ident)*) => { $(
    impl<K, V> $materialized<K, V> {
        fn with(self, change: impl FnOnce(&mut StoreOptions)) -> Self {
            let mut options = self.options;
            change(&mut options);
            $materialized { options, ..self }
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

    impl<K, V> Clone for $materialized<K, V> {
        fn clone(&self) -> Self {
            *self
        }
    }

    impl<K, V> Copy for $materialized<K, V> {}

    impl<K, V> $store<K, V> {
        pub(super) fn with_defaults(self) -> $materialized<K, V> {
            $materialized { name: self.name(), options: StoreOptions::default(), types: PhantomData }
        }

        /// Holds updates back until a commit; above so many bytes of rows it flushes early.
        pub fn cached(self, bytes: usize) -> $materialized<K, V> {
            self.with_defaults().cached(bytes)
        }

        /// Logs and forwards each update at once.
        pub fn uncached(self) -> $materialized<K, V> {
            self.with_defaults().uncached()
        }

        /// Keeps no changelog; `may_lose_one_interval` must be said as well.
        pub fn unlogged(self) -> $materialized<K, V> {
            self.with_defaults().unlogged()
        }
    }
)* } }
options!(Store Materialized WindowStore WindowMaterialized SessionStore SessionMaterialized);

macro_rules! retention { ($($(#[$doc:meta])* $store:ident $materialized:ident;)*) => { $(
    impl<K, V> $materialized<K, V> {
        $(#[$doc])*
        pub fn retention(self, retention: Duration) -> Self {
            self.retention_ms(millis(retention))
        }

        /// The same in milliseconds.
        pub fn retention_ms(self, retention: Timestamp) -> Self {
            self.with(|options| options.retention_ms = Some(retention))
        }
    }

    impl<K, V> $store<K, V> {
        $(#[$doc])*
        pub fn retention(self, retention: Duration) -> $materialized<K, V> {
            self.with_defaults().retention(retention)
        }
    }
)* } }
retention! {
    /// How long windows are kept after their start, in stream time; at least size and grace, which is the default (of sliding windows, twice
    /// their difference and grace). Kafka: `withRetention`. `build()` returns
    /// [`TopologyError::RetentionTooShort`](crate::graph::TopologyError::RetentionTooShort) for less.
    WindowStore WindowMaterialized;
    /// How long sessions are kept after their end, in stream time; at least gap and grace, which is the default. Kafka: `withRetention`. `build()`
    /// returns [`TopologyError::RetentionTooShort`](crate::graph::TopologyError::RetentionTooShort) for less.
    SessionStore SessionMaterialized;
}

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
        let used = store_use::<K, V>(&declaration);
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
        StoreUse { name, kind, types, type_name, formats, owner, options, source_changelog, changelog_layout }
    }
}

/// Milliseconds, which are never so many that sums of them with times overflow.
pub(super) fn millis(duration: Duration) -> Timestamp {
    Timestamp::try_from(duration.as_millis()).unwrap_or(Timestamp::MAX).min(Timestamp::MAX / 4)
}

/// What keeps rows by key: a [`Store`], or one with options.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a store", note = "give a `Store<K, V>`, or `STORE.cached(..)` and the like")]
pub trait IntoStore {
    /// The keys.
    type Key: Row;
    /// The values; `Option<A>` where an aggregation may delete its row.
    type Value: Nullable;
    /// The store and its options.
    fn into_store(self) -> Materialized<Self::Key, Self::Value>;
}

impl<K: Row, V: Nullable> IntoStore for Store<K, V> {
    type Key = K;
    type Value = V;
    fn into_store(self) -> Materialized<K, V> {
        self.with_defaults()
    }
}

impl<K: Row, V: Nullable> IntoStore for VersionedStore<K, V> {
    type Key = K;
    type Value = V;
    fn into_store(self) -> Materialized<K, V> {
        let (history_ms, segment_ms) = (Some(self.history_ms()), self.segment_ms());
        // A version that waits for a commit would be overwritten by the next one.
        let options = StoreOptions { cache_bytes: Some(0), history_ms, segment_ms, ..StoreOptions::default() };
        Materialized { name: self.name(), options, types: PhantomData }
    }
}

impl<K: Row, V: Nullable> IntoStore for Materialized<K, V> {
    type Key = K;
    type Value = V;
    fn into_store(self) -> Materialized<K, V> {
        self
    }
}

/// What keeps rows by key and window: a [`WindowStore`], or one with options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a window store",
    note = "give a `WindowStore<K, V>`, or `STORE.retention(..)` and the like"
)]
pub trait IntoWindowStore {
    /// The keys, without their windows.
    type Key: Row;
    /// The values; `Option<A>` where an aggregation may delete its row.
    type Value: Nullable;
    /// The store and its options.
    fn into_window_store(self) -> WindowMaterialized<Self::Key, Self::Value>;
}

impl<K: Row, V: Nullable> IntoWindowStore for WindowStore<K, V> {
    type Key = K;
    type Value = V;
    fn into_window_store(self) -> WindowMaterialized<K, V> {
        self.with_defaults()
    }
}

impl<K: Row, V: Nullable> IntoWindowStore for WindowMaterialized<K, V> {
    type Key = K;
    type Value = V;
    fn into_window_store(self) -> WindowMaterialized<K, V> {
        self
    }
}

/// What keeps rows by key and session: a [`SessionStore`], or one with options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "give a `SessionStore<K, V>`, or `STORE.retention(..)` and the like"
)]
pub trait IntoSessionStore {
    /// The keys, without their sessions.
    type Key: Row;
    /// The values; `Option<A>` where an aggregation may delete its row.
    type Value: Nullable;
    /// The store and its options.
    fn into_session_store(self) -> SessionMaterialized<Self::Key, Self::Value>;
}

impl<K: Row, V: Nullable> IntoSessionStore for SessionStore<K, V> {
    type Key = K;
    type Value = V;
    fn into_session_store(self) -> SessionMaterialized<K, V> {
        self.with_defaults()
    }
}

impl<K: Row, V: Nullable> IntoSessionStore for SessionMaterialized<K, V> {
    type Key = K;
    type Value = V;
    fn into_session_store(self) -> SessionMaterialized<K, V> {
        self
    }
}
