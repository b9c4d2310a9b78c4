//! The stores of a topology, as far as they are known while it is built.

use super::{ChangelogLayout, TopologyError};
use crate::record::Timestamp;
use headwater_state::{Logging, StoreSpec, TimeIndex};
use std::any::TypeId;
use std::fmt;

/// All stores by name, in the order of their first use.
#[derive(Clone, Default)]
pub(crate) struct Stores(Vec<StoreUse>);

/// One store: its types, its layout, what was said about it.
#[derive(Clone, Debug)]
pub(crate) struct StoreUse {
    pub(crate) name: &'static str,
    pub(crate) kind: StoreKind,
    pub(crate) types: TypeId,
    pub(crate) type_name: &'static str,
    /// Names of the formats of keys and values.
    pub(crate) formats: [String; 2],
    /// The operation that fills it, where one does.
    pub(crate) owner: Option<&'static str>,
    /// An operation that may write to it as well.
    pub(crate) shared_by: Option<&'static str>,
    pub(crate) options: StoreOptions,
    /// The source topic that serves as its changelog.
    pub(crate) source_changelog: Option<&'static str>,
    pub(crate) changelog_layout: ChangelogLayout,
}

/// A store that somebody reads and does not fill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreRead {
    pub(crate) store: &'static str,
    pub(crate) types: TypeId,
    pub(crate) type_name: &'static str,
}

impl StoreRead {
    /// What is wrong with it: there is no such store, or it is another one.
    pub(super) fn mistake(&self, stores: &Stores) -> Option<TopologyError> {
        let &StoreRead { store, types, type_name } = self;
        match stores.get(store) {
            None => Some(TopologyError::NobodyFills { store }),
            Some(known) if known.types != types => {
                Some(TopologyError::StoreOfTwoTypes { store, first: known.type_name, second: type_name })
            }
            Some(_) => None,
        }
    }
}

/// The layout of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// Rows by key.
    KeyValue,
    /// All versions of each row within a history. Kafka: `VersionedKeyValueStore`.
    Versioned { history_ms: Timestamp, segment_ms: Timestamp },
    /// Rows by key that no task owns.
    Global,
    /// Records that wait for something, in a layout of their operator's.
    Waiting,
    /// Events by key and time, for a join of streams.
    Events { retention_ms: Timestamp },
    /// Rows by key and window start.
    Window {
        size_ms: Timestamp,
        /// Size and grace: the least retention.
        needed_ms: Timestamp,
        index: TimeIndex,
    },
    /// Rows by key and session.
    Session {
        gap_ms: Timestamp,
        /// Gap and grace: the least retention.
        needed_ms: Timestamp,
        index: TimeIndex,
    },
}

/// What was said about a store; nothing said is the default. Kafka: `Materialized`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoreOptions {
    /// Bytes of typed rows that are held back until a commit; 0: every update goes on at once.
    pub(crate) cache_bytes: Option<usize>,
    pub(crate) logged: Option<bool>,
    pub(crate) may_lose_one_interval: Option<bool>,
    /// Rows are in memory, or on the disk of the state.
    pub(crate) in_memory: Option<bool>,
    pub(crate) retention_ms: Option<Timestamp>,
    /// How far back rows are known; without it only the last one is.
    pub(crate) history_ms: Option<Timestamp>,
    /// How much of a history is removed at once.
    pub(crate) segment_ms: Option<Timestamp>,
}

impl StoreKind {
    /// Whether the store knows what its rows were at earlier times.
    pub(super) fn is_versioned(self) -> bool {
        self.history_ms().is_some()
    }

    /// How far back the store knows its rows.
    pub(super) fn history_ms(self) -> Option<Timestamp> {
        match self {
            StoreKind::Versioned { history_ms, .. } => Some(history_ms),
            StoreKind::KeyValue | StoreKind::Global | StoreKind::Waiting => None,
            StoreKind::Window { .. } | StoreKind::Session { .. } | StoreKind::Events { .. } => None,
        }
    }
}

/// Bytes of typed rows per store and task, unless stated. Kafka: `statestore.cache.max.bytes`.
const DEFAULT_CACHE_BYTES: usize = 10 << 20;

/// Kafka: `Stores.persistentWindowStore` cuts no smaller pieces of time.
const LEAST_SEGMENT_MS: Timestamp = 60_000;

/// The same for the history of a versioned store, and into how many pieces a long one is cut.
const LEAST_VERSION_SEGMENT_MS: Timestamp = 2_000;
const SEGMENTS_PER_HISTORY: Timestamp = 12;

impl StoreUse {
    /// A history is always on the disk: Kafka has none in memory either.
    pub(super) fn is_in_memory(&self) -> bool {
        self.options.in_memory == Some(true) && !self.kind.is_versioned()
    }

    pub(super) fn needed_ms(&self) -> Option<Timestamp> {
        match self.kind {
            StoreKind::KeyValue | StoreKind::Global | StoreKind::Versioned { .. } | StoreKind::Waiting => None,
            StoreKind::Events { retention_ms } => Some(retention_ms),
            StoreKind::Window { needed_ms, .. } | StoreKind::Session { needed_ms, .. } => Some(needed_ms),
        }
    }

    /// What the byte store must be.
    pub(super) fn spec(&self) -> StoreSpec {
        let spec = match self.kind {
            StoreKind::KeyValue | StoreKind::Global | StoreKind::Waiting => StoreSpec::key_value(self.name),
            StoreKind::Versioned { history_ms, segment_ms } => StoreSpec::versioned(self.name, history_ms, segment_ms),
            StoreKind::Events { retention_ms } => StoreSpec::window(self.name, retention_ms, segment_ms(retention_ms)),
            StoreKind::Window { needed_ms, index, .. } => {
                let retention_ms = self.options.retention_ms.unwrap_or(needed_ms);
                indexed(StoreSpec::window(self.name, retention_ms, segment_ms(retention_ms)), index)
            }
            StoreKind::Session { needed_ms, index, .. } => {
                let retention_ms = self.options.retention_ms.unwrap_or(needed_ms);
                indexed(StoreSpec::session(self.name, retention_ms, segment_ms(retention_ms)), index)
            }
        };
        let spec = if self.is_in_memory() { spec.in_memory() } else { spec };
        spec.with_logging(match self.options {
            _ if !self.options.is_logged() || self.source_changelog.is_some() => Logging::Off,
            _ if self.options.cache_bytes() > 0 => Logging::LastPerKey,
            _ => Logging::EachUpdate,
        })
    }
}

fn segment_ms(retention_ms: Timestamp) -> Timestamp {
    (retention_ms / 2).max(LEAST_SEGMENT_MS)
}

fn indexed(spec: StoreSpec, index: TimeIndex) -> StoreSpec {
    match index {
        TimeIndex::None => spec,
        TimeIndex::Kept => spec.indexed_by_time(),
    }
}

impl StoreOptions {
    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache_bytes.unwrap_or(DEFAULT_CACHE_BYTES)
    }

    pub(crate) fn is_logged(&self) -> bool {
        self.logged.unwrap_or(true)
    }

    /// The layout of a store of rows by key with these options.
    pub(crate) fn rows_kind(&self) -> StoreKind {
        self.history_ms.map_or(StoreKind::KeyValue, |history_ms| StoreKind::Versioned {
            history_ms,
            segment_ms: self.segment_ms.unwrap_or((history_ms / SEGMENTS_PER_HISTORY).max(LEAST_VERSION_SEGMENT_MS)),
        })
    }

    /// Takes over what `other` says; a contradiction is the name of the option.
    fn merge(&mut self, other: StoreOptions) -> Result<(), &'static str> {
        merge(&mut self.cache_bytes, other.cache_bytes, "cached")?;
        merge(&mut self.logged, other.logged, "logged")?;
        merge(&mut self.may_lose_one_interval, other.may_lose_one_interval, "may_lose_one_interval")?;
        merge(&mut self.in_memory, other.in_memory, "in_memory")?;
        merge(&mut self.retention_ms, other.retention_ms, "retention")?;
        merge(&mut self.history_ms, other.history_ms, "history")?;
        merge(&mut self.segment_ms, other.segment_ms, "segments_of")
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StoreKind::KeyValue => f.write_str("key-value"),
            StoreKind::Global => f.write_str("global rows"),
            StoreKind::Waiting => f.write_str("records that wait"),
            StoreKind::Versioned { history_ms, .. } => write!(f, "versions of {history_ms} ms"),
            StoreKind::Events { retention_ms } => write!(f, "events for {retention_ms} ms"),
            StoreKind::Window { size_ms, index, .. } => write!(f, "windows of {size_ms} ms{}", show_index(index)),
            StoreKind::Session { gap_ms, index, .. } => write!(f, "sessions with gaps of {gap_ms} ms{}", show_index(index)),
        }
    }
}

fn show_index(index: TimeIndex) -> &'static str {
    match index {
        TimeIndex::None => "",
        TimeIndex::Kept => ", by time",
    }
}

fn merge<T: PartialEq + Copy>(mine: &mut Option<T>, other: Option<T>, option: &'static str) -> Result<(), &'static str> {
    match (*mine, other) {
        (Some(mine), Some(other)) if mine != other => Err(option),
        (mine_or_none, other) => {
            *mine = mine_or_none.or(other);
            Ok(())
        }
    }
}

impl Stores {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, StoreUse> {
        self.0.iter()
    }

    /// Settles what stores hold back, and where their rows are, that say nothing about it.
    pub(super) fn settle_unstated(&mut self, cache_bytes: Option<usize>, in_memory: Option<bool>) {
        for StoreUse { options, .. } in &mut self.0 {
            options.cache_bytes = options.cache_bytes.or(cache_bytes);
            options.in_memory = options.in_memory.or(in_memory);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&StoreUse> {
        self.0.iter().find(|store| store.name == name)
    }

    /// Adds a use of a store. The types of an edge come from its handle; those of a store from whoever names it, so they are compared here.
    pub(crate) fn declare(&mut self, used: StoreUse) -> Result<(), TopologyError> {
        let Some(known) = self.0.iter_mut().find(|store| store.name == used.name) else {
            self.0.push(used);
            return Ok(());
        };
        let store = known.name;
        if known.types != used.types {
            return Err(TopologyError::StoreOfTwoTypes { store, first: known.type_name, second: used.type_name });
        }
        if let (Some(first), Some(second)) = (known.owner, used.owner) {
            return Err(TopologyError::StoreOfTwoOwners { store, first, second });
        }
        if used.owner.is_some() {
            known.owner = used.owner;
            known.kind = used.kind;
            known.source_changelog = used.source_changelog;
        }
        known.shared_by = known.shared_by.or(used.shared_by);
        known.options.merge(used.options).map_err(|option| TopologyError::StoreOptionsDiffer { store, option })
    }
}
