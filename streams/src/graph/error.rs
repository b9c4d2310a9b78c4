//! What can be wrong with a topology. `build()` finds everything at once.

use std::fmt;

/// One mistake in a topology. Each is mended in the code that builds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// A key has changed, so records must be sent to other partitions before this operator; the topic for it needs a name.
    #[error("the repartition before `{before}` (after `{after}`) has no name: {hint}")]
    UnnamedRepartition {
        /// The operation that needs records with one key in one partition.
        before: String,
        /// The operation that changed the key.
        after: String,
        /// What to write.
        hint: &'static str,
    },
    /// A processor's stores hold what belongs to the keys of their partition, and records whose key has changed stand in the partition of the old one.
    /// Kafka Streams does not notice: one key then has several rows in several places.
    #[error(
        "`{before}` keeps state in `{store}` behind `{after}`, which may change the key: add .repartition(Repartitioned::named(\"...\")) between \
         them; if the key stays, write process_values or map_values for `{after}`; if state by partition is meant, call trust_partitions() on the builder"
    )]
    StateBehindChangedKey {
        /// The operation with the store.
        before: &'static str,
        /// The operation that may change the key.
        after: &'static str,
        /// The store.
        store: &'static str,
    },
    /// Streams of two builders know nothing of each other.
    #[error("`{operation}` puts together what two builders have made: build one topology with one StreamsBuilder")]
    TwoBuilders {
        /// The operation.
        operation: &'static str,
    },
    /// Two repartitions of one name would share a topic.
    #[error("two repartitions are called `{name}`: name one of them otherwise")]
    RepartitionTwice {
        /// The name of both.
        name: String,
    },
    /// A node has one name.
    #[error("named twice: `{first}` and `{second}`: keep one of the names")]
    NamedTwice {
        /// The earlier name.
        first: String,
        /// The later one.
        second: String,
    },
    /// Names of nodes stand in dead letters and must tell one from another.
    #[error("two nodes are called `{name}`: call one of them otherwise, dead letters must tell them apart")]
    NameTaken {
        /// The name of both.
        name: String,
    },
    /// Kafka takes letters, digits, `.`, `_` and `-`, at most 249 of them.
    #[error("`{name}` is no legal name for a {what}: at most 249 letters, digits, `.`, `_` and `-`, but not `.` and `..`")]
    IllegalName {
        /// Topic, store or node.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A processor reads a store that an aggregation, a table or another processor has to fill.
    #[error("store `{store}` is read, but nothing fills it: give it to an aggregation or a table, or fill it with read_only_store")]
    NobodyFills {
        /// The store.
        store: &'static str,
    },
    /// A store holds keys and values of one type each.
    #[error("store `{store}` is used with two types: {first} and {second}: give one of the stores another name")]
    StoreOfTwoTypes {
        /// The store.
        store: &'static str,
        /// Its types at the first use.
        first: &'static str,
        /// Its types at a later use.
        second: &'static str,
    },
    /// Somebody downstream needs the rows of a table that keeps none; the store for them needs a name.
    #[error("the table of `{operation}` needs a store, because rows of it are asked for: add .stored(STORE) behind it, or .named(\"...\")")]
    UnnamedStore {
        /// What makes the table.
        operation: &'static str,
    },
    /// A table has one store.
    #[error("a table is stored twice: in `{first}` and in `{second}`")]
    StoredTwice {
        /// The earlier store.
        first: &'static str,
        /// The later one.
        second: &'static str,
    },
    /// A store is filled by one table or aggregation; processors may share it.
    #[error("store `{store}` is filled by two operators, `{first}` and `{second}`: give one of them another store")]
    StoreOfTwoOwners {
        /// The store.
        store: &'static str,
        /// One operation.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// Options of one store were stated twice, differently.
    #[error("store `{store}` is given two different values for option `{option}`")]
    StoreOptionsDiffer {
        /// The store.
        store: &'static str,
        /// The option.
        option: &'static str,
    },
    /// Without a changelog a lost machine loses the store; whoever wants that says `may_lose_one_interval`.
    #[error("store `{store}` has no changelog: say `may_lose_one_interval` if that is meant")]
    StoreMayLose {
        /// The store.
        store: &'static str,
    },
    /// Windows must be kept as long as late records may change them.
    #[error("store `{store}` keeps windows for {retention_ms} ms, but they change for {needed_ms} ms (size and grace)")]
    RetentionTooShort {
        /// The store.
        store: &'static str,
        /// What was stated.
        retention_ms: i64,
        /// The least that is possible.
        needed_ms: i64,
    },
    /// A window has a size.
    #[error("windows of store `{store}` have size {size_ms} ms: it must be above zero")]
    WindowSize {
        /// The store.
        store: &'static str,
        /// What was stated.
        size_ms: i64,
    },
    /// Windows advance by more than nothing and leave no gaps.
    #[error("windows of store `{store}` advance by {advance_ms} ms: it must be above zero and at most their size, {size_ms} ms")]
    WindowAdvance {
        /// The store.
        store: &'static str,
        /// What was stated.
        advance_ms: i64,
        /// The size.
        size_ms: i64,
    },
    /// Two records that share a sliding window are at most its difference apart.
    #[error("sliding windows of store `{store}` have a difference of {diff_ms} ms: it must not be negative")]
    SlidingDifference {
        /// The store.
        store: &'static str,
        /// What was stated.
        diff_ms: i64,
    },
    /// Sessions are kept apart by silence.
    #[error("sessions of store `{store}` have a gap of {gap_ms} ms: it must not be negative")]
    SessionGap {
        /// The store.
        store: &'static str,
        /// What was stated.
        gap_ms: i64,
    },
    /// No window begins before the epoch.
    #[error("the unlimited window of store `{store}` begins at {start_ms} ms: it must not be negative")]
    UnlimitedStart {
        /// The store.
        store: &'static str,
        /// What was stated.
        start_ms: i64,
    },
    /// A window that never ends never closes, so nothing would ever be emitted.
    #[error("store `{store}` holds an unlimited window, which never closes: leave out `.emit_on_close()`")]
    NeverCloses {
        /// The store.
        store: &'static str,
    },
    /// Only windows close.
    #[error("`suppress(Suppress::until_window_closes())` stands behind no `windowed_by(..)`, so nothing would ever close")]
    NothingCloses,
    /// Of a versioned table a late version is an update as well, and would be held back as the last one.
    #[error("`suppress` stands behind a versioned table: keep the table in a plain store")]
    SuppressedVersions,
    /// Grace is how long a window takes late records after its end.
    #[error("windows of store `{store}` have grace {grace_ms} ms: it must not be negative")]
    NegativeGrace {
        /// The store.
        store: &'static str,
        /// What was stated.
        grace_ms: i64,
    },
    /// A history is not negative, and what is removed of it at once is something.
    #[error(
        "store `{store}` keeps versions for {history_ms} ms in segments of {segment_ms} ms: the one must not be negative, the other must be above zero"
    )]
    History {
        /// The store.
        store: &'static str,
        /// What was stated.
        history_ms: i64,
        /// What was stated or follows.
        segment_ms: i64,
    },
    /// The stores of a join of streams are durable, so they need a name.
    #[error("the stores of `{operation}` have no name: write other.within(windows).stored(\"...\")")]
    UnnamedJoin {
        /// The operation.
        operation: &'static str,
    },
    /// Records that wait for a join are durable, so where they wait needs a name.
    #[error("the store in which records of `{operation}` wait has no name: write table.with_grace(..).stored(\"...\")")]
    UnnamedBuffer {
        /// The operation.
        operation: &'static str,
    },
    /// Who waits for a table must then be told what it knew at an earlier time.
    #[error("`{join}` waits {grace_ms} ms for a table that knows its rows {}: give it a VersionedStore with a history of at least the grace", show_history(.history_ms))]
    GraceOfTable {
        /// The store in which records wait.
        join: &'static str,
        /// How long they wait.
        grace_ms: i64,
        /// How far back the table knows its rows; none: only as they stand.
        history_ms: Option<i64>,
    },
    /// A join's window does not end before it begins.
    #[error("join `{join}` reaches from {before_ms} ms before a record to {after_ms} ms after it: the end lies before the beginning")]
    JoinWindow {
        /// The name of the join's stores.
        join: &'static str,
        /// What was stated.
        before_ms: i64,
        /// What was stated.
        after_ms: i64,
    },
    /// A topic has one position in a group: read it once and use the stream as often as needed.
    #[error("topic `{topic}` is read twice, differently: read it once and use the stream or table again")]
    TopicReadTwice {
        /// The topic.
        topic: &'static str,
    },
    /// A pattern of topic names is a regular expression.
    #[error("`{pattern}` is no pattern: {reason}")]
    IllegalPattern {
        /// What was given.
        pattern: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A topic has one position in a group, so a pattern must not match what another source names.
    #[error("pattern `{pattern}` matches topic `{topic}`, which another source reads: make it narrower")]
    PatternTakesTopic {
        /// The pattern.
        pattern: &'static str,
        /// The topic.
        topic: &'static str,
    },
    /// A global table knows its rows only as they stand.
    #[error("global table `{store}` cannot be versioned: give it a Store")]
    VersionedGlobal {
        /// The store.
        store: &'static str,
    },
    /// A source without topics.
    #[error("a source reads no topic: give it at least one")]
    NoTopic,
    /// Two declarations of one topic.
    #[error("topic `{topic}` is declared twice, differently: keep one of the declarations")]
    DeclaredTwice {
        /// The topic.
        topic: &'static str,
    },
    /// A topic has at least one partition.
    #[error("{name} has {partitions} partitions: at least one is needed")]
    PartitionCount {
        /// The topic or repartition.
        name: String,
        /// What was stated.
        partitions: i32,
    },
    /// What is joined stands in partitions of the same number.
    #[error("joined inputs have different partition counts: {}; repartition(..) one of them", show_counts(.counts))]
    PartitionsDiffer {
        /// Topics with the counts that were stated for them.
        counts: Vec<(String, i32)>,
    },
    /// A topic can serve as changelog only where it is read as the types say.
    #[error("topic `{topic}` cannot serve as changelog of store `{store}`: it is one of several, or read with another format or time")]
    NoChangelog {
        /// The topic.
        topic: &'static str,
        /// The store.
        store: &'static str,
    },
    /// What is written to a store whose changelog is a topic of somebody else's stands in no changelog: a restart would lose it.
    #[error(
        "`{operation}` may write to store `{store}`, of which topic `{topic}` is the changelog: give it STORE.read_only(), or the store a \
         changelog of its own"
    )]
    TopicFillsStore {
        /// The store.
        store: &'static str,
        /// The topic that fills it.
        topic: &'static str,
        /// An operation that shares it.
        operation: &'static str,
    },
    /// A store that a topic fills is restored from it.
    #[error("store `{store}` is said to be unlogged, but the topic that fills it is its changelog: leave `unlogged` away")]
    TopicIsChangelog {
        /// The store.
        store: &'static str,
    },
    /// Sinks keep their progress under their names.
    #[error("two sinks outside of the log are called `{name}`: the name is the key of their progress")]
    ConnectorTwice {
        /// The name of both.
        name: String,
    },
    /// Nothing is read, so nothing would run.
    #[error("the topology reads nothing: begin with stream(..), table(..) or connect(..)")]
    Empty,
}

/// All mistakes of one topology, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyErrors(pub(crate) Vec<TopologyError>);

impl TopologyErrors {
    /// The mistakes, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, TopologyError> {
        self.0.iter()
    }
}

impl PartialEq<[TopologyError]> for TopologyErrors {
    fn eq(&self, other: &[TopologyError]) -> bool {
        self.0 == other
    }
}

impl<const N: usize> PartialEq<[TopologyError; N]> for TopologyErrors {
    fn eq(&self, other: &[TopologyError; N]) -> bool {
        self.0 == other
    }
}

impl fmt::Display for TopologyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [only] => only.fmt(f),
            many => {
                write!(f, "{} mistakes in the topology", many.len())?;
                many.iter().try_for_each(|mistake| write!(f, "\n- {mistake}"))
            }
        }
    }
}

impl std::error::Error for TopologyErrors {}

fn show_counts(counts: &[(String, i32)]) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn show_history(history_ms: &Option<i64>) -> String {
    history_ms.map_or_else(|| "only as they stand".to_owned(), |history_ms| format!("for {history_ms} ms"))
}
