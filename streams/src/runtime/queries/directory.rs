//! Which tasks of this process can be read, kept by the stream thread for readers on other threads.

use crate::query::QueryError;
use crate::runtime::plan::Plan;
use crate::task::TaskId;
use headwater_state::CommittedState;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

/// The tasks of one process and where they stand.
pub(crate) struct Directory {
    standing: RwLock<Standing>,
    /// When the stream thread was last at work (wall time in milliseconds).
    heard_at: AtomicI64,
}

/// What holds at one moment. While it is locked for reading, no commit reaches the stores.
pub(crate) struct Standing {
    pub(crate) plan: Arc<Plan>,
    pub(crate) tasks: BTreeMap<TaskId, TaskAt>,
    /// Who we are in the group.
    pub(crate) member_id: String,
    pub(crate) has_ended: bool,
}

/// Where a task of this process stands.
#[derive(Clone)]
pub(crate) enum TaskAt {
    /// It was given to us and is being opened or restored.
    Coming,
    /// It works, and this is what it has committed.
    Here(CommittedState),
}

/// How long a reader waits for a commit to reach the stores, or for the stream thread. With [`super::owners`]' it stays below a second.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(1);

impl Directory {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let standing = Standing { plan, tasks: BTreeMap::new(), member_id: String::new(), has_ended: false };
        Directory { standing: RwLock::new(standing), heard_at: AtomicI64::new(0) }
    }

    /// The stream thread is at work.
    pub(crate) fn hears(&self, now: i64) {
        self.heard_at.store(now, Ordering::Relaxed);
    }

    pub(crate) fn heard_at(&self) -> i64 {
        self.heard_at.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, task: TaskId, at: TaskAt) {
        self.change(|standing| standing.tasks.insert(task, at));
    }

    pub(crate) fn remove(&self, task: TaskId) {
        self.change(|standing| standing.tasks.remove(&task));
    }

    pub(crate) fn replan(&self, plan: Arc<Plan>) {
        self.change(|standing| standing.plan = plan);
    }

    pub(crate) fn meet(&self, member_id: &str) {
        self.change(|standing| member_id.clone_into(&mut standing.member_id));
    }

    /// Nobody works here any more.
    pub(crate) fn end(&self) {
        self.change(|standing| {
            standing.has_ended = true;
            standing.tasks.clear();
        });
    }

    /// Held while a commit reaches the stores of all tasks, so that no reader sees it in some of them only.
    pub(crate) fn committing(&self) -> RwLockWriteGuard<'_, Standing> {
        // Whoever panicked with it has changed nothing half.
        self.standing.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What holds now; no commit reaches the stores before the answer is dropped.
    pub(crate) fn look(&self, store: &'static str) -> Result<RwLockReadGuard<'_, Standing>, QueryError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.standing.try_read() {
                Ok(standing) => return Ok(standing),
                Err(TryLockError::Poisoned(standing)) => return Ok(standing.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::park_timeout(LOOK),
                Err(TryLockError::WouldBlock) => return Err(QueryError::Busy { store, waited_ms: PATIENCE.as_millis() as u64 }),
            }
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Standing) -> R) {
        drop(change(&mut self.committing()));
    }
}
