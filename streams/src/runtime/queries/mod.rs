//! Interactive queries: the stores of a running application, read from any thread.
//!
//! Committed rows come from snapshots of the stores, without the stream thread's help. All snapshots of one query are taken between the same
//! two commits. What is not committed yet is asked of the stream thread.

mod directory;
mod inquiry;
mod owners;
mod scope;

use crate::format::Format;
use crate::graph::Topology;
use crate::query::{Found, Place, QueryError, Queryable, Question, committed, merge};
use crate::task::Globals;
use headwater_state::{CommittedState, StateError};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) use directory::{Directory, PATIENCE, TaskAt};
pub(crate) use inquiry::Inquiry;
use owners::Owner;
pub(crate) use owners::{Owners, client_id_of};
use scope::{Missing, Scope};

/// Reads the stores of a running application, from any thread; clones read the same one. Kafka: interactive queries (KIP-67, KIP-535).
///
/// Rows are committed ones: what an abort could take back is not seen, unless [`uncommitted`](Queries::uncommitted) is asked for. A query
/// about a key reads the partition that owns it; one about many keys needs all partitions of the store to be here, unless it is about
/// [`what is here`](Queries::here) or [one of them](Queries::partition). Where rows are not here, or not yet, the answer is a
/// [`QueryError`] within a second that names the instance to ask, never a part of the rows as if it were all of them.
///
/// Which partition owns a key is decided as Kafka's default partitioner does. Where a partitioner of your own has filled the store, ask its
/// [`partition`](Queries::partition).
///
/// ```
/// use headwater_streams::log::EmbeddedLog;
/// use headwater_streams::prelude::*;
/// use headwater_streams::runtime::{App, Config};
/// use headwater_streams::state::{Disk, MemoryDisk};
/// use std::{sync::Arc, time::Duration};
///
/// const WORDS: Topic<String, String> = Topic::new("words");
/// const COUNTS: Store<String, u64> = Store::new("counts");
///
/// let topology = StreamsBuilder::new();
/// topology.declare(WORDS.declaration().partitions(3));
/// topology.stream(WORDS).group_by_key().count(COUNTS);
/// let folder = tempfile::tempdir()?;
/// let log = Arc::new(EmbeddedLog::open(folder.path())?);
/// let config = Config { advertised_address: Some("10.0.0.7:8080".into()), ..Config::new("words") };
/// let running = App::new(topology.build()?, config).start(log, Disk::Memory(MemoryDisk::new()))?;
/// assert!(running.drain(Duration::from_secs(10)));
///
/// let counts = running.queries().store(COUNTS)?;
/// match counts.get(&"tea".to_owned()) {
///     Ok(found) => assert_eq!(found, None, "no tea was counted"),
///     Err(QueryError::NotHere { owner: Some(address), .. }) => println!("ask {address}"),
///     Err(QueryError::Moving { .. }) => println!("ask again soon"),
///     Err(error) => return Err(error.into()),
/// }
/// assert!(counts.all()?.is_empty());
/// running.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Queries {
    source: Arc<Source>,
    scope: Scope,
    isolation: Isolation,
}

/// Whether rows are seen that are not committed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Isolation {
    Committed,
    Uncommitted,
}

/// Where a partition of a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// This instance has it and answers.
    Here,
    /// It is on its way to this instance or between two others, or is being restored here.
    Moving,
    /// Another instance has it.
    Elsewhere {
        /// Its advertised address, if it has one.
        owner: Option<String>,
    },
    /// It is not here, and the group does not say where it is.
    Unknown,
}

/// The time of the process, in milliseconds since the epoch.
pub(crate) type Clock = Box<dyn Fn() -> i64 + Send + Sync>;

/// What all handles on one application share.
pub(crate) struct Source {
    pub(crate) topology: Topology,
    pub(crate) globals: Globals,
    pub(crate) directory: Arc<Directory>,
    pub(crate) owners: Owners,
    pub(crate) inquiries: Mutex<Sender<Inquiry>>,
    pub(crate) clock: Clock,
    /// A stream thread that is silent for two thirds of it may soon have lost its tasks without knowing.
    pub(crate) session: Duration,
    pub(crate) advertised_address: Option<String>,
}

impl Queries {
    pub(crate) fn new(source: Source) -> Self {
        Queries { source: Arc::new(source), scope: Scope::Whole, isolation: Isolation::Committed }
    }

    /// What reads this store.
    ///
    /// # Errors
    /// [`QueryError::NoSuchStore`] and [`QueryError::WrongType`], where the topology has another one or none.
    pub fn store<S: Queryable>(&self, store: S) -> Result<S::View<'static>, QueryError> {
        store.view(self.source.topology.stores(), Rc::new(self.clone()))
    }

    /// Queries about many keys see those whose partitions this instance has, without a word on the others.
    #[must_use]
    pub fn here(self) -> Self {
        Queries { scope: Scope::Here, ..self }
    }

    /// Queries see one partition, whatever the key: for answers that are put together out of those of several instances, and for keys that
    /// a partitioner of your own has placed.
    #[must_use]
    pub fn partition(self, partition: i32) -> Self {
        Queries { scope: Scope::Partition(partition), ..self }
    }

    /// Queries see what is not committed yet, as those of Kafka Streams do: a later abort may take it back. The stream thread answers them
    /// between two records, so they cost it time and wait for it.
    #[must_use]
    pub fn uncommitted(self) -> Self {
        Queries { isolation: Isolation::Uncommitted, ..self }
    }

    /// The partition that owns a key of a store.
    ///
    /// # Errors
    /// As [`store`](Queries::store), and [`QueryError::Key`].
    pub fn partition_of<S: Queryable>(&self, store: S, key: &S::Key) -> Result<i32, QueryError> {
        let mut bytes = Vec::new();
        let name = store.name();
        S::format().encode(key, &mut bytes).map_err(|source| QueryError::Key { store: name, source })?;
        let standing = self.source.directory.look(name)?;
        scope::partitions_of(&standing.plan, name, &bytes).pop_first().ok_or(QueryError::NoSuchStore { store: name })
    }

    /// Where the partitions of a store are, the first one first: whom to ask for what.
    ///
    /// # Errors
    /// [`QueryError::NoSuchStore`], [`QueryError::Ended`], [`QueryError::Busy`].
    pub fn whereabouts<S: Queryable>(&self, store: S) -> Result<Vec<Whereabouts>, QueryError> {
        let tasks: Vec<_> = {
            let standing = self.source.directory.look(store.name())?;
            let tasks = scope::all_tasks(&standing, store.name())?;
            tasks.map(|task| if standing.is_here(task) { Ok(()) } else { Err(standing.missing(task)) }).collect()
        };
        let whereabouts = |task: Result<(), Missing>| match task.map_err(|missing| self.source.owner(&missing)) {
            Ok(()) => Whereabouts::Here,
            Err(Owner::Us | Owner::Nobody) => Whereabouts::Moving,
            Err(Owner::Other(owner)) => Whereabouts::Elsewhere { owner },
            Err(Owner::Unknown) => Whereabouts::Unknown,
        };
        Ok(tasks.into_iter().map(whereabouts).collect())
    }

    /// The rows of one moment, of all tasks that have them.
    fn ask_committed(&self, question: &Question) -> Result<Vec<Found>, QueryError> {
        let standing = self.source.look(question.store)?;
        let tasks = match self.scope.tasks(&standing, question)? {
            Ok(tasks) => tasks,
            Err(missing) => {
                drop(standing);
                return Err(self.source.refusal(question.store, &missing));
            }
        };
        let states: Vec<CommittedState> = tasks.iter().filter_map(|task| standing.state(*task)).collect();
        let missing = tasks.first().map(|task| standing.missing(*task));
        let read = CommittedState::view_all(&states, move |views| {
            // All snapshots are taken: the next commit need not wait for what is read from them.
            drop(standing);
            views.iter().map(|view| committed(view, question)).collect::<Result<Vec<_>, StateError>>()
        });
        match read.and_then(|answers| answers) {
            Ok(answers) => Ok(merge(answers, question.direction, question.limit)),
            Err(StateError::Closed) => Err(missing.map_or(QueryError::Ended { store: question.store }, |missing| {
                self.source.refusal(question.store, &Missing { is_coming: false, ..missing })
            })),
            Err(source) => Err(QueryError::State { store: question.store, source }),
        }
    }

    fn ask_stream_thread(&self, question: &Question) -> Result<Vec<Found>, QueryError> {
        let store = question.store;
        drop(self.source.look(store)?);
        let (reply, answer) = channel();
        let inquiry = Inquiry { question: question.clone(), scope: self.scope, reply };
        let sent = self.source.inquiries.lock().unwrap_or_else(PoisonError::into_inner).send(inquiry);
        sent.map_err(|_| QueryError::Ended { store })?;
        match answer.recv_timeout(PATIENCE) {
            Ok(Ok(found)) => found,
            Ok(Err(missing)) => Err(self.source.refusal(store, &missing)),
            Err(RecvTimeoutError::Timeout) => Err(QueryError::Busy { store, waited_ms: PATIENCE.as_millis() as u64 }),
            Err(RecvTimeoutError::Disconnected) => Err(QueryError::Ended { store }),
        }
    }
}

impl Place for Queries {
    fn ask(&self, question: &Question) -> Result<Vec<Found>, QueryError> {
        // Every instance has these as a whole.
        if let Some(found) = self.source.globals.answer(question) {
            return Ok(found);
        }
        match self.isolation {
            Isolation::Committed => self.ask_committed(question),
            Isolation::Uncommitted => self.ask_stream_thread(question),
        }
    }
}

impl Source {
    /// What holds now, as long as the stream thread knows that it does.
    fn look(&self, store: &'static str) -> Result<std::sync::RwLockReadGuard<'_, directory::Standing>, QueryError> {
        let standing = self.directory.look(store)?;
        if standing.has_ended {
            return Err(QueryError::Ended { store });
        }
        let silent_ms = (self.clock)() - self.directory.heard_at();
        if !standing.tasks.is_empty() && silent_ms > self.session.as_millis() as i64 * 2 / 3 {
            return Err(QueryError::Silent { store, silent_ms });
        }
        Ok(standing)
    }

    fn owner(&self, missing: &Missing) -> Owner {
        if missing.is_coming {
            return Owner::Us;
        }
        match self.owners.of(&missing.anchor, &missing.member_id) {
            // The group still knows the process that was here before this one.
            Owner::Other(Some(address)) if Some(&address) == self.advertised_address.as_ref() => Owner::Us,
            owner => owner,
        }
    }

    /// Why a task cannot be read here, and who else can be asked.
    fn refusal(&self, store: &'static str, missing: &Missing) -> QueryError {
        let partition = missing.task.partition;
        match self.owner(missing) {
            Owner::Us => QueryError::Moving { store, partition, owner: self.advertised_address.clone() },
            Owner::Nobody => QueryError::Moving { store, partition, owner: None },
            Owner::Unknown if missing.member_id.is_empty() => QueryError::Moving { store, partition, owner: None },
            Owner::Unknown => QueryError::NotHere { store, partition, owner: None },
            Owner::Other(owner) => QueryError::NotHere { store, partition, owner },
        }
    }
}
