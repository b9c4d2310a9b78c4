//! One process of an application, driven boundary by boundary: for simulators and tests.
//!
//! It is the shipped step function and the shipped executor; only the loop around them is the caller's. Dropping it is a kill.

use super::event::{Effect, Event, Pace};
use super::executor::Executor;
use super::plan::Plan;
use super::queries::{Directory, Owners, Queries, Source};
use super::sink_host::InlineSinks;
use super::status::{Progress, Status};
use super::topics::prepare_topics;
use super::worker::Worker;
use super::{AppError, Config};
use crate::graph::Topology;
use crate::log::Log;
use headwater_state::Disk;
use std::collections::VecDeque;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A process without threads and without a clock of its own.
pub struct SimulatedProcess {
    plan: Arc<Plan>,
    log: Arc<dyn Log>,
    directory: Arc<Directory>,
    executor: Executor,
    worker: Worker,
    status: Arc<Status>,
    events: Vec<Event>,
    effects: VecDeque<Effect>,
    ended: Option<Pace>,
}

/// What happened up to a boundary. A process may die at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// One effect was carried out.
    Effect,
    /// One step was taken that left something to do.
    Step,
    /// One step was taken, and nothing is to be done before this time (milliseconds) unless something happens outside.
    Idle(i64),
    /// The process has committed, left and ended.
    Stopped,
}

impl SimulatedProcess {
    /// Starts a process on a log and a disk that outlive it. `instance` tells it from the other processes of the application.
    ///
    /// # Errors
    /// As [`App::start`](super::App::start).
    pub fn start(log: Arc<dyn Log>, disk: Disk, instance: &str, topology: Topology, config: Config) -> Result<Self, AppError> {
        let plan: Arc<Plan> = Arc::new(prepare_topics(log.admin(), topology, config)?);
        let executor = Executor::connect(plan.clone(), log.clone(), instance, Box::new(InlineSinks::default()))?;
        let status = Arc::new(Status::of(&plan.application_id));
        let directory = Arc::new(Directory::new(plan.clone()));
        let worker = Worker::new(plan.clone(), disk, status.clone(), directory.clone());
        Ok(SimulatedProcess { plan, log, directory, executor, worker, status, events: Vec::new(), effects: VecDeque::new(), ended: None })
    }

    /// Goes to the next boundary at wall time `now` (milliseconds).
    ///
    /// # Errors
    /// What would stop the application.
    pub fn advance(&mut self, now: i64) -> Result<Boundary, AppError> {
        match self.ended {
            Some(Pace::GaveUp) if self.effects.is_empty() => return Err(AppError::Unfinished),
            Some(_) if self.effects.is_empty() => return Ok(Boundary::Stopped),
            Some(_) | None => {}
        }
        if let Some(effect) = self.effects.pop_front() {
            self.executor.execute(now, effect, &mut self.events)?;
            return Ok(Boundary::Effect);
        }
        self.executor.gather(now, Duration::ZERO, &mut self.events)?;
        let had_events = !self.events.is_empty();
        let mut effects = Vec::new();
        let pace = self.worker.step(now, &mut self.events, &mut effects)?;
        self.effects.extend(effects);
        self.executor.recycle(self.worker.take_spare());
        if matches!(pace, Pace::Stopped | Pace::GaveUp) {
            self.ended = Some(pace);
        }
        Ok(match pace {
            Pace::IdleUntil(deadline) if self.effects.is_empty() && !had_events => Boundary::Idle(deadline),
            Pace::IdleUntil(_) | Pace::Busy | Pace::Stopped | Pace::GaveUp => Boundary::Step,
        })
    }

    /// Asks the process to commit, leave and end.
    pub fn stop(&mut self) {
        self.events.push(Event::Stop);
    }

    /// Reads the stores of this process, by the caller's clock (milliseconds): committed rows only, since nobody else drives the process
    /// while a query waits.
    pub fn queries(&self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Queries {
        Queries::new(Source {
            topology: self.plan.topology.clone(),
            globals: self.plan.globals.clone(),
            directory: self.directory.clone(),
            owners: Owners::inline(self.log.clone(), self.plan.application_id.clone()),
            inquiries: Mutex::new(channel().0),
            clock: Box::new(clock),
            session: self.plan.config.session_timeout,
            advertised_address: self.plan.config.advertised_address.clone(),
        })
    }

    /// How it is doing.
    pub fn progress(&self) -> Progress {
        self.status.progress()
    }
}
