//! What a task's stores are, as its plan asks for them.

/// Milliseconds since the epoch.
pub type Timestamp = i64;

/// A store of a task: its name, how its keys are laid out, and what of it goes to a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    /// The name, unique in the task and stable over its life.
    pub name: String,
    /// How keys are laid out.
    pub layout: Layout,
    /// What goes to the changelog.
    pub logging: Logging,
    /// Where committed rows are.
    pub place: Place,
}

impl StoreSpec {
    /// A store of one value per key, whose last value per commit goes to the changelog.
    pub fn key_value(name: impl Into<String>) -> Self {
        Self { name: name.into(), layout: Layout::KeyValue, logging: Logging::LastPerKey, place: Place::Disk }
    }

    /// A store of one value per key and window start, whose last value per commit goes to the changelog.
    pub fn window(name: impl Into<String>, retention_ms: i64, segment_ms: i64) -> Self {
        let layout = Layout::Window { retention_ms, segment_ms, index: TimeIndex::None };
        Self { name: name.into(), layout, logging: Logging::LastPerKey, place: Place::Disk }
    }

    /// A store of one value per key and session, whose last value per commit goes to the changelog.
    pub fn session(name: impl Into<String>, retention_ms: i64, segment_ms: i64) -> Self {
        let layout = Layout::Session { retention_ms, segment_ms, index: TimeIndex::None };
        Self { name: name.into(), layout, logging: Logging::LastPerKey, place: Place::Disk }
    }

    /// The same windows or sessions, also found by time alone. A store of one value per key stays as it is.
    pub fn indexed_by_time(mut self) -> Self {
        if let Layout::Window { index, .. } | Layout::Session { index, .. } = &mut self.layout {
            *index = TimeIndex::Kept;
        }
        self
    }

    /// A store of all versions of each key within a history. Each version that is put goes to the changelog.
    pub fn versioned(name: impl Into<String>, history_ms: i64, segment_ms: i64) -> Self {
        let layout = Layout::Versioned { history_ms, segment_ms };
        Self { name: name.into(), layout, logging: Logging::EachUpdate, place: Place::Disk }
    }

    /// Another choice of what goes to the changelog.
    pub fn with_logging(mut self, logging: Logging) -> Self {
        self.logging = logging;
        self
    }

    /// The same store with its rows in memory: a task that is opened finds it empty and restores it from the beginning of its changelog.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }
}

/// How a store lays out its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One value per key.
    KeyValue,
    /// One value per key and window start, which expires by the store's observed time.
    Window {
        /// A window is visible while its start is above the observed time minus this (Kafka's rule for window stores). With an index by
        /// time the bound itself is still visible, as in Kafka.
        retention_ms: i64,
        /// How much time of window starts is removed at once. What the store was first opened with stays in force.
        segment_ms: i64,
        /// Whether windows are found by time alone.
        index: TimeIndex,
    },
    /// One value per key, end and start of a session, which expires by the store's observed time.
    Session {
        /// A session is visible while its end is above the observed time minus this.
        retention_ms: i64,
        /// How much time of session ends is removed at once. What the store was first opened with stays in force.
        segment_ms: i64,
        /// Whether sessions are found by time alone.
        index: TimeIndex,
    },
    /// All versions of each key, each from the time of its update to that of the next one.
    Versioned {
        /// How far back, from the observed time, versions are known and may be put (milliseconds).
        history_ms: i64,
        /// How much time is removed at once. What the store was first opened with stays in force.
        segment_ms: i64,
    },
}

impl Layout {
    pub(crate) fn is_indexed_by_time(self) -> bool {
        match self {
            Layout::KeyValue | Layout::Versioned { .. } => false,
            Layout::Window { index, .. } | Layout::Session { index, .. } => index == TimeIndex::Kept,
        }
    }
}

/// Whether windows or sessions are found by time, without a key, in the order of time. It costs a second entry for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeIndex {
    /// They are not.
    None,
    /// They are. Kafka: the stores of `EmitStrategy.onWindowClose`.
    Kept,
}

/// Where the committed rows of a store are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the task's database on its disk: they outlive the process.
    Disk,
    /// In memory: they end with the [`TaskState`](crate::TaskState).
    Memory,
}

/// What of a store's updates goes to its changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logging {
    /// Nothing: the store has no changelog, or its source topic plays that part.
    Off,
    /// The last value of each key since the last drain, in the order of these last writes. Kafka: a store with caching.
    LastPerKey,
    /// Each update, in the order of the writes. Kafka: a store without caching.
    EachUpdate,
}

/// Whether the effects of a single record can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// They cannot, and nothing is spent on it.
    Off,
    /// They can: what a record overwrites is kept until the next record begins.
    On,
}

/// How far a store has followed its changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangelogPosition {
    /// The offset of the first record that the store does not contain.
    pub next_offset: i64,
    /// The changelog topic's id: a topic of the same name that was made again has another one.
    pub topic_id: [u8; 16],
    /// The wall time of the batch that brought the store here. Tombstones older than the topic keeps them may have been missed.
    pub written_at_ms: Timestamp,
}

/// What goes to the changelog: key and value as Kafka Streams writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangelogRecord<'a> {
    /// The key in the changelog's format.
    pub key: &'a [u8],
    /// The value without its timestamp; none is a deletion.
    pub value: Option<&'a [u8]>,
    /// The record's timestamp; a deletion has one as well.
    pub timestamp: Timestamp,
}

/// What comes from the changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreRecord<'a> {
    /// The key in the changelog's format.
    pub key: &'a [u8],
    /// The value; none is a deletion.
    pub value: Option<&'a [u8]>,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// The record's offset in the changelog.
    pub offset: i64,
}
