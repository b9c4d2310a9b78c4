//! Several processes of one application on one log, to which bad things happen.

use super::{Random, World};
use headwater_state::{Disk, MemoryDisk};
use headwater_streams::graph::Topology;
use headwater_streams::log::Log;
use headwater_streams::runtime::{AppError, Boundary, Config, Progress, Queries, SimulatedProcess};
use std::error::Error;
use std::sync::Arc;

/// How often what happens, in 10,000 turns of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mischief {
    /// It dies between two boundaries.
    pub kill: u64,
    /// It dies, and its disk with it.
    pub burn: u64,
    /// It is asked to stop.
    pub stop: u64,
    /// It is not scheduled for up to half a minute, while time passes.
    pub pause: u64,
    /// One that is not there starts.
    pub start: u64,
    /// The log is away for up to a minute.
    pub outage: u64,
}

/// The processes, each with a disk of its own.
pub struct Fleet {
    /// Where they live.
    pub world: World,
    instances: Vec<Instance>,
    random: Random,
    config: Config,
    topology: Box<dyn Fn() -> Topology>,
    /// What has happened, for a test to see that anything did.
    pub kills: u32,
    /// Pauses longer than the session.
    pub long_pauses: u32,
    /// Times that the log was away.
    pub outages: u32,
    away_until: i64,
    /// How many boundaries a turn takes at most.
    turn: u64,
}

struct Instance {
    name: String,
    disk: MemoryDisk,
    process: Option<SimulatedProcess>,
    silent_until: i64,
}

/// A simulation that has not come to rest after so long (virtual time) never will.
const PATIENCE_MS: i64 = 600_000;
/// Nothing has happened for so long: it rests. Longer than sessions, transactions and idleness take.
const REST_MS: i64 = 45_000;

impl Fleet {
    /// `count` processes that have not started.
    pub fn new(world: World, count: usize, seed: u64, config: Config, topology: impl Fn() -> Topology + 'static) -> Fleet {
        let instance = |i| Instance { name: format!("process-{i}"), disk: MemoryDisk::new(), process: None, silent_until: 0 };
        let instances = (0..count).map(instance).collect();
        Fleet {
            world,
            instances,
            random: Random::of(seed),
            config,
            topology: Box::new(topology),
            kills: 0,
            long_pauses: 0,
            outages: 0,
            away_until: 0,
            turn: 12,
        }
    }

    /// Each turn takes a single boundary from here on, so that a test sees what holds between two of them.
    pub fn look_at_each_boundary(&mut self) {
        self.turn = 1;
    }

    /// So many turns, each of one process chosen by chance.
    pub fn run(&mut self, turns: usize, mischief: Mischief) {
        for _ in 0..turns {
            let i = self.random.below(self.instances.len() as u64) as usize;
            self.outage(mischief);
            self.befall(i, mischief);
            let is_idle = self.turn(i);
            let pause = if is_idle { self.random.below(150) } else { self.random.below(3) };
            self.world.pass(pause);
        }
    }

    /// Everybody works undisturbed until nothing happens any more.
    pub fn settle(&mut self) {
        self.come_back();
        let patience = self.world.now() + PATIENCE_MS;
        let mut rest_since = self.world.now();
        while self.world.now() - rest_since < REST_MS {
            assert!(self.world.now() < patience, "it does not come to rest");
            let before = self.processed();
            (0..self.instances.len())
                .filter(|i| self.instances[*i].process.is_none())
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|i| self.start(i));
            let mut all_idle = true;
            for i in 0..self.instances.len() {
                all_idle &= self.turn(i);
            }
            if self.processed() != before {
                rest_since = self.world.now();
            }
            self.world.pass(if all_idle { 200 } else { 1 });
        }
    }

    /// The log comes back, if it is away, and answers.
    pub fn come_back(&mut self) {
        self.away_until = 0;
        self.world.set_away(false);
    }

    fn outage(&mut self, mischief: Mischief) {
        let now = self.world.now();
        if self.away_until > 0 && now >= self.away_until {
            self.come_back();
        } else if self.away_until == 0 && self.random.happens(mischief.outage) {
            self.outages += 1;
            self.away_until = now + 5_000 + self.random.below(55_000) as i64;
            self.world.set_away(true);
        }
    }

    /// Whether the log is away.
    pub fn is_away(&self) -> bool {
        self.away_until > 0
    }

    fn processed(&self) -> u64 {
        let progress = self.instances.iter().filter_map(|instance| Some(instance.process.as_ref()?.progress()));
        progress.map(|progress| progress.records + progress.restored + progress.sunk).sum()
    }

    fn befall(&mut self, i: usize, mischief: Mischief) {
        let now = self.world.now();
        if self.instances[i].process.is_none() {
            if self.random.happens(mischief.start) {
                self.start(i);
            }
        } else if self.random.happens(mischief.kill) {
            self.kills += 1;
            (self.instances[i].process, self.instances[i].silent_until) = (None, 0);
        } else if self.random.happens(mischief.burn) {
            (self.instances[i].process, self.instances[i].silent_until) = (None, 0);
            self.instances[i].disk = MemoryDisk::new();
        } else if self.random.happens(mischief.pause) {
            let length = 1_000 + self.random.below(30_000) as i64;
            self.long_pauses += u32::from(length > self.config.session_timeout.as_millis() as i64);
            self.instances[i].silent_until = now + length;
        } else if self.random.happens(mischief.stop)
            && let Some(process) = &mut self.instances[i].process
        {
            process.stop();
        }
    }

    /// Asks a process to stop.
    pub fn stop(&mut self, i: usize) {
        if let Some(process) = &mut self.instances[i].process {
            process.stop();
        }
    }

    /// How a process is doing; none while it is not there.
    pub fn progress(&self, i: usize) -> Option<Progress> {
        Some(self.instances[i].process.as_ref()?.progress())
    }

    /// Reads the stores of a process; none while it is not there.
    pub fn queries(&self, i: usize) -> Option<Queries> {
        Some(self.instances[i].process.as_ref()?.queries(self.world.clock()))
    }

    /// How many processes there are, running or not.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    /// Starts a process; one that is there is killed.
    pub fn start(&mut self, i: usize) {
        let log: Arc<dyn Log> = Arc::new(self.world.log.clone());
        let instance = &mut self.instances[i];
        let config = Config { advertised_address: Some(address_of(i)), ..self.config.clone() };
        let started = SimulatedProcess::start(log, Disk::Memory(instance.disk.clone()), &instance.name, (self.topology)(), config);
        instance.silent_until = 0;
        instance.process = match started {
            Ok(process) => Some(process),
            Err(AppError::Log { .. }) if self.away_until > 0 => None,
            Err(error) => panic!("{} does not start: {}", instance.name, chain(&error)),
        };
    }

    /// A process takes some boundaries; whether it has nothing to do.
    fn turn(&mut self, i: usize) -> bool {
        let (now, steps) = (self.world.now(), 1 + self.random.below(self.turn));
        let instance = &mut self.instances[i];
        let Some(process) = &mut instance.process else { return true };
        if now < instance.silent_until {
            return true;
        }
        for _ in 0..steps {
            match process.advance(now) {
                Ok(Boundary::Effect | Boundary::Step) => {}
                Ok(Boundary::Idle(_)) => return true,
                Err(error) if !matches!(error, AppError::Unfinished) => panic!("{} ends: {}", instance.name, chain(&error)),
                Ok(Boundary::Stopped) | Err(_) => {
                    instance.process = None;
                    return true;
                }
            }
        }
        false
    }
}

/// The address that a process advertises.
pub fn address_of(i: usize) -> String {
    format!("process-{i}:80")
}

/// An error with all its sources.
pub fn chain(error: &dyn Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
