//! Who owns what this process does not: the group's member list, asked of the log when a query needs it.
//!
//! A member's address travels in its client id, since that is what every binding lets a member say of itself: librdkafka takes no user data
//! for the assignment protocol. The list is asked for on a thread of its own, so that a log that is away costs a query no more than
//! [`PATIENCE`].

use crate::log::{GroupDescription, Log, TopicPartition};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::debug;

/// Begins the client ids of members that can be reached.
const CLIENT: &str = "headwater@";

/// How long a query waits for the list. Without it the owner is unknown.
const PATIENCE: Duration = Duration::from_millis(350);

/// The list is good for so long: many queries in the wrong place must not become as many questions to the broker.
const FRESH: Duration = Duration::from_millis(200);

/// How long the end of the asking thread is waited for.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// The client id of a member that is reached at this address.
pub(crate) fn client_id_of(address: &str) -> String {
    format!("{CLIENT}{address}")
}

/// Who has a partition, as far as the group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// We do, or are to.
    Us,
    /// Another member, with its address if it advertises one.
    Other(Option<String>),
    /// Nobody at the moment: the group shares out anew.
    Nobody,
    /// The group does not answer.
    Unknown,
}

/// Asks for the group's members.
pub(crate) struct Owners {
    ask: Box<dyn Fn() -> Option<GroupDescription> + Send + Sync>,
    known: Mutex<Option<(Instant, Option<GroupDescription>)>>,
    fresh: Duration,
}

impl Owners {
    /// Asks on a thread of its own.
    pub(crate) fn beside(log: Arc<dyn Log>, group: Arc<str>) -> Self {
        let asker = Mutex::new(None::<Asker>);
        let ask = move || {
            let (reply, answer) = mpsc::channel();
            let mut asker = asker.lock().unwrap_or_else(PoisonError::into_inner);
            let asks = asker.get_or_insert_with(|| Asker::start(log.clone(), group.clone())).asks.as_ref()?;
            asks.send(reply).ok()?;
            drop(asker);
            answer.recv_timeout(PATIENCE).ok().flatten()
        };
        Owners { ask: Box::new(ask), known: Mutex::default(), fresh: FRESH }
    }

    /// Asks where it stands: for a log that answers at once.
    pub(crate) fn inline(log: Arc<dyn Log>, group: Arc<str>) -> Self {
        Owners { ask: Box::new(move || describe(&*log, &group)), known: Mutex::default(), fresh: Duration::ZERO }
    }

    /// Who has this anchor partition. `member_id` is ours.
    pub(crate) fn of(&self, anchor: &TopicPartition, member_id: &str) -> Owner {
        let Some(group) = self.group() else { return Owner::Unknown };
        let Some(member) = group.members.iter().find(|member| member.partitions.contains(anchor)) else { return Owner::Nobody };
        if member.member_id == member_id {
            return Owner::Us;
        }
        Owner::Other(member.client_id.strip_prefix(CLIENT).map(str::to_owned))
    }

    fn group(&self) -> Option<GroupDescription> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((asked_at, group)) = known
            && asked_at.elapsed() < self.fresh
        {
            return group;
        }
        let group = (self.ask)();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), group.clone()));
        group
    }
}

type Reply = Sender<Option<GroupDescription>>;

/// The thread that asks the log.
struct Asker {
    asks: Option<Sender<Reply>>,
    /// Closed when the thread has let go of the log.
    ended: Receiver<()>,
    /// None where no thread could be made; then nothing takes questions, and owners stay unknown.
    thread: Option<JoinHandle<()>>,
}

impl Asker {
    fn start(log: Arc<dyn Log>, group: Arc<str>) -> Self {
        let ((asks, asked), (ends, ended)) = (mpsc::channel(), mpsc::channel());
        let work = move || {
            answer_all(&*log, &group, &asked);
            drop(log);
            drop(ends);
        };
        let thread = std::thread::Builder::new().name("owners".into()).spawn(work).ok();
        Asker { asks: Some(asks), ended, thread }
    }
}

impl Drop for Asker {
    /// A process that ends must not meet a thread that closes its log. One that waits for a log that is away is left to itself.
    fn drop(&mut self) {
        drop(self.asks.take());
        let has_ended = self.ended.recv_timeout(ENDS_WITHIN) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| has_ended) {
            // A panic there was reported there.
            let _ = thread.join();
        }
    }
}

fn answer_all(log: &dyn Log, group: &str, asked: &Receiver<Reply>) {
    while let Ok(reply) = asked.recv() {
        // Those who asked meanwhile get the same answer.
        let waiting: Vec<_> = std::iter::once(reply).chain(asked.try_iter()).collect();
        let answer = describe(log, group);
        for reply in waiting {
            // Whoever is gone has lost patience.
            let _ = reply.send(answer.clone());
        }
    }
}

fn describe(log: &dyn Log, group: &str) -> Option<GroupDescription> {
    log.admin().describe_group(group).unwrap_or_else(|error| {
        debug!(%error, group, "the group's members are not to be had");
        None
    })
}
