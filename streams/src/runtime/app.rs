//! An application as a program starts, watches and stops it.

use super::event::{Event, Pace};
use super::executor::Executor;
use super::instance::instance_of;
use super::outage::may_pass;
use super::plan::Plan;
use super::queries::{Directory, Inquiry, Owners, Queries, Source};
use super::sink_host::SinkThreads;
use super::status::{Progress, Status};
use super::topics::prepare_topics;
use super::worker::Worker;
use super::{AppError, Config};
use crate::graph::Topology;
use crate::log::Log;
use headwater_state::Disk;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::warn;

/// A topology and how it is to run.
///
/// ```
/// use headwater_state::{Disk, MemoryBudget, StateDirectory};
/// use headwater_streams::log::EmbeddedLog;
/// use headwater_streams::prelude::*;
/// use headwater_streams::runtime::{App, Config};
/// use std::{sync::Arc, time::Duration};
///
/// const LINES: Topic<String, String> = Topic::new("lines");
/// const LOUD: Topic<String, String> = Topic::new("loud-lines");
///
/// let topology = StreamsBuilder::new();
/// topology.declare(LINES.declaration());
/// topology.declare(LOUD.declaration());
/// topology.stream(LINES).map_values(|_, line| line.to_uppercase()).to(LOUD);
///
/// let folder = tempfile::tempdir()?;
/// let log = Arc::new(EmbeddedLog::open(folder.path().join("log"))?);
/// let state = StateDirectory::open(&folder.path().join("state"), "loud", MemoryBudget::of_bytes(64 << 20))?;
/// let running = App::new(topology.build()?, Config::new("loud")).start(log, Disk::Directory(state))?;
/// assert!(running.drain(Duration::from_secs(10)), "an empty topic is soon read");
/// running.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct App {
    topology: Topology,
    config: Config,
}

impl App {
    /// An application that has not started.
    pub fn new(topology: Topology, config: Config) -> Self {
        App { topology, config }
    }

    /// Creates what topics are missing, joins the group and starts to work.
    ///
    /// # Errors
    /// [`AppError::Topics`] where the topics do not fit the topology; [`AppError::Log`] where the log does not answer.
    pub fn start(self, log: Arc<dyn Log>, disk: Disk) -> Result<Running, AppError> {
        let plan = Arc::new(self.prepare(&*log)?);
        let status = Arc::new(Status::of(&plan.application_id));
        let stop = Arc::new(AtomicBool::new(false));
        let (inquiries, asked) = channel();
        let directory = Arc::new(Directory::new(plan.clone()));
        let queries = Queries::new(Source {
            topology: plan.topology.clone(),
            globals: plan.globals.clone(),
            directory: directory.clone(),
            owners: Owners::beside(log.clone(), plan.application_id.clone()),
            inquiries: Mutex::new(inquiries),
            clock: Box::new(wall_clock),
            session: plan.config.session_timeout,
            advertised_address: plan.config.advertised_address.clone(),
        });
        let thread = {
            let (status, stop) = (status.clone(), stop.clone());
            let work = move || work(plan, log, disk, status, directory, &asked, &stop);
            std::thread::Builder::new().name("stream-0".into()).spawn(work).map_err(|error| AppError::Died(error.to_string()))?
        };
        Ok(Running { thread, status, queries, stop })
    }
}

impl App {
    /// A log that is away when the application starts may come soon: a machine that boots starts both at once.
    fn prepare(self, log: &dyn Log) -> Result<Plan, AppError> {
        let deadline = Instant::now() + self.config.start_patience;
        let mut told = false;
        loop {
            match prepare_topics(log.admin(), self.topology.clone(), self.config.clone()) {
                Err(AppError::Log { doing, source }) if may_pass(&source) && Instant::now() < deadline => {
                    if !std::mem::replace(&mut told, true) {
                        warn!(error = %source, doing, "the log does not answer, waiting for it to start");
                    }
                    std::thread::park_timeout(ASK_AGAIN);
                }
                prepared => return prepared,
            }
        }
    }
}

/// How often a log that is away is asked at the start.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A running application. Dropping it lets it run on; [`Running::stop`] ends it in good order.
pub struct Running {
    thread: JoinHandle<Result<(), AppError>>,
    status: Arc<Status>,
    queries: Queries,
    stop: Arc<AtomicBool>,
}

impl Running {
    /// How it is doing.
    pub fn progress(&self) -> Progress {
        self.status.progress()
    }

    /// The counters themselves, for other threads.
    pub fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Reads its stores, from any thread.
    pub fn queries(&self) -> Queries {
        self.queries.clone()
    }

    /// Whether it has ended by itself, which it does only with an error.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until everything that stands in the inputs now is processed, committed and written by the sinks, but no longer than
    /// `patience`. Returns whether it is. Who fills the inputs must have stopped.
    pub fn drain(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.status.works();
        while self.status.rest() < STEPS_AT_REST {
            if self.has_ended() || Instant::now() >= deadline {
                return false;
            }
            std::thread::park_timeout(LOOK);
        }
        true
    }

    /// Commits, leaves the group and ends.
    ///
    /// # Errors
    /// The error with which the application had ended before, or that came up now.
    pub fn stop(self) -> Result<Progress, AppError> {
        self.stop.store(true, Ordering::Release);
        match self.thread.join() {
            Ok(ended) => ended.map(|()| self.status.progress()),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Err(AppError::Died(text.unwrap_or_else(|| "panicked".into())))
            }
        }
    }
}

/// A step may have looked before the last record came; so many in a row have not.
const STEPS_AT_REST: u64 = 5;

/// How often a waiting caller looks.
const LOOK: Duration = Duration::from_millis(5);

/// The loop around the step function: gather, step, carry out.
fn work(
    plan: Arc<Plan>, log: Arc<dyn Log>, disk: Disk, status: Arc<Status>, directory: Arc<Directory>, asked: &Receiver<Inquiry>,
    stop: &AtomicBool,
) -> Result<(), AppError> {
    let mut worker = Worker::new(plan.clone(), disk.clone(), status, directory);
    let mut executor = Executor::connect(plan, log, &instance_of(&disk)?, Box::new(SinkThreads::new()))?;
    let (mut events, mut effects) = (Vec::new(), Vec::new());
    let mut wait = Duration::ZERO;
    let mut told = false;
    loop {
        executor.gather(wall_clock(), wait, &mut events)?;
        events.extend(asked.try_iter().map(Event::Inquiry));
        if !told && stop.load(Ordering::Acquire) {
            told = true;
            events.push(Event::Stop);
        }
        let now = wall_clock();
        let pace = worker.step(now, &mut events, &mut effects)?;
        for effect in effects.drain(..) {
            executor.execute(wall_clock(), effect, &mut events)?;
        }
        executor.recycle(worker.take_spare());
        wait = match pace {
            Pace::Stopped => return Ok(()),
            Pace::GaveUp => return Err(AppError::Unfinished),
            Pace::Busy => Duration::ZERO,
            Pace::IdleUntil(deadline) => Duration::from_millis((deadline - now).clamp(0, LONGEST_WAIT_MS) as u64),
        };
        if !events.is_empty() {
            wait = Duration::ZERO;
        }
    }
}

/// The group, the sinks and a request to stop are looked after at least this often.
const LONGEST_WAIT_MS: i64 = 10;

fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
