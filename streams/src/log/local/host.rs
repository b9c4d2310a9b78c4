//! One broker with its storage, its clock and those who wait for it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::log::clock::Clock;
use crate::log::core::broker::{Broker, Ids};
use crate::log::core::compaction;
use crate::log::core::settings::LogSettings;
use crate::log::core::store::Store;
use crate::log::faults::{Fault, Faults, Request};
use crate::log::{ErrorCode, LogError};

/// A reader beside the writer looks this often what is new.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);

/// A broker that clients in this process share.
pub(crate) struct Host {
    broker: Mutex<Broker>,
    changed: Condvar,
    pub(crate) store: Box<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    faults: Option<Mutex<Box<dyn Faults>>>,
    role: Role,
}

/// Whether this process writes the log or looks at what another one writes.
enum Role {
    Writer,
    Follower { settings: LogSettings, last_look: Mutex<Option<Instant>> },
}

impl Host {
    pub(crate) fn open(
        store: Box<dyn Store>, settings: LogSettings, clock: Arc<dyn Clock>, ids: Ids, faults: Option<Box<dyn Faults>>,
    ) -> Result<Self, LogError> {
        let mut broker = Broker::load(&*store, settings, ids)?;
        let now = clock.now_ms();
        // A log that was away looks soon, not at once, at what has grown old meanwhile.
        broker.schedule(now);
        let faults = faults.map(Mutex::new);
        Ok(Self { broker: Mutex::new(broker), changed: Condvar::new(), store, clock, faults, role: Role::Writer })
    }

    /// Looks at a log that another process writes.
    pub(crate) fn follow(store: Box<dyn Store>, settings: LogSettings, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        let broker = Broker::load(&*store, settings.clone(), Box::new(|| 0))?;
        let role = Role::Follower { settings, last_look: Mutex::new(Some(Instant::now())) };
        Ok(Self { broker: Mutex::new(broker), changed: Condvar::new(), store, clock, faults: None, role })
    }

    /// Changes the broker; what it changed is stored before anybody hears of it.
    pub(crate) fn change<T>(
        &self, request: &Request<'_>, change: impl FnOnce(&mut Broker, i64) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let fault = self.fault(request);
        if fault == Fault::Lost {
            return Err(LogError::new(ErrorCode::TimedOut, "the request was lost"));
        }
        if let Role::Follower { .. } = self.role {
            return Err(LogError::new(ErrorCode::ReadOnly, ""));
        }
        let result = self.work(change)?;
        if fault == Fault::AnswerLost {
            return Err(LogError::new(ErrorCode::TimedOut, "the answer was lost"));
        }
        result
    }

    /// Looks at the broker.
    pub(crate) fn look<T>(&self, request: &Request<'_>, look: impl FnOnce(&Broker) -> Result<T, LogError>) -> Result<T, LogError> {
        if self.loses(request) {
            return Err(LogError::new(ErrorCode::TimedOut, "the request was lost"));
        }
        self.view(look)
    }

    /// Whether a request that only asks remains without an answer.
    pub(crate) fn loses(&self, request: &Request<'_>) -> bool {
        self.fault(request) != Fault::None
    }

    /// Looks at the broker on behalf of requests that have arrived.
    pub(crate) fn view<T>(&self, look: impl FnOnce(&Broker) -> Result<T, LogError>) -> Result<T, LogError> {
        match &self.role {
            Role::Writer => self.work(|broker, _| look(broker))?,
            Role::Follower { settings, last_look } => {
                self.catch_up(settings, last_look)?;
                look(&self.lock())
            }
        }
    }

    /// Takes something that the broker holds ready.
    pub(crate) fn hear<T>(&self, take: impl FnOnce(&mut Broker) -> Result<T, LogError>) -> Result<T, LogError> {
        self.work(|broker, _| take(broker))?
    }

    /// Does what is due by the clock.
    pub(crate) fn maintain(&self) -> Result<(), LogError> {
        let Role::Writer = self.role else { return Ok(()) };
        let jobs = self.work(|broker, now| Ok(broker.compaction_jobs(now)))??;
        for job in jobs {
            // Only closed segments are read, so nobody has to wait for this.
            let cleaned = compaction::clean(&*self.store, &job)?;
            self.work(|broker, _| {
                broker.apply_cleaned(&job, cleaned);
                Ok(())
            })??;
        }
        Ok(())
    }

    /// Waits until there may be something new since `version`, or until `wait` is over. Says whether there is a point in looking again.
    pub(crate) fn wait(&self, version: u64, until: Instant) -> bool {
        let now = Instant::now();
        let left = until.saturating_duration_since(now);
        if left.is_zero() || !self.clock.runs() {
            return false;
        }
        let broker = self.lock();
        if broker.version == version {
            let pause = match self.role {
                // Nobody tells a follower what the writer does.
                Role::Follower { .. } => FOLLOW_EVERY,
                Role::Writer => {
                    let due = u64::try_from(broker.next_due().saturating_sub(self.clock.now_ms())).unwrap_or_default();
                    Duration::from_millis(due.max(1))
                }
            };
            drop(self.changed.wait_timeout(broker, left.min(pause)));
        }
        true
    }

    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Does what is due, then `work`, and stores what both have changed. The outer error is the storage's.
    fn work<T>(&self, work: impl FnOnce(&mut Broker, i64) -> T) -> Result<T, LogError> {
        let now = self.clock.now_ms();
        let mut broker = self.lock();
        if broker.broken {
            return Err(LogError::new(ErrorCode::Storage, "an earlier write failed; open the log again"));
        }
        let before = broker.version;
        if now >= broker.next_due() {
            broker.tick(now);
        }
        let result = work(&mut broker, now);
        let mut writes = std::mem::take(&mut broker.writes);
        if !writes.is_empty() {
            // What memory says and the disk does not must not be shown to anybody.
            self.store.apply(&mut writes).inspect_err(|_| broker.broken = true)?;
            broker.writes = writes;
        }
        let news = broker.version != before;
        drop(broker);
        if news {
            self.changed.notify_all();
        }
        Ok(result)
    }

    fn catch_up(&self, settings: &LogSettings, last_look: &Mutex<Option<Instant>>) -> Result<(), LogError> {
        let mut last = last_look.lock().expect("nobody panics while looking");
        if last.is_some_and(|last| last.elapsed() < FOLLOW_EVERY) {
            return Ok(());
        }
        self.store.catch_up()?;
        let version = self.lock().version + 1;
        let fresh = Broker::load(&*self.store, settings.clone(), Box::new(|| 0))?;
        *self.lock() = Broker { version, ..fresh };
        *last = Some(Instant::now());
        Ok(())
    }

    fn fault(&self, request: &Request<'_>) -> Fault {
        let faults = self.faults.as_ref();
        faults.map_or(Fault::None, |faults| faults.lock().expect("nobody panics while deciding").decide(request))
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().expect("a broker does not panic")
    }
}
